import { command } from '../command.ts'
import { followDeployment } from '../follow-deployment.ts'

export default command({
  name: 'start',
  positional: '[SERVICE...]',
  describe: 'Start services',
  options: {
    wait: { type: 'boolean', describe: 'Wait for services to be running|healthy' },
    'wait-timeout': { type: 'number', describe: 'Maximum duration in seconds to wait', placeholder: 'SECONDS' },
  },
  async run(context, values, services) {
    const accepted = await context.api.call(
      'start',
      { stack: await context.stackName() },
      {
        services: [...services],
        dependencies: 'include',
        wait: values.wait === true ? 'ready' : 'started',
        ...(values['wait-timeout'] === undefined ? {} : { waitTimeoutSeconds: values['wait-timeout'] }),
      },
    )
    await followDeployment(context, accepted)
    return 0
  },
})
