import { command } from '../../command.ts'
import { eachName } from '../../each-name.ts'

export default command({
  name: 'user rm',
  aliases: ['user remove'],
  positional: 'NAME...',
  describe: 'Remove users with their tokens. What is open with them ends at once',
  options: {},
  run: ({ api, output }, _, names) => eachName(names, 'users', output, (user) => api.call('removeUser', { user })),
})
