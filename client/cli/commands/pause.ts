import { unlessAbsent } from '../absent-stack.ts'
import { command } from '../command.ts'
import { followDeployment } from '../follow-deployment.ts'

export default command({
  name: 'pause',
  positional: '[SERVICE...]',
  describe: `Pause services

They stay paused until unpause, start or up: also when the daemon or the Engine starts anew.`,
  options: {},
  async run(context, _, services) {
    const stack = await context.stackName()
    const accepted = await unlessAbsent(context.api.call('pause', { stack }, { services: [...services] }), () => {
      context.warn(`there is no stack ${stack}`)
    })
    if (accepted !== undefined) await followDeployment(context, accepted)
    return 0
  },
})
