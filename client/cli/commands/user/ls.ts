import { command } from '../../command.ts'
import { ago, table } from '../../render/table.ts'

export default command({
  name: 'user ls',
  aliases: ['user list'],
  describe: 'List users with role, stacks and teams',
  options: {
    format: { type: 'string', describe: 'Format the output', choices: ['table', 'json'], default: 'table' },
  },
  async run({ api, output }, { format }) {
    const { users } = await api.call('users')
    if (format === 'json') for (const user of users) output.line(JSON.stringify(user))
    else {
      const now = new Date()
      output.line(
        table(
          ['NAME', 'KIND', 'ROLE', 'STACKS', 'TEAMS', 'CREATED', 'BY'],
          users.map((user) => [
            user.name,
            user.kind,
            user.role ?? '',
            user.role === undefined ? '' : user.stacks.join(', '),
            user.teams.join(', '),
            ago(user.createdAt, now),
            user.createdBy,
          ]),
        ),
      )
    }
    return 0
  },
})
