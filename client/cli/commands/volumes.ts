import type { StackVolume } from '../../../protocol/resources/operations.ts'
import { unlessAbsent } from '../absent-stack.ts'
import { command } from '../command.ts'
import { table } from '../render/table.ts'

export default command({
  name: 'volumes',
  positional: '[SERVICE...]',
  describe: 'List volumes of the stack, or those that these services mount',
  options: {
    format: { type: 'string', describe: 'Format the output', choices: ['table', 'json'], default: 'table' },
    quiet: { type: 'boolean', alias: 'q', describe: 'Only display volume names' },
  },
  async run(context, values, services) {
    const stack = await context.stackName()
    const { volumes } = await unlessAbsent(
      context.api.call('stackVolumes', { stack }, undefined, { services: services.join(',') }),
      () => ({ volumes: [] }),
    )
    const { output } = context
    if (values.quiet === true) for (const { name } of volumes) output.line(name)
    else if (values.format === 'json') for (const volume of volumes) output.line(JSON.stringify(jsonOf(volume)))
    else {
      output.line(
        table(
          ['DRIVER', 'VOLUME NAME'],
          volumes.map(({ driver, name }) => [driver, name]),
        ),
      )
    }
    return 0
  },
})

/** The keys of `docker volume ls --format json`, which Compose prints as well. What only a Swarm has is N/A there too. */
function jsonOf({ name, driver, scope, mountpoint, labels }: StackVolume): object {
  return {
    Availability: 'N/A',
    Driver: driver,
    Group: 'N/A',
    Labels: Object.entries(labels)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    Links: 'N/A',
    Mountpoint: mountpoint,
    Name: name,
    Scope: scope,
    Size: 'N/A',
    Status: 'N/A',
  }
}
