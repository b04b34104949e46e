import { command } from '../command.ts'

export default command({
  name: 'resume-traffic',
  positional: '[SERVICE...]',
  describe: 'Let requests and connections that wait in the ingress go on',
  options: {},
  async run(context, _, services) {
    const stack = await context.stackName()
    const resumed = await context.api.call('resumeTraffic', { stack }, { services: [...services] })
    context.output.note(
      resumed.services.length === 0 ? 'No traffic waited.' : `Traffic to ${resumed.services.join(', ')} goes on.`,
    )
    return 0
  },
})
