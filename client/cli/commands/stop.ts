import { command } from '../command.ts'
import { followDeployment } from '../follow-deployment.ts'

export default command({
  name: 'stop',
  positional: '[SERVICE...]',
  describe: 'Stop services; the daemon keeps them stopped until they are started',
  options: {
    timeout: {
      type: 'number',
      alias: 't',
      describe: 'Seconds from the stop signal to SIGKILL',
      placeholder: 'SECONDS',
    },
  },
  async run(context, values, services) {
    const accepted = await context.api.call(
      'stop',
      { stack: await context.stackName() },
      {
        services: [...services],
        dependencies: 'ignore',
        ...(values.timeout === undefined ? {} : { timeoutSeconds: values.timeout }),
      },
    )
    await followDeployment(context, accepted)
    return 0
  },
})
