import { command } from '../../command.ts'
import { ago, table } from '../../render/table.ts'

export default command({
  name: 'role ls',
  aliases: ['role list'],
  describe: 'List roles with their permissions',
  options: {
    format: { type: 'string', describe: 'Format the output', choices: ['table', 'json'], default: 'table' },
  },
  async run({ api, output }, { format }) {
    const { roles } = await api.call('roles')
    if (format === 'json') for (const role of roles) output.line(JSON.stringify(role))
    else {
      const now = new Date()
      output.line(
        table(
          ['NAME', 'CREATED', 'BY', 'PERMISSIONS'],
          roles.map(({ name, createdAt, createdBy, permissions }) => [
            name,
            createdAt === undefined ? '' : ago(createdAt, now),
            createdBy ?? '',
            permissions.join(', '),
          ]),
        ),
      )
    }
    return 0
  },
})
