import { command } from '../command.ts'

export default command({
  name: 'whoami',
  describe: 'Show who the daemon takes you for, and what you may do',
  options: { format: { type: 'string', describe: 'Format the output', choices: ['text', 'json'], default: 'text' } },
  async run({ api, output }, { format }) {
    const me = await api.call('whoami')
    if (format === 'json') {
      output.json(me)
      return 0
    }
    output.line(`${me.name}, from ${me.origin}`)
    for (const rights of me.rights) {
      const held = rights.map(({ role, stacks }) => `${role} of ${stacks.join(', ')}`)
      output.line(`  ${held.length === 0 ? 'nothing' : held.join('; ')}`)
    }
    output.line(`  may: ${me.permissions.length === 0 ? 'nothing' : me.permissions.join(', ')}`)
    if (me.policy === 'bound') output.line('  what it declares is bound by the policy')
    return 0
  },
})
