import { unlessAbsent } from '../absent-stack.ts'
import { command } from '../command.ts'
import { followDeployment } from '../follow-deployment.ts'

export default command({
  name: 'kill',
  positional: '[SERVICE...]',
  describe: `Force stop service containers

SIGKILL, SIGTERM, SIGINT and a service's own stop signal are a stop: what ends stays down, whatever its restart policy, until it is started or brought up again. Any other signal is delivered and changes nothing else.`,
  options: {
    signal: {
      type: 'string',
      alias: 's',
      describe: 'SIGNAL to send to the container',
      placeholder: 'SIGNAL',
      default: 'SIGKILL',
    },
    'remove-orphans': {
      type: 'boolean',
      describe: 'Kill containers for services not defined in the Compose file too',
    },
  },
  async run(context, values, services) {
    const stack = await context.stackName()
    const { output } = context
    const accepted = await unlessAbsent(
      context.api.call(
        'kill',
        { stack },
        {
          services: [...services],
          signal: values.signal,
          orphans: values['remove-orphans'] === true ? 'kill' : 'leave',
        },
      ),
      () => undefined,
    )
    const steps = accepted === undefined ? [] : (await followDeployment(context, accepted)).steps
    if (steps.length === 0) output.note('no container to kill')
    return 0
  },
})
