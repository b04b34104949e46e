import { Problem } from '../../../protocol/problems.ts'
import { command } from '../command.ts'

export default command({
  name: 'export',
  positional: 'SERVICE',
  describe: "Export a service container's filesystem as a tar archive",
  options: {
    index: { type: 'number', describe: 'Index of the container if service has multiple replicas', placeholder: 'N' },
    output: { type: 'string', alias: 'o', describe: 'Write to a file, instead of STDOUT', placeholder: 'FILE' },
  },
  async run(context, values, words) {
    const [service] = words
    if (service === undefined || words.length > 1) {
      throw new Problem('bad-request', 'export needs SERVICE, and nothing else', {
        hint: 'for example: evenkeel export web -o web.tar',
      })
    }
    if (values.output === undefined && context.output.isTerminal) {
      throw new Problem('bad-request', 'output option is required when exporting to terminal', {
        hint: `evenkeel export ${service} -o ${service}.tar`,
      })
    }
    const stack = await context.stackName()
    const tar = await context.api.download('export', { stack }, { service, index: values.index ?? 0 })
    const { pipeline } = await import('node:stream/promises')
    if (values.output === undefined) await pipeline(tar, process.stdout, { end: false })
    else {
      const { writeWhole } = await import('../write-whole.ts')
      await writeWhole(values.output, tar)
    }
    return 0
  },
})
