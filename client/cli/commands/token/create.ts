import { command } from '../../command.ts'
import { lifetimeSeconds } from '../../lifetime.ts'
import { oneWord } from '../../one-word.ts'
import { ROLE_OPTION, STACK_OPTION } from '../../role-options.ts'

export default command({
  name: 'token create',
  positional: 'NAME',
  describe: 'Make a token and print its secret, which is shown this once',
  options: {
    role: { ...ROLE_OPTION, describe: 'What it may do; for a token of a user: at most' },
    stack: STACK_OPTION,
    user: { type: 'string', describe: 'Whose it is: it may then do at most what the user may', placeholder: 'NAME' },
    expires: { type: 'string', describe: 'After how long it ends, or never', default: '90d', placeholder: 'TIME' },
  },
  examples: [
    ['evenkeel token create ci --role deployer --stack "shop-*"', 'for a pipeline that brings up shop-*'],
    ['evenkeel token create ann-laptop --user ann', 'for a person, with what that user may do'],
  ],
  async run({ api, output }, values, words) {
    const token = await api.call(
      'createToken',
      {},
      {
        name: oneWord(words, 'the name of the token'),
        expiresInSeconds: lifetimeSeconds(values.expires),
        ...(values.user === undefined ? {} : { user: values.user }),
        ...(values.role === undefined ? {} : { role: values.role }),
        ...(values.stack === undefined ? {} : { stacks: values.stack }),
      },
    )
    output.note(
      `Token ${token.name}${token.expiresAt === undefined ? '' : `, until ${token.expiresAt}`}. Keep it: it is not shown again.`,
    )
    output.line(token.secret)
    return 0
  },
})
