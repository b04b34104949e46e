import { Problem } from '../../../../protocol/problems.ts'
import { command } from '../../command.ts'
import { lifetimeSeconds } from '../../lifetime.ts'
import { oneWord } from '../../one-word.ts'
import { ROLE_OPTION, STACK_OPTION } from '../../role-options.ts'

export default command({
  name: 'invite create',
  positional: 'NAME',
  describe: 'Invite somebody to become the user NAME, and print the secret of the invitation, which is shown this once',
  options: {
    to: { type: 'string', describe: 'Whom: a mail address, or what else you both know', placeholder: 'ADDRESSEE' },
    role: { ...ROLE_OPTION, describe: 'What the user may do' },
    stack: STACK_OPTION,
    team: { type: 'string', describe: 'The team to become a member of', placeholder: 'TEAM' },
    expires: { type: 'string', describe: 'After how long it ends, at most 31d', default: '7d', placeholder: 'TIME' },
  },
  examples: [
    ['evenkeel invite create ann --to ann@example.com --role developer --stack "shop-*"', 'here'],
    ['evenkeel -H https://prod:7443 invite accept ann@example.com < invitation > token', 'there'],
  ],
  async run({ api, output }, { to, role, stack, team, expires }, words) {
    const name = oneWord(words, 'the name of the user')
    if (to === undefined) throw new Problem('bad-request', 'whom is it for?', { hint: '--to ADDRESSEE' })
    const expiresInSeconds = lifetimeSeconds(expires)
    if (expiresInSeconds === null)
      throw new Problem('bad-request', 'an invitation ends', { hint: '--expires 7d, and at most 31d' })
    const made = await api.call(
      'createInvitation',
      {},
      {
        name,
        addressee: to,
        expiresInSeconds,
        ...(role === undefined ? {} : { role }),
        ...(stack === undefined ? {} : { stacks: stack }),
        ...(team === undefined ? {} : { team }),
      },
    )
    output.note(
      `Invitation of ${name} for ${made.addressee}, until ${made.expiresAt}. It is not shown again, and good for once.`,
    )
    output.line(made.secret)
    return 0
  },
})
