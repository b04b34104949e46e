import { command } from '../../command.ts'
import { eachName } from '../../each-name.ts'

export default command({
  name: 'secret rm',
  aliases: ['secret remove'],
  positional: 'NAME...',
  describe: 'Remove secrets that no service uses',
  options: {},
  async run(context, _, names) {
    const stack = await context.stackName()
    return eachName(names, 'secrets', context.output, (secret) => context.api.call('removeSecret', { stack, secret }))
  },
})
