import { command } from '../command.ts'
import { prepareUp } from '../prepare-up.ts'
import { renderPlan } from '../render/plan.ts'
import { UP_OPTIONS, upOptionsOf } from '../up-options.ts'

export default command({
  name: 'plan',
  positional: '[SERVICE...]',
  describe: 'Show what up would do, and why, without doing it',
  options: {
    ...UP_OPTIONS,
    'take-over': { type: 'boolean', describe: 'Plan as up --take-over would' },
    format: { type: 'string', describe: 'Format the output', choices: ['text', 'json'], default: 'text' },
  },
  async run(context, values, services) {
    const { loadNamed } = await import('../load-named.ts')
    const loaded = loadNamed(context, services)
    // A preview sends no build contexts: whether something is built is known without them.
    const withoutBuild = upOptionsOf({ ...values, 'no-build': true, build: undefined }, services)
    const request = await prepareUp(context, loaded, withoutBuild, 'preview')
    const options = { ...upOptionsOf(values, services), takeOver: values['take-over'] === true }
    const plan = await context.api.call('plan', { stack: loaded.model.name }, { ...request, options })
    for (const warning of plan.warnings) context.warn(warning)
    if (values.format === 'json') context.output.json(plan)
    else context.output.line(renderPlan(plan, context.output))
    return 0
  },
})
