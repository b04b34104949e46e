import { GRANTABLE, type Permission } from '../../../../protocol/access.ts'
import { Problem } from '../../../../protocol/problems.ts'
import { command } from '../../command.ts'
import { oneWord } from '../../one-word.ts'

export default command({
  name: 'role set',
  positional: 'NAME',
  describe: 'Make a role by permission, or change one: for all who have it, at once',
  options: {
    permission: { type: 'string', array: true, alias: 'p', describe: 'What it may do', choices: GRANTABLE },
  },
  examples: [
    ['evenkeel role set on-call --permission connect --permission read --permission logs --permission operate', ''],
  ],
  async run({ api, output }, { permission }, words) {
    const role = oneWord(words, 'the name of the role')
    if (permission === undefined)
      throw new Problem('bad-request', 'which permissions?', { hint: `--permission ${GRANTABLE.join('|')}` })
    const set = await api.call('putRole', { role }, { permissions: permission as Permission[] })
    output.line(`${set.name}: ${set.permissions.join(', ')}`)
    return 0
  },
})
