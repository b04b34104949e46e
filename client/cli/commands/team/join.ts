import { command } from '../../command.ts'
import { eachName } from '../../each-name.ts'

export default command({
  name: 'team join',
  positional: 'TEAM USER...',
  describe: 'Make users members of a team',
  options: {},
  run: ({ api, output }, _, [team = '', ...users]) =>
    eachName(users, 'a team and its users', output, (user) => api.call('joinTeam', { team, user })),
})
