import { command } from '../../command.ts'
import { eachName } from '../../each-name.ts'

export default command({
  name: 'token rm',
  aliases: ['token remove'],
  positional: 'NAME...',
  describe: 'Revoke tokens. What is open with them ends at once',
  options: {},
  run: ({ api, output }, _, names) => eachName(names, 'tokens', output, (token) => api.call('removeToken', { token })),
})
