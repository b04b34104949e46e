import { command } from '../../command.ts'
import { oneWord } from '../../one-word.ts'
import { ROLE_OPTION, STACK_OPTION } from '../../role-options.ts'

export default command({
  name: 'user set',
  positional: 'NAME',
  describe: 'Make a user, or give one another role and other stacks',
  options: {
    role: { ...ROLE_OPTION, describe: 'What the user may do; without one: what the teams of the user may' },
    stack: STACK_OPTION,
    service: { type: 'boolean', describe: 'A service account: with tokens alone, and ruling over nobody' },
  },
  examples: [
    ['evenkeel user set ann --role developer --stack "shop-*"', ''],
    ['evenkeel user set ci --service --role deployer', 'and then: evenkeel token create ci-main --user ci'],
  ],
  async run({ api, output }, { role, stack, service }, words) {
    const user = oneWord(words, 'the name of the user')
    const set = await api.call(
      'putUser',
      { user },
      {
        ...(role === undefined ? {} : { role }),
        ...(stack === undefined ? {} : { stacks: stack }),
        ...(service === undefined ? {} : { kind: service ? 'service' : 'person' }),
      },
    )
    const own = set.role === undefined ? 'no role of its own' : `${set.role} of ${set.stacks.join(', ')}`
    output.line(`${set.name}: ${[own, ...set.teams.map((team) => `member of ${team}`)].join('; ')}`)
    return 0
  },
})
