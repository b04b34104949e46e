import { Problem } from '../../../protocol/problems.ts'
import type { ContainerStats, StatsFrame } from '../../../protocol/streams.ts'
import { unlessAbsent } from '../absent-stack.ts'
import { command } from '../command.ts'
import { FORMAT_OPTION, type Shape } from '../format-option.ts'
import { LiveTable } from '../render/live-table.ts'
import { binarySize, decimalSize } from '../render/sizes.ts'
import { table } from '../render/table.ts'

export default command({
  name: 'stats',
  positional: '[SERVICE...]',
  describe: 'Display a live stream of container(s) resource usage statistics',
  options: {
    all: { type: 'boolean', alias: 'a', describe: 'Show all containers (default shows just running)' },
    format: FORMAT_OPTION,
    'no-stream': { type: 'boolean', describe: 'Disable streaming stats and only pull the first result' },
    'no-trunc': { type: 'boolean', describe: 'Do not truncate output' },
  },
  async run(context, values, services) {
    const { api, output } = context
    const stack = await context.stackName()
    const ids = values['no-trunc'] === true ? 'whole' : 'short'
    const live = new LiveTable(output)
    const show = async (containers: readonly ContainerStats[]) => {
      if (values.format === 'json') {
        if (containers.length > 0) {
          await output.write(`${containers.map((one) => JSON.stringify(cellsOf(one, ids))).join('\n')}\n`)
        }
      } else if (values.format !== 'table' && values.format !== '') {
        const { renderFormat } = await import('../render/format.ts')
        const rows = containers.map((one) => cellsOf(one, ids))
        if (rows.length > 0 || values.format.startsWith('table '))
          await output.write(`${renderFormat(values.format, rows, SHAPE)}\n`)
      } else if (values['no-stream'] === true) output.line(statsTable(containers, ids))
      else await live.draw(statsTable(containers, ids, output.isTerminal ? process.stdout.columns : undefined))
    }
    const stream = await api.stream<StatsFrame>(
      'stats',
      { stack },
      {
        services: services.join(','),
        all: values.all === true ? 'true' : undefined,
        once: values['no-stream'] === true ? 'true' : undefined,
      },
    )
    const interrupted = () => process.exit(130)
    process.once('SIGINT', interrupted)
    try {
      await unlessAbsent(follow(stream, show), () => show([]))
    } finally {
      process.removeListener('SIGINT', interrupted)
      stream.close()
    }
    return 0
  },
})

async function follow(
  stream: AsyncIterable<StatsFrame>,
  show: (containers: readonly ContainerStats[]) => Promise<void>,
): Promise<void> {
  for await (const frame of stream) {
    if (frame.type === 'stats') await show(frame.containers)
    else if (frame.problem !== undefined) throw Problem.fromDetails(frame.problem)
    else return
  }
}

const SHAPE: Shape = {
  type: '*container.statsContext',
  heads: {
    Container: 'CONTAINER',
    Name: 'NAME',
    ID: 'CONTAINER ID',
    CPUPerc: 'CPU %',
    MemUsage: 'MEM USAGE / LIMIT',
    MemPerc: 'MEM %',
    NetIO: 'NET I/O',
    BlockIO: 'BLOCK I/O',
    PIDs: 'PIDS',
  },
}

/** Who it is, and its share of CPU. */
const LEAST_COLUMNS = 3
const HEADER = ['CONTAINER ID', 'NAME', 'CPU %', 'MEM USAGE / LIMIT', 'MEM %', 'NET I/O', 'BLOCK I/O', 'PIDS']

/** Columns that do not fit a terminal are left out from the last one on: a table of folded lines nobody can read. */
function statsTable(
  containers: readonly ContainerStats[],
  ids: 'short' | 'whole',
  widthLimit = Number.POSITIVE_INFINITY,
): string {
  const rows = containers.map((container) => {
    const cells = cellsOf(container, ids)
    return [cells.ID, cells.Name, cells.CPUPerc, cells.MemUsage, cells.MemPerc, cells.NetIO, cells.BlockIO, cells.PIDs]
  })
  for (let columns = HEADER.length; ; columns -= 1) {
    const text = table(
      HEADER.slice(0, columns),
      rows.map((row) => row.slice(0, columns)),
    )
    if (columns === LEAST_COLUMNS || text.split('\n').every((line) => line.length <= widthLimit)) return text
  }
}

/** The keys and words of `docker stats --format json`. */
function cellsOf(container: ContainerStats, ids: 'short' | 'whole') {
  const { id, memoryBytes, memoryLimitBytes } = container
  const share = memoryLimitBytes === 0 ? 0 : (memoryBytes / memoryLimitBytes) * 100
  return {
    BlockIO: `${decimalSize(container.readBytes)} / ${decimalSize(container.writtenBytes)}`,
    CPUPerc: `${container.cpuPercent.toFixed(2)}%`,
    Container: id,
    ID: ids === 'whole' ? id : id.slice(0, 12),
    MemPerc: `${share.toFixed(2)}%`,
    MemUsage: `${binarySize(memoryBytes)} / ${binarySize(memoryLimitBytes)}`,
    Name: container.name,
    NetIO: `${decimalSize(container.receivedBytes)} / ${decimalSize(container.sentBytes)}`,
    PIDs: String(container.pids),
  }
}
