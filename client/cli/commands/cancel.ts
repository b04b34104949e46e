import { Problem } from '../../../protocol/problems.ts'
import { command } from '../command.ts'
import { followDeployment } from '../follow-deployment.ts'

export default command({
  name: 'cancel',
  positional: '[DEPLOYMENT]',
  describe: `End a deployment that waits or is under way

One that waits is never begun. One that is under way goes back to where the stack was, as one that failed does; what it wrote to volumes and databases stays. Without a DEPLOYMENT: the one that is under way, else the first that waits.`,
  options: {},
  examples: [['evenkeel cancel', 'in another terminal than that of: evenkeel up']],
  async run(context, _, words) {
    const [deployment] = words
    if (words.length > 1) throw new Problem('bad-request', `one deployment, not ${words.join(' and ')}`)
    const stack = await context.stackName()
    const accepted = await context.api.call('cancel', { stack }, deployment === undefined ? {} : { deployment })
    try {
      await followDeployment(context, accepted)
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'cancelled') throw error
      context.output.note(error.message)
      return 0
    }
    // It cannot succeed any more.
    throw new Problem('internal', `deployment ${accepted.deployment} went on all the same`)
  },
})
