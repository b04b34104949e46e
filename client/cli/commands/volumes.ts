import type { StackVolume } from '../../../protocol/resources/operations.ts'
import { unlessAbsent } from '../absent-stack.ts'
import { command } from '../command.ts'
import { FORMAT_OPTION, type Shape } from '../format-option.ts'
import { table } from '../render/table.ts'

export default command({
  name: 'volumes',
  positional: '[SERVICE...]',
  describe: 'List volumes of the stack, or those that these services mount',
  options: {
    format: FORMAT_OPTION,
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
    else if (values.format !== 'table' && values.format !== '') {
      const { renderFormat, withLabels } = await import('../render/format.ts')
      const rows = volumes.map((volume) => withLabels(jsonOf(volume), volume.labels))
      if (rows.length > 0 || values.format.startsWith('table ')) output.line(renderFormat(values.format, rows, SHAPE))
    } else {
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

const SHAPE: Shape = {
  type: '*formatter.volumeContext',
  heads: {
    Name: 'VOLUME NAME',
    Driver: 'DRIVER',
    Scope: 'SCOPE',
    Availability: 'AVAILABILITY',
    Mountpoint: 'MOUNTPOINT',
    Links: 'LINKS',
    Size: 'SIZE',
    Labels: 'LABELS',
    Group: 'GROUP',
    Status: 'STATUS',
  },
  raw: 'name: {{.Name}}\ndriver: {{.Driver}}\n',
}

/** The keys of `docker volume ls --format json`, which Compose prints as well. What only a Swarm has is N/A there too. */
function jsonOf({ name, driver, scope, mountpoint, labels }: StackVolume): Record<string, unknown> {
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
