/** What a container used from one look to the next, of what it may use. Pure. */
import type { Service } from '../../protocol/stackfile/model.ts'
import { coresOf, memoryBytes, type RawStats } from '../engine/raw-stats.ts'
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

export function countersOf(raw: Readonly<Record<string, unknown>>): Counters {
  const { cpu_stats: cpu = {}, memory_stats: memory } = raw as RawStats
  return {
    usedNs: cpu.cpu_usage?.total_usage ?? 0,
    machineNs: cpu.system_cpu_usage ?? 0,
    cores: coresOf(cpu),
    memoryBytes: memoryBytes(memory),
    memoryLimitBytes: memory?.limit ?? 0,
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
