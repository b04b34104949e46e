import { Problem } from '../../../protocol/problems.ts'
import { command } from '../command.ts'
import { followDeployment } from '../follow-deployment.ts'
import { apiSocketFiles, sourceWithProxy } from '../prepare-up.ts'
import { renderPlan } from '../render/plan.ts'
import { stackArgument } from '../stack-argument.ts'

export default command({
  name: 'adopt',
  positional: '[PROJECT]',
  describe: 'Take over a project that Docker Compose started, without restarting a container',
  options: {
    'dry-run': { type: 'boolean', describe: 'Only show what up would change afterwards' },
    'take-over': { type: 'boolean', describe: 'Take containers that another evenkeeld made' },
  },
  examples: [
    ['evenkeel adopt shop', 'with the files that its containers were started from'],
    ['evenkeel -f compose.yaml adopt shop', 'with this file'],
  ],
  async run(context, values, words) {
    const { api, output } = context
    const stack = await stackArgument(context, words)
    const { containers } = await api.call('containers', { stack }).catch((error: unknown) => {
      if (!(error instanceof Problem) || error.code !== 'stack-not-found') throw error
      throw new Problem('container-not-found', `there is no container of a project ${stack}`, {
        hint: 'see `docker compose ls` for the projects that are there; `evenkeel up` begins a new one',
      })
    })
    const { loadProject } = await import('../../project-source.ts')
    const { requestOf } = await import('../../stack-source.ts')
    const loaded = loadProject(stack, containers, context.selection)
    for (const warning of loaded.warnings) context.warn(warning)
    const declared = requestOf(loaded)
    const [source, socketFiles] = await Promise.all([
      sourceWithProxy(api, declared.source),
      apiSocketFiles(loaded.model),
    ])
    const files = [...(declared.files ?? []), ...socketFiles]
    const request = { ...declared, files, source, takeOver: values['take-over'] === true }
    const plan = await api.call('planAdopted', { stack }, request)
    for (const warning of plan.warnings) context.warn(warning)
    if (plan.actions.length > 0) output.line('What `evenkeel up` would change afterwards:')
    output.line(renderPlan(plan, output))
    if (values['dry-run'] === true) return 0
    await followDeployment(context, await api.call('adopt', { stack }, request))
    const taken = containers.filter((one) => !one.oneOff && loaded.model.services[one.service] !== undefined)
    output.note(`Stack ${stack} is kept from now on: ${taken.length} container(s) as they were.`)
    return 0
  },
})
