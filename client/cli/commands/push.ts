import { command } from '../command.ts'
import { followJob } from '../follow-job.ts'

export default command({
  name: 'push',
  positional: '[SERVICE...]',
  describe: 'Push service images that are built here and have a name of their own',
  options: {
    'ignore-push-failures': {
      type: 'boolean',
      describe: 'Push what can be pushed, and ignore images that cannot',
    },
    'include-deps': { type: 'boolean', describe: 'Also push images of services declared as dependencies' },
    quiet: { type: 'boolean', alias: 'q', describe: 'Push without printing progress information' },
  },
  async run(context, values, services) {
    const { loadNamed } = await import('../load-named.ts')
    const { prepareTransfer } = await import('../prepare-images.ts')
    const loaded = loadNamed(context, services)
    const { model } = loaded
    if (Object.keys(model.services).length === 0) return 0
    const request = await prepareTransfer(loaded)
    const started = await context.api.call(
      'push',
      { stack: model.name },
      {
        ...request,
        options: {
          services: [...services],
          dependencies: values['include-deps'] === true ? 'include' : 'ignore',
          failures: values['ignore-push-failures'] === true ? 'ignore' : 'fail',
        },
      },
    )
    await followJob(context, started, values.quiet === true ? 'quiet' : 'shown')
    return 0
  },
})
