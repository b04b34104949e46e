import { unlessAbsent } from '../absent-stack.ts'
import { command } from '../command.ts'
import { followDeployment } from '../follow-deployment.ts'

export default command({
  name: 'unpause',
  positional: '[SERVICE...]',
  describe: 'Unpause services',
  options: {},
  async run(context, _, services) {
    const stack = await context.stackName()
    const accepted = await unlessAbsent(context.api.call('unpause', { stack }, { services: [...services] }), () => {
      context.warn(`there is no stack ${stack}`)
    })
    if (accepted !== undefined) await followDeployment(context, accepted)
    return 0
  },
})
