import { Problem } from '../../../protocol/problems.ts'
import { command } from '../command.ts'
import { followDeployment } from '../follow-deployment.ts'

export default command({
  name: 'down',
  positional: '[SERVICES]',
  describe: 'Stop and remove containers and networks; volumes only if asked',
  options: {
    volumes: {
      type: 'boolean',
      alias: 'v',
      describe: 'Remove named volumes of the file and anonymous volumes of its containers',
    },
    'remove-orphans': { type: 'boolean', describe: 'Remove containers for services not defined in the Compose file' },
    rmi: {
      type: 'string',
      describe: 'Remove images used by services; "local": only those without a name of their own',
      choices: ['local', 'all'],
    },
    timeout: {
      type: 'number',
      alias: 't',
      describe: 'Seconds from the stop signal to SIGKILL',
      placeholder: 'SECONDS',
    },
  },
  async run(context, values, services) {
    const stack = await context.stackName()
    try {
      const accepted = await context.api.call(
        'down',
        { stack },
        {
          services: [...services],
          volumes: values.volumes === true ? 'remove' : 'keep',
          orphans: values['remove-orphans'] === true ? 'remove' : 'keep',
          images: (values.rmi ?? 'keep') as 'local',
          ...(values.timeout === undefined ? {} : { timeoutSeconds: values.timeout }),
        },
      )
      await followDeployment(context, accepted)
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'stack-not-found') throw error
      context.warn(`Warning: No resource found to remove for stack "${stack}".`)
    }
    return 0
  },
})
