import { ROLE_NAMES, type Role } from '../../../../protocol/access.ts'
import { Problem } from '../../../../protocol/problems.ts'
import { command } from '../../command.ts'
import { oneWord } from '../../one-word.ts'

export default command({
  name: 'user set',
  positional: 'NAME',
  describe: 'Make a user, or give one another role and other stacks',
  options: {
    role: { type: 'string', describe: 'What the user may do', choices: ROLE_NAMES },
    stack: {
      type: 'string',
      array: true,
      describe: 'On stacks of this name; * for any characters',
      placeholder: 'PATTERN',
    },
  },
  examples: [['evenkeel user set ann --role developer --stack "shop-*"', '']],
  async run({ api, output }, { role, stack }, words) {
    const user = oneWord(words, 'the name of the user')
    if (role === undefined) throw new Problem('bad-request', 'which role?', { hint: `--role ${ROLE_NAMES.join('|')}` })
    const set = await api.call(
      'putUser',
      { user },
      { role: role as Role, ...(stack === undefined ? {} : { stacks: stack }) },
    )
    output.line(`${set.name}: ${set.role} of ${set.stacks.join(', ')}`)
    return 0
  },
})
