import { Problem } from '../../../../protocol/problems.ts'
import { command } from '../../command.ts'
import { oneWord } from '../../one-word.ts'
import { ROLE_OPTION, STACK_OPTION } from '../../role-options.ts'

export default command({
  name: 'team set',
  positional: 'NAME',
  describe: 'Make a team, or give one another role and other stacks',
  options: { role: { ...ROLE_OPTION, describe: 'What each member may do' }, stack: STACK_OPTION },
  examples: [['evenkeel team set shop --role developer --stack "shop-*"', 'and then: evenkeel team join shop ann']],
  async run({ api, output }, { role, stack }, words) {
    const team = oneWord(words, 'the name of the team')
    if (role === undefined) throw new Problem('bad-request', 'which role?', { hint: ROLE_OPTION.describe })
    const set = await api.call('putTeam', { team }, { role, ...(stack === undefined ? {} : { stacks: stack }) })
    output.line(`${set.name}: ${set.role} of ${set.stacks.join(', ')}`)
    return 0
  },
})
