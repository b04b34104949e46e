import { formatBytes } from '../../../../protocol/bytes.ts'
import { Problem } from '../../../../protocol/problems.ts'
import { command } from '../../command.ts'
import { mustHaveTarget, save } from '../../save-stream.ts'

export default command({
  name: 'system backup',
  describe:
    'Write the state of the daemon as a tar, while it works: stacks, revisions, history, and the contents of configs and SECRETS in the clear. Keep it as you keep those: a file has mode 0600. Not in it: volumes (volume export), build contexts, images',
  options: {
    output: {
      type: 'string',
      alias: 'o',
      describe: 'Write to a file, instead of standard output',
      placeholder: 'FILE',
    },
  },
  examples: [['evenkeel system backup -o evenkeel.tar', 'and back: evenkeel system restore evenkeel.tar']],
  async run({ api, output }, values, words) {
    if (words.length > 0) throw new Problem('bad-request', 'this takes no words', { hint: 'to a file: -o FILE' })
    mustHaveTarget(values.output, output)
    const { bytes, sha256 } = await save(await api.download('backup', {}), values.output)
    if (values.output !== undefined) output.line(`${sha256}  ${values.output}`)
    else output.note(`${sha256}  (${formatBytes(bytes)})`)
    return 0
  },
})
