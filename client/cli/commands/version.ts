import { Problem } from '../../../protocol/problems.ts'
import { command } from '../command.ts'

declare const EVENKEEL_VERSION: string

export default command({
  name: 'version',
  describe: 'Show the versions of client and daemon',
  options: {
    short: { type: 'boolean', describe: "Show only the client's version number" },
    format: {
      type: 'string',
      alias: 'f',
      describe: 'Format the output',
      choices: ['pretty', 'json'],
      default: 'pretty',
    },
  },
  async run(context, values) {
    if (values.short === true) {
      context.output.line(EVENKEEL_VERSION)
      return 0
    }
    const daemon = await context.api.call('version').then(
      (answer) => answer.version,
      (error: unknown) => {
        if (error instanceof Problem && error.code === 'daemon-unreachable') return undefined
        throw error
      },
    )
    if (values.format === 'json') context.output.json({ client: EVENKEEL_VERSION, daemon: daemon ?? null })
    else
      context.output.line(
        `evenkeel ${EVENKEEL_VERSION}\nevenkeeld ${daemon ?? `does not answer at ${context.api.address.url}`}`,
      )
    return 0
  },
})
