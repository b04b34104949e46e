/**
 * What comes to the services of the ingress, by HAProxy's own counters. Each worker counts for itself, from zero, until it ends:
 * after a reload what was seen is the sum of several. Pure.
 */
import { BACKEND_MODES } from '../stack/routing.ts'
import { backendName } from './table.ts'

/** Since a worker began. HTTP: requests; TCP: connections. */
export interface Counters {
  readonly seen: number
  /** HTTP: answers with 5xx, of the service or, where that did not answer, of the ingress. */
  readonly status5xx: number
  /** Brought to no container: none was there, or none could be connected to. HTTP: these are among `status5xx`. */
  readonly unreached: number
  /** Ended by the container, or by an error on the way to it, before it was complete. */
  readonly cut: number
  /** Further tries to connect. Nothing had been sent. */
  readonly retries: number
  /** HTTP: answers that began later than {@link SLOW_MS} after their request. */
  readonly slow: number
}

/** By worker, then by backend. */
export type Reading = Readonly<Record<string, Readonly<Record<string, Counters>>>>

export const SLOW_MS = 1000

/** Where answers that are slow are counted: a table of HAProxy's, by backend. */
export const SLOW_TABLE = 'slow.'

const NONE: Counters = { seen: 0, status5xx: 0, unreached: 0, cut: 0, retries: 0, slow: 0 }
const KEYS = Object.keys(NONE) as (keyof Counters)[]

/** `stat`: lines of `show stat` for backends; `slow`: those of `show table`. */
export function countersOf(stat: string, slow: string): Record<string, Counters> {
  const [head = '', ...lines] = stat.split('\n')
  const names = head.replace(/^# /, '').split(',')
  const slowOf = new Map([...slow.matchAll(/key=(\S+) .*gpc0=(\d+)/g)].map(([, key, count]) => [key, Number(count)]))
  return Object.fromEntries(
    lines
      .map((line) => line.split(','))
      .filter((fields) => fields[names.indexOf('svname')] === 'BACKEND')
      .map((fields) => {
        const of = (name: string): number => Number(fields[names.indexOf(name)] ?? 0) || 0
        const backend = fields[names.indexOf('pxname')]!
        const counters: Counters = {
          seen: of('stot'),
          status5xx: of('hrsp_5xx'),
          unreached: of('econ'),
          cut: of('srv_abrt'),
          retries: of('wretr') + of('wredis'),
          slow: slowOf.get(backend) ?? 0,
        }
        return [backend, counters]
      }),
  )
}

/** What can be written down of a tally, and gone on with. */
export interface TallyState {
  /** What the workers that were there had counted when it began. */
  readonly begun: Reading
  readonly last: Reading
  /** Counted by workers that have ended. */
  readonly ended: Readonly<Record<string, Counters>>
}

/** Counts from a reading on, over the workers that come and go meanwhile. */
export class Tally {
  #state: TallyState

  private constructor(state: TallyState) {
    this.#state = state
  }

  static from(reading: Reading): Tally {
    return new Tally({ begun: reading, last: reading, ended: {} })
  }

  static goOn(state: TallyState): Tally {
    return new Tally(state)
  }

  get state(): TallyState {
    return this.#state
  }

  /** Answers whether a worker has come or ended since. */
  see(reading: Reading): boolean {
    const { last } = this.#state
    const isSame = (worker: string): boolean =>
      reading[worker] !== undefined && !wentBack(last[worker] ?? {}, reading[worker])
    const gone = Object.keys(last).filter((worker) => !isSame(worker))
    const come = Object.keys(reading).filter((worker) => last[worker] === undefined || gone.includes(worker))
    const begun = { ...this.#state.begun }
    let ended = this.#state.ended
    for (const worker of gone) {
      ended = sum(ended, difference(last[worker]!, begun[worker] ?? {}))
      delete begun[worker]
    }
    this.#state = { begun, last: reading, ended }
    return gone.length > 0 || come.length > 0
  }

  /** By backend, since it began. */
  get total(): Readonly<Record<string, Counters>> {
    const { begun, last, ended } = this.#state
    return Object.entries(last).reduce(
      (total, [worker, counters]) => sum(total, difference(counters, begun[worker] ?? {})),
      ended,
    )
  }
}

/** A worker of another life of HAProxy can have the number of one before. */
const wentBack = (before: Reading[string], now: Reading[string]): boolean =>
  Object.entries(before).some(([backend, { seen }]) => (now[backend]?.seen ?? 0) < seen)

function sum(one: Reading[string], other: Reading[string]): Record<string, Counters> {
  return combine(one, other, (a, b) => a + b)
}

function difference(now: Reading[string], before: Reading[string]): Record<string, Counters> {
  return combine(now, before, (a, b) => a - b)
}

function combine(one: Reading[string], other: Reading[string], by: (a: number, b: number) => number) {
  const backends = new Set([...Object.keys(one), ...Object.keys(other)])
  return Object.fromEntries(
    [...backends].map((backend) => {
      const [a, b] = [one[backend] ?? NONE, other[backend] ?? NONE]
      return [backend, Object.fromEntries(KEYS.map((key) => [key, by(a[key], b[key])])) as unknown as Counters]
    }),
  )
}

export interface ServiceCounters extends Counters {
  readonly service: string
  readonly protocol: 'http' | 'tcp'
}

/** Of one stack: its backends put together by service and protocol. */
export function byService(stack: string, total: Reading[string]): ServiceCounters[] {
  const services = new Map<string, ServiceCounters>()
  for (const [backend, counters] of Object.entries(total)) {
    const [of, service, target, word] = backend.split(':')
    const mode = BACKEND_MODES.find((one) => one === word)
    if (of !== stack || service === undefined || mode === undefined) continue
    if (backendName(of, service, Number(target), mode) !== backend) continue
    const protocol = mode === 'tcp' ? 'tcp' : 'http'
    const key = `${service} ${protocol}`
    const before = services.get(key) ?? NONE
    services.set(key, { service, protocol, ...combine({ '': before }, { '': counters }, (a, b) => a + b)['']! })
  }
  return [...services.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, service]) => service)
}
