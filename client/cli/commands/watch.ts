import { command } from '../command.ts'
import { followDeployment } from '../follow-deployment.ts'

/** As a shell says that a person interrupted. */
const INTERRUPTED = 130

export default command({
  name: 'watch',
  positional: '[SERVICE...]',
  describe: 'Watch build context for service and rebuild/refresh containers when files are updated',
  options: {
    'no-up': { type: 'boolean', describe: 'Do not build & start services before watching' },
    prune: { type: 'boolean', describe: 'Prune dangling images on rebuild', default: true },
    quiet: { type: 'boolean', describe: 'hide build output' },
  },
  examples: [
    ['evenkeel watch', 'what develop.watch of the file says, for all services'],
    ['evenkeel -H unix:///tmp/server.sock watch web', 'files here, containers there'],
  ],
  async run(context, values, services) {
    const { loadNamed } = await import('../load-named.ts')
    const { rulesOf, watchStack } = await import('../watch-stack.ts')
    const loaded = loadNamed(context, services)
    const rules = rulesOf(context, loaded, services)
    const isQuiet = values.quiet === true
    if (values['no-up'] !== true) {
      const { builtAnew, prepareUp } = await import('../prepare-up.ts')
      const request = await prepareUp(context, builtAnew(loaded), { services: [...services] })
      const { declareStack } = await import('../declare-stack.ts')
      const accepted = await declareStack(context, request, false)
      await followDeployment(context, accepted, { builds: isQuiet, pullProgress: isQuiet })
    }
    await watchStack(context, loaded, rules, {
      prune: values.prune,
      builds: isQuiet ? 'quiet' : 'shown',
      prefix: '',
    })
    return INTERRUPTED
  },
})
