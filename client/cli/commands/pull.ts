import { command } from '../command.ts'
import { followJob } from '../follow-job.ts'

export default command({
  name: 'pull',
  positional: '[SERVICE...]',
  describe: 'Pull service images',
  options: {
    'ignore-buildable': { type: 'boolean', describe: 'Ignore images that can be built' },
    'ignore-pull-failures': {
      type: 'boolean',
      describe: 'Pull what can be pulled, and ignore images that cannot',
    },
    'include-deps': { type: 'boolean', describe: 'Also pull services declared as dependencies' },
    policy: { type: 'string', describe: 'Apply pull policy', choices: ['missing', 'always'] },
    quiet: { type: 'boolean', alias: 'q', describe: 'Pull without printing progress information' },
  },
  async run(context, values, services) {
    const { loadNamed } = await import('../load-named.ts')
    const { prepareTransfer } = await import('../prepare-images.ts')
    const loaded = loadNamed(context, services)
    const { model } = loaded
    if (Object.keys(model.services).length === 0) return 0
    const request = await prepareTransfer(loaded)
    const started = await context.api.call(
      'pull',
      { stack: model.name },
      {
        ...request,
        options: {
          services: [...services],
          dependencies: values['include-deps'] === true ? 'include' : 'ignore',
          buildable: values['ignore-buildable'] === true ? 'skip' : 'pull',
          failures: values['ignore-pull-failures'] === true ? 'ignore' : 'fail',
          ...(values.policy === undefined ? {} : { policy: values.policy as 'missing' | 'always' }),
        },
      },
    )
    await followJob(context, started, values.quiet === true ? 'quiet' : 'shown')
    return 0
  },
})
