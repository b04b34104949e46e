import { command } from '../../command.ts'
import { eachName } from '../../each-name.ts'

export default command({
  name: 'team rm',
  aliases: ['team remove'],
  positional: 'NAME...',
  describe: 'Remove teams. Their members stay; what is open with the right of a team ends at once',
  options: {},
  run: ({ api, output }, _, names) => eachName(names, 'teams', output, (team) => api.call('removeTeam', { team })),
})
