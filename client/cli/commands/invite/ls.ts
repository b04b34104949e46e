import { command } from '../../command.ts'
import { ago, table } from '../../render/table.ts'

export default command({
  name: 'invite ls',
  aliases: ['invite list'],
  describe: 'List open invitations, without their secrets',
  options: {
    format: { type: 'string', describe: 'Format the output', choices: ['table', 'json'], default: 'table' },
  },
  async run({ api, output }, { format }) {
    const { invitations } = await api.call('invitations')
    if (format === 'json') for (const invitation of invitations) output.line(JSON.stringify(invitation))
    else {
      const now = new Date()
      output.line(
        table(
          ['NAME', 'FOR', 'ROLE', 'STACKS', 'TEAM', 'CREATED', 'BY', 'EXPIRES'],
          invitations.map((one) => [
            one.name,
            one.addressee,
            one.role ?? '',
            one.role === undefined ? '' : one.stacks.join(', '),
            one.team ?? '',
            ago(one.createdAt, now),
            one.createdBy,
            one.expiresAt,
          ]),
        ),
      )
    }
    return 0
  },
})
