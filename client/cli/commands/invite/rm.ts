import { command } from '../../command.ts'
import { eachName } from '../../each-name.ts'

export default command({
  name: 'invite rm',
  aliases: ['invite remove'],
  positional: 'NAME...',
  describe: 'Take invitations back, by the users whom they would make',
  options: {},
  run: ({ api, output }, _, names) =>
    eachName(names, 'users', output, (user) => api.call('removeInvitation', { user })),
})
