/** What the Engine says that a container uses (`GET /containers/ID/stats`), by the rules of docker/cli (stats_helpers.go). */

export interface CpuCounters {
  /** Nanoseconds since the container began. */
  readonly cpu_usage?: { readonly total_usage?: number; readonly percpu_usage?: readonly number[] | null }
  /** Nanoseconds of all cores of the machine. */
  readonly system_cpu_usage?: number
  readonly online_cpus?: number
}

export interface RawStats {
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

export const coresOf = ({ online_cpus, cpu_usage }: CpuCounters): number =>
  online_cpus || cpu_usage?.percpu_usage?.length || 1

/** Without the page cache that the kernel would give back at once: `total_inactive_file` of cgroup v1, `inactive_file` of v2. */
export function memoryBytes({ usage = 0, stats = {} }: NonNullable<RawStats['memory_stats']> = {}): number {
  const cache = stats.total_inactive_file ?? stats.inactive_file ?? 0
  return cache < usage ? usage - cache : usage
}
