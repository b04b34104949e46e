import { formatBytes } from '../../../../protocol/bytes.ts'
import { command } from '../../command.ts'
import { table } from '../../render/table.ts'

export default command({
  name: 'volume ls',
  aliases: ['volume list'],
  describe: 'List named volumes of all stacks, or of one (-p NAME)',
  options: {
    quiet: { type: 'boolean', alias: 'q', describe: 'Only display volume names' },
    format: { type: 'string', describe: 'Format the output', choices: ['table', 'json'], default: 'table' },
  },
  async run({ api, output, selection }, values) {
    const stack = selection.projectName
    const { volumes } = await api.call('volumes', {}, undefined, stack === undefined ? {} : { stack })
    if (values.quiet === true) for (const { name } of volumes) output.line(name)
    else if (values.format === 'json') for (const volume of volumes) output.line(JSON.stringify(volume))
    else
      output.line(
        table(
          ['STACK', 'KEY', 'VOLUME NAME', 'DRIVER', 'SIZE', 'PROTECTED'],
          volumes.map((volume) => [
            volume.stack,
            volume.key,
            volume.name,
            volume.driver,
            volume.sizeBytes === undefined ? 'unknown' : formatBytes(volume.sizeBytes),
            volume.protected ? 'yes' : 'no',
          ]),
        ),
      )
    return 0
  },
})
