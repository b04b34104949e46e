/**
 * What somebody changed of a container past us: all that the Engine lets be changed of one that is there. The rest of it is
 * as it was made, and its spec hash says whether that is as declared.
 */
import { formatBytes } from '../../protocol/bytes.ts'
import type { DriftField } from '../../protocol/resources/container.ts'

type Host = Readonly<Record<string, unknown>>

/** Keys of `HostConfig` that `POST /containers/{id}/update` takes, by the file's word for them. */
const UPDATABLE: readonly {
  readonly field: string
  readonly key: string
  readonly words: (value: number) => string
}[] = [
  { field: 'mem_limit', key: 'Memory', words: formatBytes },
  { field: 'mem_reservation', key: 'MemoryReservation', words: formatBytes },
  { field: 'memswap_limit', key: 'MemorySwap', words: (value) => (value < 0 ? 'unlimited' : formatBytes(value)) },
  { field: 'cpus', key: 'NanoCpus', words: (value) => String(value / 1e9) },
  { field: 'cpu_shares', key: 'CpuShares', words: String },
  { field: 'cpu_period', key: 'CpuPeriod', words: String },
  { field: 'cpu_quota', key: 'CpuQuota', words: String },
  { field: 'pids_limit', key: 'PidsLimit', words: String },
  { field: 'blkio_config.weight', key: 'BlkioWeight', words: String },
]

/** `declared` and `actual`: what we would send as `HostConfig`, and what the Engine says of it. */
export function hostDrift(declared: Host, actual: Host): DriftField[] {
  const found: DriftField[] = []
  for (const { field, key, words } of UPDATABLE) {
    const [wanted, is] = [amount(declared[key]), amount(actual[key])]
    if (wanted === is || (key === 'MemorySwap' && isEngineChoice(declared, actual))) continue
    const say = (value: number): string => (value === 0 ? 'none' : words(value))
    found.push({ field, declared: say(wanted), actual: say(is) })
  }
  const [cpus, actualCpus] = [declared.CpusetCpus ?? '', actual.CpusetCpus ?? '']
  if (cpus !== actualCpus)
    found.push({ field: 'cpuset', declared: String(cpus) || 'none', actual: String(actualCpus) || 'none' })
  return found
}

export function restartDrift(declared: unknown, actual: unknown): DriftField[] {
  const [wanted, is] = [policyWords(declared), policyWords(actual)]
  return wanted === is ? [] : [{ field: 'restart', declared: wanted, actual: is }]
}

/** Not set is 0, and for processes -1 as well. */
const amount = (value: unknown): number => (typeof value === 'number' && value !== -1 ? value : 0)

/** Where nothing is said of swap, the Engine takes twice the memory. */
const isEngineChoice = (declared: Host, actual: Host): boolean =>
  amount(declared.MemorySwap) === 0 && amount(actual.MemorySwap) === 2 * amount(actual.Memory)

function policyWords(policy: unknown): string {
  const { Name, MaximumRetryCount } = (policy ?? {}) as { Name?: string; MaximumRetryCount?: number }
  const name = Name === undefined || Name === '' ? 'no' : Name
  return name === 'on-failure' && MaximumRetryCount ? `${name}:${MaximumRetryCount}` : name
}
