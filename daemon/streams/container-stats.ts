/** What a container uses, out of the Engine's raw counters, as `docker stats` shows it. */
import type { ContainerStats } from '../../protocol/streams.ts'
import { coresOf, memoryBytes, type RawStats } from '../engine/raw-stats.ts'

export type Usage = Omit<ContainerStats, 'id' | 'name' | 'service' | 'replica'>

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
  return (used / passed) * coresOf(now) * 100
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
