import { command } from '../../command.ts'
import { ago, table } from '../../render/table.ts'

export default command({
  name: 'secret ls',
  aliases: ['secret list'],
  describe: 'List the secrets of a stack, without their values',
  options: {
    format: { type: 'string', describe: 'Format the output', choices: ['table', 'json'], default: 'table' },
  },
  async run(context, { format }) {
    const { output } = context
    const { secrets } = await context.api.call('secrets', { stack: await context.stackName() })
    if (format === 'json') for (const secret of secrets) output.line(JSON.stringify(secret))
    else {
      const now = new Date()
      output.line(
        table(
          ['NAME', 'VERSION', 'CREATED', 'UPDATED', 'BY', 'USED BY'],
          secrets.map(({ name, version, createdAt, updatedAt, updatedBy, usedBy }) => [
            name,
            String(version),
            ago(createdAt, now),
            ago(updatedAt, now),
            updatedBy,
            usedBy.join(', '),
          ]),
        ),
      )
    }
    return 0
  },
})
