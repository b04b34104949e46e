import { command } from '../../command.ts'
import { ago, table } from '../../render/table.ts'

export default command({
  name: 'team ls',
  aliases: ['team list'],
  describe: 'List teams with role, stacks and members',
  options: {
    format: { type: 'string', describe: 'Format the output', choices: ['table', 'json'], default: 'table' },
  },
  async run({ api, output }, { format }) {
    const { teams } = await api.call('teams')
    if (format === 'json') for (const team of teams) output.line(JSON.stringify(team))
    else {
      const now = new Date()
      output.line(
        table(
          ['NAME', 'ROLE', 'STACKS', 'MEMBERS', 'CREATED', 'BY'],
          teams.map(({ name, role, stacks, members, createdAt, createdBy }) => [
            name,
            role,
            stacks.join(', '),
            members.join(', '),
            ago(createdAt, now),
            createdBy,
          ]),
        ),
      )
    }
    return 0
  },
})
