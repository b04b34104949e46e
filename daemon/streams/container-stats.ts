/**
 * What a container uses, out of the Engine's raw counters, by the rules of `docker stats` (docker/cli,
 * cli/command/container/stats_helpers.go).
 */
import type { ContainerStats } from '../../protocol/streams.ts'

export type Usage = Omit<ContainerStats, 'id' | 'name' | 'service' | 'replica'>

interface CpuCounters {
  readonly cpu_usage?: { readonly total_usage?: number; readonly percpu_usage?: readonly number[] | null }
  readonly system_cpu_usage?: number
  readonly online_cpus?: number
}

interface RawStats {
  readonly cpu_stats?: CpuCounters
  readonly precpu_stats?: CpuCounters
  readonly memory_stats?: {
    readonly usage?: number
    readonly limit?: number
    readonly stats?: Readonly<Record<string, number>>
  }
  readonly networks?: Readonly<Record<string, { readonly rx_bytes: number; readonly tx_bytes: number }>>
  readonly blkio_stats?: {
    readonly io_service_bytes_recursive?: readonly { readonly op: string; readonly value: number }[] | null
  }
  readonly pids_stats?: { readonly current?: number }
}

/** Of a container that does not run. */
export const NO_USAGE: Usage = {
  cpuPercent: 0,
  memoryBytes: 0,
  memoryLimitBytes: 0,
  receivedBytes: 0,
  sentBytes: 0,
  readBytes: 0,
  writtenBytes: 0,
  pids: 0,
}

export function usageOf(raw: Readonly<Record<string, unknown>>): Usage {
  const stats = raw as RawStats
  const networks = Object.values(stats.networks ?? {})
  const blocks = stats.blkio_stats?.io_service_bytes_recursive ?? []
  const blocksOf = (letter: string) =>
    sum(blocks.filter(({ op }) => op.toLowerCase().startsWith(letter)).map(({ value }) => value))
  return {
    cpuPercent: cpuPercent(stats),
    memoryBytes: memoryBytes(stats.memory_stats),
    memoryLimitBytes: stats.memory_stats?.limit ?? 0,
    receivedBytes: sum(networks.map((network) => network.rx_bytes)),
    sentBytes: sum(networks.map((network) => network.tx_bytes)),
    readBytes: blocksOf('r'),
    writtenBytes: blocksOf('w'),
    pids: stats.pids_stats?.current ?? 0,
  }
}

function cpuPercent({ cpu_stats: now = {}, precpu_stats: before = {} }: RawStats): number {
  const used = (now.cpu_usage?.total_usage ?? 0) - (before.cpu_usage?.total_usage ?? 0)
  const passed = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0)
  // The first sample of a stream has nothing before it: that would be the mean since the container began.
  if (used <= 0 || passed <= 0 || before.system_cpu_usage === undefined) return 0
  const cores = now.online_cpus || now.cpu_usage?.percpu_usage?.length || 1
  return (used / passed) * cores * 100
}

/** Without the page cache that the kernel would give back at once: `total_inactive_file` of cgroup v1, `inactive_file` of v2. */
function memoryBytes({ usage = 0, stats = {} }: NonNullable<RawStats['memory_stats']> = {}): number {
  const cache = stats.total_inactive_file ?? stats.inactive_file ?? 0
  return cache < usage ? usage - cache : usage
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
