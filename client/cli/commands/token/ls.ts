import { command } from '../../command.ts'
import { ago, table } from '../../render/table.ts'

export default command({
  name: 'token ls',
  aliases: ['token list'],
  describe: 'List tokens, without their secrets',
  options: {
    format: { type: 'string', describe: 'Format the output', choices: ['table', 'json'], default: 'table' },
  },
  async run({ api, output }, { format }) {
    const { tokens } = await api.call('tokens')
    if (format === 'json') for (const token of tokens) output.line(JSON.stringify(token))
    else {
      const now = new Date()
      output.line(
        table(
          ['NAME', 'USER', 'ROLE', 'STACKS', 'CREATED', 'EXPIRES', 'LAST USED', 'FROM'],
          tokens.map((token) => [
            token.name,
            token.user ?? '',
            token.role ?? '',
            token.stacks?.join(', ') ?? '',
            ago(token.createdAt, now),
            token.expiresAt ?? 'never',
            token.lastUsedAt === undefined ? 'never' : ago(token.lastUsedAt, now),
            token.lastUsedFrom ?? '',
          ]),
        ),
      )
    }
    return 0
  },
})
