import { Problem } from '../../../protocol/problems.ts'
import { command } from '../command.ts'
import { followDeployment } from '../follow-deployment.ts'
import { renderPlan } from '../render/plan.ts'
import { WAIT_OPTIONS, waitingOf } from '../wait-options.ts'

export default command({
  name: 'rollback',
  positional: '[REVISION]',
  describe: `Go back to an earlier revision, with the images that it ran

Without a revision: the last other one that came up in full. Nothing is pulled or built. Services that it does not have go; volumes and their data stay as they are. It becomes a new revision, so that the way forth is a rollback as well.`,
  options: {
    'dry-run': { type: 'boolean', describe: 'Only show what would be done, and why' },
    note: { type: 'string', describe: 'Why, for the history', placeholder: 'TEXT' },
    ...WAIT_OPTIONS,
  },
  examples: [
    ['evenkeel rollback', 'back to what ran before'],
    ['evenkeel rollback --dry-run 3', 'what going back to revision 3 would do; see evenkeel history'],
  ],
  async run(context, values, words) {
    const { api, output } = context
    if (words.length > 1) throw new Problem('bad-request', `one revision, not ${words.join(' and ')}`)
    const [number] = words
    if (number !== undefined && !/^[1-9]\d{0,8}$/.test(number)) {
      throw new Problem('bad-request', `"${number}" is no number of a revision`, { hint: 'see: evenkeel history' })
    }
    const stack = await context.stackName()
    const request = {
      ...(number === undefined ? {} : { revision: Number(number) }),
      ...(values.note === undefined ? {} : { note: values.note }),
      ...waitingOf(values),
    }
    if (values['dry-run'] === true) {
      const plan = await api.call('planRollback', { stack }, request)
      for (const warning of plan.warnings) context.warn(warning)
      output.line(renderPlan(plan, output))
      return 0
    }
    const accepted = await api.call('rollback', { stack }, request)
    await followDeployment(context, accepted)
    output.note(`Stack ${stack} is at revision ${accepted.revision}.`)
    return 0
  },
})
