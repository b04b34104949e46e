import { formatBytes } from '../../../../protocol/bytes.ts'
import { command } from '../../command.ts'
import { oneWord } from '../../one-word.ts'
import { mustHaveTarget, save } from '../../save-stream.ts'

export default command({
  name: 'volume export',
  positional: 'VOLUME',
  describe:
    'Write what a volume holds as a tar, with owners, modes, times (whole seconds) and links, and tell its SHA-256. What is written meanwhile may be half in it: stop the stack first',
  options: {
    output: {
      type: 'string',
      alias: 'o',
      describe: 'Write to a file, instead of standard output',
      placeholder: 'FILE',
    },
  },
  examples: [
    ['evenkeel volume export shop_data -o data.tar | tee data.tar.sha256', 'a copy, and what to check it by'],
    ['evenkeel volume export shop_data | gzip > data.tar.gz', 'compressed'],
  ],
  async run({ api, output, warn }, values, words) {
    const volume = oneWord(words, 'the name of a volume')
    mustHaveTarget(values.output, output)
    const { usedBy } = await api.call('volume', { volume })
    const running = usedBy.filter(({ state }) => state === 'running').map(({ container }) => container)
    if (running.length > 0)
      warn(`${running.join(', ')} may write to ${volume} meanwhile: stop it for a copy of one moment`)
    const { bytes, sha256 } = await save(await api.download('exportVolume', { volume }), values.output)
    // As sha256sum writes it, which then checks it (sha256sum -c).
    if (values.output !== undefined) output.line(`${sha256}  ${values.output}`)
    else output.note(`${sha256}  ${volume} (${formatBytes(bytes)})`)
    return 0
  },
})
