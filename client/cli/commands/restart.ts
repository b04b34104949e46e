import { command } from '../command.ts'
import { followDeployment } from '../follow-deployment.ts'

export default command({
  name: 'restart',
  positional: '[SERVICE...]',
  describe: 'Restart services',
  options: {
    'no-deps': { type: 'boolean', describe: "Don't restart dependent services" },
    timeout: {
      type: 'number',
      alias: 't',
      describe: 'Seconds from the stop signal to SIGKILL',
      placeholder: 'SECONDS',
    },
  },
  async run(context, values, services) {
    const accepted = await context.api.call(
      'restart',
      { stack: await context.stackName() },
      {
        services: [...services],
        dependencies: 'ignore',
        dependents: values['no-deps'] === true ? 'leave' : 'restart',
        ...(values.timeout === undefined ? {} : { timeoutSeconds: values.timeout }),
      },
    )
    await followDeployment(context, accepted)
    return 0
  },
})
