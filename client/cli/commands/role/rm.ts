import { command } from '../../command.ts'
import { eachName } from '../../each-name.ts'

export default command({
  name: 'role rm',
  aliases: ['role remove'],
  positional: 'NAME...',
  describe: 'Remove roles that nobody has',
  options: {},
  run: ({ api, output }, _, names) => eachName(names, 'roles', output, (role) => api.call('removeRole', { role })),
})
