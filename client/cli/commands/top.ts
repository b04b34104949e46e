import type { ContainerProcesses } from '../../../protocol/resources/operations.ts'
import { unlessAbsent } from '../absent-stack.ts'
import { command } from '../command.ts'
import { table } from '../render/table.ts'

export default command({
  name: 'top',
  positional: '[SERVICE...]',
  describe: 'Display the running processes',
  options: {},
  async run(context, _, services) {
    const stack = await context.stackName()
    const { containers } = await unlessAbsent(
      context.api.call('top', { stack }, undefined, { services: services.join(',') }),
      () => ({ containers: [] }),
    )
    if (containers.length > 0) context.output.line(processTable(containers))
    return 0
  },
})

/** Images bring their own `ps`: the columns of all, in the order in which they are first seen. */
export function processTable(containers: readonly ContainerProcesses[]): string {
  const titles = [...new Set(containers.flatMap((container) => container.titles))]
  const rows = containers.flatMap((container) =>
    container.processes.map((process) => [
      container.service,
      String(container.replica),
      ...titles.map((title) => process[container.titles.indexOf(title)] ?? '-'),
    ]),
  )
  return table(['SERVICE', '#', ...titles], rows, { gap: 2, minimum: 4 })
}
