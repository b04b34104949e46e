/** `x-evenkeel.ready` and `alive` of a service: what its replicas are asked, and what their answers mean. Pure. */
import { splitCommand } from '../../protocol/stackfile/command-line.ts'
import type { ProbePolicy, Service } from '../../protocol/stackfile/model.ts'
import { parseDuration } from '../../protocol/stackfile/units.ts'
import { addressOf, onlyPortOf } from './routing.ts'

export type ProbeCheck =
  | {
      readonly kind: 'http' | 'https'
      readonly path: string
      readonly port: number
      readonly headers: Readonly<Record<string, string>>
    }
  | { readonly kind: 'tcp'; readonly port: number }
  | { readonly kind: 'exec'; readonly command: readonly string[] }

export interface Probe {
  readonly check: ProbeCheck
  readonly intervalMs: number
  readonly timeoutMs: number
  /** Failures in a row that count. */
  readonly retries: number
  /** Successes in a row that count. */
  readonly successes: number
  /** Failures of one that never passed count only after this. */
  readonly startPeriodMs: number
}

/** `ready`: whether it is to be brought anything. `alive`: one that fails is as an unhealthy one. */
export interface Probes {
  readonly ready?: Probe | undefined
  readonly alive?: Probe | undefined
}

export function probesOf(spec: Service): Probes | undefined {
  const { ready, alive } = spec['x-evenkeel'] ?? {}
  if (ready === undefined && alive === undefined) return undefined
  return { ready: ready && probeOf(spec, ready), alive: alive && probeOf(spec, alive) }
}

function probeOf(spec: Service, policy: ProbePolicy): Probe {
  return {
    check: checkOf(spec, policy),
    intervalMs: milliseconds(policy.interval) ?? 5000,
    timeoutMs: milliseconds(policy.timeout) ?? 2000,
    retries: policy.retries ?? 3,
    successes: policy.successes ?? 1,
    startPeriodMs: milliseconds(policy.start_period) ?? 0,
  }
}

function checkOf(spec: Service, { http, https, tcp, exec = [], port, headers = {} }: ProbePolicy): ProbeCheck {
  if (tcp !== undefined) return { kind: 'tcp', port: tcp }
  const path = http ?? https
  if (path === undefined)
    return { kind: 'exec', command: typeof exec === 'string' ? (splitCommand(exec)?.arguments ?? []) : exec }
  const routed = new Set((spec['x-evenkeel']?.routes ?? []).flatMap((route) => route.port ?? []))
  const only = routed.size === 1 ? [...routed][0] : onlyPortOf(spec)
  const kind = http === undefined ? 'https' : 'http'
  return { kind, path, port: port ?? only ?? (kind === 'http' ? 80 : 443), headers }
}

const milliseconds = (duration: string | undefined): number | undefined =>
  duration === undefined ? undefined : parseDuration(duration)! / 1e6

/** Where the daemon reaches a container that shares its machine. */
export const probedAt = (
  addresses: Readonly<Record<string, string>> | undefined,
  networks: readonly string[],
  networkMode: string | undefined,
): string | undefined => (networkMode === 'host' ? '127.0.0.1' : addressOf(addresses, networks))

export interface ProbeRecord {
  /** Undefined: not known yet. */
  readonly verdict: 'passing' | 'failing' | undefined
  readonly passed: number
  readonly failed: number
}

export const NO_RECORD: ProbeRecord = { verdict: undefined, passed: 0, failed: 0 }

/** `askedForMs`: since it was asked for the first time. */
export function judgeProbe(
  record: ProbeRecord,
  answer: 'ok' | 'failed',
  probe: Probe,
  askedForMs: number,
): ProbeRecord {
  if (answer === 'ok') {
    const passed = record.passed + 1
    return { verdict: passed >= probe.successes ? 'passing' : record.verdict, passed, failed: 0 }
  }
  if (record.verdict === undefined && askedForMs < probe.startPeriodMs) return { ...record, passed: 0 }
  const failed = record.failed + 1
  return { verdict: failed >= probe.retries ? 'failing' : record.verdict, passed: 0, failed }
}

/** How long a new replica may take until it passes. */
export const readyWithinMs = ({ startPeriodMs, retries, intervalMs, timeoutMs }: Probe): number =>
  startPeriodMs + retries * Math.max(intervalMs, timeoutMs)
