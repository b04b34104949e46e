import { command } from '../command.ts'
import { declareStack } from '../declare-stack.ts'
import { followDeployment } from '../follow-deployment.ts'
import { prepareUp } from '../prepare-up.ts'
import { CREATE_OPTIONS, upOptionsOf } from '../up-options.ts'

export default command({
  name: 'create',
  positional: '[SERVICE...]',
  describe: 'Create the containers of a stack without starting them',
  options: CREATE_OPTIONS,
  async run(context, values, services) {
    const { loadNamed } = await import('../load-named.ts')
    const loaded = loadNamed(context, services)
    const { pull, ...others } = values
    const options = upOptionsOf(
      {
        ...others,
        pull: pull === 'policy' ? undefined : pull,
        'no-start': true,
        'no-deps': undefined,
        'always-recreate-deps': undefined,
        'renew-anon-volumes': undefined,
        timeout: undefined,
      },
      services,
    )
    const request = await prepareUp(context, loaded, options)
    const accepted = await declareStack(context, request, values.yes === true)
    await followDeployment(context, accepted, { pullProgress: values['quiet-pull'] === true })
    return 0
  },
})
