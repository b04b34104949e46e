import { command } from '../../command.ts'
import { ago, table } from '../../render/table.ts'

export default command({
  name: 'user ls',
  aliases: ['user list'],
  describe: 'List users with role and stacks',
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
          ['NAME', 'ROLE', 'STACKS', 'CREATED', 'BY'],
          users.map((user) => [user.name, user.role, user.stacks.join(', '), ago(user.createdAt, now), user.createdBy]),
        ),
      )
    }
    return 0
  },
})
