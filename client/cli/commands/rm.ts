import { Problem } from '../../../protocol/problems.ts'
import type { Container } from '../../../protocol/resources/container.ts'
import { unlessAbsent } from '../absent-stack.ts'
import { command } from '../command.ts'
import { confirm } from '../confirm.ts'
import { followDeployment } from '../follow-deployment.ts'

export default command({
  name: 'rm',
  positional: '[SERVICE...]',
  describe: `Removes stopped service containers

They do not come back before the next up, start or scale of their services. Anonymous volumes stay unless -v is given; any data that is not in a volume is lost.`,
  options: {
    force: { type: 'boolean', alias: 'f', describe: "Don't ask to confirm removal" },
    stop: { type: 'boolean', alias: 's', describe: 'Stop the containers, if required, before removing' },
    volumes: { type: 'boolean', alias: 'v', describe: 'Remove any anonymous volumes attached to containers' },
  },
  async run(context, values, services) {
    const stack = await context.stackName()
    const { api, output } = context
    const nothing = () => {
      output.note('No stopped containers')
      return undefined
    }
    if (values.stop === true) {
      const stopping = await unlessAbsent(api.call('stop', { stack }, { services: [...services] }), () => undefined)
      if (stopping !== undefined) await followDeployment(context, stopping)
    }
    const answer = await unlessAbsent(api.call('containers', { stack }), nothing)
    if (answer === undefined) return 0
    await mustHave(context, stack, services, answer.containers)
    const stopped = answer.containers.filter(
      (container) =>
        isStopped(container) &&
        !container.oneOff &&
        !container.orphan &&
        (services.length === 0 || services.includes(container.service)),
    )
    if (stopped.length === 0) {
      nothing()
      return 0
    }
    const question = `Going to remove ${stopped.map(({ name }) => name).join(', ')}`
    if (values.force === true) output.line(question)
    else if (!(await confirm(question))) return 0
    const accepted = await api.call(
      'remove',
      { stack },
      {
        services: [...services],
        containers: stopped.map(({ id }) => id),
        anonymousVolumes: values.volumes === true ? 'remove' : 'keep',
      },
    )
    await followDeployment(context, accepted)
    return 0
  },
})

const isStopped = ({ state }: Container): boolean => state === 'exited' || state === 'created' || state === 'dead'

async function mustHave(
  { api }: Parameters<typeof followDeployment>[0],
  stack: string,
  services: readonly string[],
  containers: readonly Container[],
): Promise<void> {
  const missing = services.filter((service) => !containers.some((container) => container.service === service))
  if (missing.length === 0) return
  const { serviceStates } = await api.call('stack', { stack })
  const unknown = missing.find((service) => !serviceStates.some((state) => state.name === service))
  if (unknown !== undefined) throw new Problem('service-not-found', `no such service: ${unknown}`)
}
