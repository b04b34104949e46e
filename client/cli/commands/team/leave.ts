import { command } from '../../command.ts'
import { eachName } from '../../each-name.ts'

export default command({
  name: 'team leave',
  positional: 'TEAM USER...',
  describe: 'Take users out of a team',
  options: {},
  run: ({ api, output }, _, [team = '', ...users]) =>
    eachName(users, 'a team and its users', output, (user) => api.call('leaveTeam', { team, user })),
})
