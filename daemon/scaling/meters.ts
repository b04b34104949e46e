/** What a container used from one look to the next, of what it may use. Pure. */
import type { Service } from '../../protocol/stackfile/model.ts'
import type { Load } from './decide.ts'

export interface Counters {
  /** Time of CPU, of the container and of the whole machine: nanoseconds. */
  readonly usedNs: number
  readonly machineNs: number
  readonly cores: number
  /** Without what the kernel would give back at once. */
  readonly memoryBytes: number
  /** That of the machine where it has none of its own. */
  readonly memoryLimitBytes: number
}

/** Out of the Engine's raw counters (`GET /containers/ID/stats`). */
export function countersOf(raw: Readonly<Record<string, unknown>>): Counters {
  const { cpu_stats: cpu = {}, memory_stats: memory = {} } = raw as RawStats
  const { usage = 0, limit = 0, stats = {} } = memory
  const cache = stats.total_inactive_file ?? stats.inactive_file ?? 0
  return {
    usedNs: cpu.cpu_usage?.total_usage ?? 0,
    machineNs: cpu.system_cpu_usage ?? 0,
    cores: cpu.online_cpus || cpu.cpu_usage?.percpu_usage?.length || 1,
    memoryBytes: cache < usage ? usage - cache : usage,
    memoryLimitBytes: limit,
  }
}

/** Of its limit of CPU; of one core, where it has none. */
export function usedBetween(before: Counters, now: Counters, spec: Pick<Service, 'cpus' | 'deploy'>): Load {
  const machineNs = now.machineNs - before.machineNs
  const usedNs = now.usedNs - before.usedNs
  const cores = Number(spec.deploy?.resources?.limits?.cpus ?? spec.cpus ?? 0) || 1
  return {
    // A container that was started anew meanwhile counts from nought again.
    cpu: machineNs > 0 && usedNs >= 0 ? ((usedNs / machineNs) * now.cores * 100) / cores : undefined,
    memory: now.memoryLimitBytes > 0 ? (now.memoryBytes / now.memoryLimitBytes) * 100 : undefined,
  }
}

interface RawStats {
  readonly cpu_stats?: {
    readonly cpu_usage?: { readonly total_usage?: number; readonly percpu_usage?: readonly number[] | null }
    readonly system_cpu_usage?: number
    readonly online_cpus?: number
  }
  readonly memory_stats?: {
    readonly usage?: number
    readonly limit?: number
    readonly stats?: Readonly<Record<string, number>>
  }
}
