import { Problem } from '../../../protocol/problems.ts'
import { command } from '../command.ts'
import { followDeployment } from '../follow-deployment.ts'
import { scaleOf } from '../up-options.ts'

export default command({
  name: 'scale',
  positional: 'SERVICE=NUM...',
  describe: 'Set how many containers a service has',
  options: { 'no-deps': { type: 'boolean', describe: "Don't start linked services" } },
  async run(context, values, words) {
    if (words.length === 0)
      throw new Problem('bad-request', 'scale needs SERVICE=NUM', { hint: 'for example: evenkeel scale web=3' })
    const accepted = await context.api.call(
      'scale',
      { stack: await context.stackName() },
      {
        scale: scaleOf(words),
        dependencies: values['no-deps'] === true ? 'ignore' : 'include',
      },
    )
    await followDeployment(context, accepted)
    return 0
  },
})
