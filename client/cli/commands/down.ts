import { Problem } from '../../../protocol/problems.ts'
import type { Model } from '../../../protocol/stackfile/model.ts'
import type { Api } from '../../api.ts'
import { type Context, command } from '../command.ts'
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
    const release = await providersToRelease(context, stack, services)
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
    await release()
    return 0
  },
})

/** What providers made goes after the containers, by the model that the daemon keeps. They run here. */
async function providersToRelease(
  { api, output, warn }: Context,
  stack: string,
  services: readonly string[],
): Promise<() => Promise<void>> {
  const nothing = async (): Promise<void> => {}
  try {
    const model = await modelOf(api, stack)
    if (Object.values(model.services).every(({ provider }) => provider === undefined)) return nothing
    const [{ releaseProviders }, { serviceLine }, { callersEnvironment }] = await Promise.all([
      import('../../programs/prepare.ts'),
      import('../render/service-line.ts'),
      import('../../stack-source.ts'),
    ])
    const environment = callersEnvironment()
    return () =>
      releaseProviders(model, services, { project: stack, environment, cwd: process.cwd(), say: serviceLine(output) })
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    if (error.code === 'stack-not-found') return nothing
    if (error.code !== 'forbidden') throw error
    // A role may take a stack down and not read its model: what stands there of providers is no secret.
    const { serviceStates } = await api.call('stack', { stack })
    const left = serviceStates.filter(({ provider }) => provider !== undefined).map(({ name }) => name)
    if (left.length > 0) {
      warn(
        `what providers made for ${left.join(', ')} stays: your role may not read the model that says how to release it`,
      )
    }
    return nothing
  }
}

/** Of a stack that is down already the last one: what was not released the first time can be asked for again. */
async function modelOf(api: Api, stack: string): Promise<Model> {
  const model = await api.call('model', { stack })
  if (Object.keys(model.services).length > 0) return model
  const { revision } = await api.call('stack', { stack })
  if (revision === undefined) return model
  return (await api.call('revision', { stack, number: revision })).model ?? model
}
