import { type DaemonContext, readContexts } from '../../../contexts.ts'
import { command } from '../../command.ts'
import { table } from '../../render/table.ts'

export default command({
  name: 'context ls',
  aliases: ['context list'],
  describe: 'List contexts, without what is secret of them',
  options: {
    format: { type: 'string', describe: 'Format the output', choices: ['table', 'json'], default: 'table' },
    quiet: { type: 'boolean', alias: 'q', describe: 'Only display names' },
  },
  async run({ output }, values) {
    const { current, contexts } = readContexts(process.env)
    const rows = Object.entries(contexts).map(([name, context]) => ({
      name,
      current: name === current,
      host: context.host,
      credential: credentialOf(context),
    }))
    if (values.quiet === true) for (const { name } of rows) output.line(name)
    else if (values.format === 'json') for (const row of rows) output.line(JSON.stringify(row))
    else
      output.line(
        table(
          ['NAME', 'HOST', 'LET IN BY'],
          rows.map((row) => [row.current ? `${row.name} *` : row.name, row.host, row.credential]),
        ),
      )
    return 0
  },
})

function credentialOf({ token, certificate, host }: DaemonContext): string {
  if (token !== undefined) return 'token'
  if (certificate !== undefined) return 'client certificate'
  return host.startsWith('https:') ? 'nothing' : host.startsWith('ssh:') ? 'ssh' : 'the socket'
}
