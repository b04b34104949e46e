/**
 * The ingress as the rest of the daemon knows it. What it is to serve is written down first, then HAProxy is brought there:
 * whatever ends the daemon in between, the next call, or the next life, does the rest. It serves on while nobody is here.
 */
import { join } from 'node:path'
import { Channel } from '../../protocol/feed.ts'
import { Problem } from '../../protocol/problems.ts'
import type { Engine } from '../engine/types.ts'
import type { IngressReach } from '../stack/replacement-order.ts'
import type { Routed, ServiceRouting, Split } from '../stack/routing.ts'
import type { MemoryRepository } from '../store/memory.ts'
import { AccessLog } from './access-log.ts'
import type { IngressSettings } from './config.ts'
import { IngressContainer } from './container.ts'
import { Haproxy } from './haproxy.ts'
import { HOLD_LOOK_MS } from './hold.ts'
import { IngressTls } from './ingress-tls.ts'
import { refuseTaken } from './refuse-taken.ts'
import { type ReleaseSwitch, writeSwitch } from './release-switch.ts'
import { Runtime } from './runtime.ts'
import { type EncryptedHost, encryptedHosts, readTable, serverName } from './table.ts'
import type { Reading } from './traffic.ts'

/** What carrying out a plan needs of an ingress. */
export interface Ingress {
  readonly reach: IngressReach
  /** Has it run before it is needed: what takes a port over from the Engine leaves it dark as short as can be. */
  warm(signal: AbortSignal): Promise<void>
  publish(stack: string, service: string, routing: ServiceRouting, signal: AbortSignal): Promise<void>
  unpublish(stack: string, service: string): Promise<void>
  /** All of it at once, or nothing of it. */
  switch(stack: string, change: ReleaseSwitch, signal: AbortSignal): Promise<void>
  admit(stack: string, service: string, container: Admitted, signal: AbortSignal): Promise<void>
  /** Divides what is new for these between their containers of a revision and the others, at once for all of them. */
  split(stack: string, services: readonly string[], split: Omit<Split, 'sinceMs'>, signal: AbortSignal): Promise<void>
  /** What is new goes to all of their containers alike. */
  merge(stack: string, services: readonly string[], signal: AbortSignal): Promise<void>
  /** Resolves when the container has no connections any more, or its time is over; rejects where the signal ends it. */
  drain(stack: string, id: string, how: DrainHow, signal: AbortSignal): Promise<void>
  /** Whether one that was admitted is to be brought anything just now. Whom the ingress does not have it cannot know. */
  setReady(stack: string, id: string, readiness: 'ready' | 'unready'): Promise<void>
  /** What is new for these waits from now on, until it is resumed or that time (Unix milliseconds) comes. */
  pause(stack: string, services: readonly string[], untilMs: number): Promise<void>
  resume(stack: string, services: readonly string[]): Promise<void>
  /** What has come to all services, as each worker has counted it. Undefined: it cannot be had just now. Never rejects. */
  traffic(): Promise<Reading | undefined>
  /** The container is gone. Never rejects: what the ingress still has of it goes the next time. */
  forget(stack: string, id: string): Promise<void>
}

/** A container that counts. `revision`: that of its service. */
export type Admitted = Pick<Routed, 'address' | 'revision'> & { readonly id: string }

export interface DrainHow {
  readonly drainMs: number
  readonly report: (detail: string) => void
}

interface Clock {
  now(): Date
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

interface Parts {
  readonly engine: Engine
  readonly memory: MemoryRepository
  readonly instance: string
  readonly clock: Clock
  readonly log: { warn(fields: object, message: string): void }
  /** Of its own, in the state: configuration and socket. */
  readonly folder: string
  readonly image: string
  readonly settings: IngressSettings
  /** Certificate, chain and key of a host (PEM); undefined: it has none. */
  readonly certificateOf: (host: string) => string | undefined
}

/** Where there is none: nothing is routed, so nothing asks it for anything. */
export function noIngress(why: string): Ingress {
  const refuse = async (): Promise<never> => {
    throw new Problem('unsupported', `there is no ingress here: ${why}`)
  }
  return {
    reach: { kind: 'none', why },
    warm: async () => {},
    publish: refuse,
    admit: refuse,
    switch: refuse,
    split: refuse,
    merge: async () => {},
    drain: async () => {},
    traffic: async () => undefined,
    unpublish: async () => {},
    setReady: async () => {},
    pause: refuse,
    resume: async () => {},
    forget: async () => {},
  }
}

const DRAIN_LOOK_MS = 250

export class HaproxyIngress implements Ingress {
  readonly reach: IngressReach = { kind: 'here' }
  readonly #parts: Parts
  readonly #container: IngressContainer
  readonly #runtime: Runtime
  readonly #tls: IngressTls
  readonly #haproxy: Haproxy
  readonly access: AccessLog
  /** Told when it may serve other hosts than before. */
  readonly changes = new Channel<void>()
  /** One change at a time. */
  #last: Promise<unknown> = Promise.resolve()
  /** For the pause that is over first. */
  #timer: NodeJS.Timeout | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    this.#container = new IngressContainer(parts)
    this.#runtime = new Runtime(join(parts.folder, 'master.sock'), join(parts.folder, 'worker.sock'))
    this.#tls = new IngressTls({ ...parts, runtime: this.#runtime })
    this.access = new AccessLog({
      socketPath: join(parts.folder, 'worker.sock'),
      write: () => this.takeUp(),
      log: parts.log,
    })
    const { access } = this
    this.#haproxy = new Haproxy({
      ...parts,
      container: this.#container,
      runtime: this.#runtime,
      tls: this.#tls,
      access,
    })
  }

  /** Hosts that routes want to be served over HTTPS. */
  encryptedHosts(): EncryptedHost[] {
    return encryptedHosts(readTable(this.#parts.memory))
  }

  get containerName(): string {
    return this.#container.name
  }

  async warm(signal: AbortSignal): Promise<void> {
    await this.#inTurn(async () => {
      const services = readTable(this.#parts.memory)
      if (services.length === 0) await this.#haproxy.serve(services, signal)
    })
  }

  async publish(stack: string, service: string, routing: ServiceRouting, signal: AbortSignal): Promise<void> {
    const { memory, settings } = this.#parts
    await this.#inTurn(async () => {
      refuseTaken(readTable(memory), { stack, service, routing }, settings)
      const before = memory.all(stack, 'published')[service]
      memory.set(stack, 'published', service, routing)
      await this.#bringThereOr(() => {
        if (before === undefined) memory.forget(stack, 'published', service)
        else memory.set(stack, 'published', service, before)
      }, signal)
    })
    this.changes.publish()
  }

  async unpublish(stack: string, service: string): Promise<void> {
    const { memory } = this.#parts
    await this.#inTurn(async () => {
      for (const [id, routed] of Object.entries(memory.all(stack, 'routed') as Record<string, Routed>))
        if (routed.service === service) memory.forget(stack, 'routed', id)
      memory.forget(stack, 'published', service)
      memory.forget(stack, 'traffic-paused', service)
      memory.forget(stack, 'split', service)
      await this.#bringThere()
    })
    this.changes.publish()
  }

  async admit(stack: string, service: string, { id, address, revision }: Admitted, signal: AbortSignal): Promise<void> {
    await this.#inTurn(async () => {
      this.#parts.memory.set(stack, 'routed', id, { service, address, revision, state: 'ready' } satisfies Routed)
      await this.#bringThere(signal)
    })
  }

  async split(
    stack: string,
    services: readonly string[],
    split: Omit<Split, 'sinceMs'>,
    signal: AbortSignal,
  ): Promise<void> {
    const { memory, clock } = this.#parts
    await this.#inTurn(async () => {
      const sinceMs = clock.now().getTime()
      for (const service of services) memory.set(stack, 'split', service, { ...split, sinceMs } satisfies Split)
      await this.#bringThere(signal)
    })
  }

  async merge(stack: string, services: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#inTurn(async () => {
      for (const service of services) this.#parts.memory.forget(stack, 'split', service)
      await this.#bringThere(signal)
    })
  }

  async switch(stack: string, change: ReleaseSwitch, signal: AbortSignal): Promise<void> {
    const { memory, settings } = this.#parts
    await this.#inTurn(async () => {
      const apart = new Set([...change.publish.map(({ service }) => service), ...change.unpublish])
      for (const { service, routing } of change.publish)
        refuseTaken(readTable(memory), { stack, service, routing }, settings, apart)
      await this.#bringThereOr(writeSwitch(memory, stack, change), signal)
    })
    this.changes.publish()
  }

  async drain(stack: string, id: string, { drainMs, report }: DrainHow, signal: AbortSignal): Promise<void> {
    const { memory, clock } = this.#parts
    const routed = memory.all(stack, 'routed')[id] as Routed | undefined
    if (routed === undefined || routed.state === 'out') return
    const now = (): number => clock.now().getTime()
    let sinceMs = 0
    await this.#inTurn(async () => {
      memory.set(stack, 'routed', id, { ...routed, state: 'draining' } satisfies Routed)
      await this.#bringThere(signal)
      // Its time begins once nothing new comes to it; begun by an earlier life it runs on. A clock that was set back gives it
      // no more than it had.
      sinceMs = Math.min(routed.drainSinceMs ?? now(), now())
      memory.set(stack, 'routed', id, { ...routed, state: 'draining', drainSinceMs: sinceMs } satisfies Routed)
    })
    const endMs = sinceMs + drainMs
    // Looks take time as well; and a clock that is set back meanwhile gives no more of it.
    for (let leftMs = endMs - now(); leftMs > 0; leftMs = Math.min(leftMs - DRAIN_LOOK_MS, endMs - now())) {
      const open = await this.#connections(id)
      if (open === 0) break
      report(`${open ?? 'some'} connection(s) open, ${Math.ceil(leftMs / 1000)} s left`)
      await clock.sleep(Math.min(DRAIN_LOOK_MS, leftMs), signal)
      signal.throwIfAborted()
    }
    await this.#inTurn(async () => {
      memory.set(stack, 'routed', id, { ...routed, state: 'out' } satisfies Routed)
      await this.#bringThere(signal)
    })
  }

  async setReady(stack: string, id: string, readiness: 'ready' | 'unready'): Promise<void> {
    const { memory } = this.#parts
    const isUnready = readiness === 'unready'
    const isKnown = (): boolean => {
      const routed = memory.all(stack, 'routed')[id] as Routed | undefined
      return routed === undefined || (routed.isUnready ?? false) === isUnready
    }
    if (isKnown()) return
    await this.#inTurn(async () => {
      if (isKnown()) return
      memory.set(stack, 'routed', id, { ...(memory.all(stack, 'routed')[id] as Routed), isUnready } satisfies Routed)
      await this.#bringThere()
    })
  }

  async pause(stack: string, services: readonly string[], untilMs: number): Promise<void> {
    const { memory } = this.#parts
    await this.#inTurn(async () => {
      const before = memory.all(stack, 'traffic-paused')
      for (const service of services) memory.set(stack, 'traffic-paused', service, untilMs)
      await this.#bringThereOr(() => {
        for (const service of services) {
          if (before[service] === undefined) memory.forget(stack, 'traffic-paused', service)
          else memory.set(stack, 'traffic-paused', service, before[service])
        }
      })
    })
  }

  async resume(stack: string, services: readonly string[]): Promise<void> {
    await this.#inTurn(async () => {
      for (const service of services) this.#parts.memory.forget(stack, 'traffic-paused', service)
      await this.#bringThere()
    })
  }

  async traffic(): Promise<Reading | undefined> {
    return this.#inTurn(async () => {
      if (readTable(this.#parts.memory).length === 0) return {}
      return this.#runtime.traffic().catch(() => undefined)
    })
  }

  async forget(stack: string, id: string): Promise<void> {
    const { memory, log } = this.#parts
    if (memory.all(stack, 'routed')[id] === undefined) return
    try {
      await this.#inTurn(async () => {
        memory.forget(stack, 'routed', id)
        await this.#bringThere()
      })
    } catch (err) {
      log.warn({ err, stack, container: id }, 'the ingress has a server of a container that is gone')
    }
  }

  /** After the daemon or the Engine was away, and when its container has ended. */
  async takeUp(): Promise<void> {
    if (readTable(this.#parts.memory).length === 0) return
    await this.#inTurn(() => this.#bringThere())
  }

  /** What there is of certificates now, and nothing else, is brought to what serves; all of it, where that cannot be told. */
  async serveCertificates(): Promise<void> {
    await this.#inTurn(async () => {
      const services = readTable(this.#parts.memory)
      if (services.length === 0) return
      const table = this.#tls.write(services)
      await this.#tls.sync(services, table).catch(() => this.#bringThere())
    })
  }

  /** Answers whoever asks for the path over HTTP; `text` undefined: no more. */
  answerChallenge(path: string, text: string | undefined): Promise<void> {
    return this.#inTurn(() => this.#tls.answer(readTable(this.#parts.memory), path, text))
  }

  /** In turn, for on its way a reload answers nobody. Undefined: it has restarted, or does so just now. */
  #connections(id: string): Promise<number | undefined> {
    return this.#inTurn(() => this.#runtime.connections(serverName(id)).catch(() => undefined))
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work)
    this.#last = turn.catch(() => {})
    return turn
  }

  /** What cannot be served is not to keep what can from being served. */
  async #bringThereOr(takeBack: () => void, signal?: AbortSignal): Promise<void> {
    try {
      await this.#bringThere(signal)
    } catch (error) {
      takeBack()
      await this.#bringThere().catch((err) => this.#parts.log.warn({ err }, 'the ingress is not as it was'))
      throw error
    }
  }

  /** From what is written down to what is served. Doing it twice does no harm. */
  async #bringThere(signal?: AbortSignal): Promise<void> {
    this.#endPauses()
    const services = readTable(this.#parts.memory)
    if (services.length === 0) {
      await this.#container.remove(signal)
      return
    }
    await this.#haproxy.serve(services, signal)
  }

  /** Those whose time is over; HAProxy itself lets go of what waited then. Comes again when the next one is. */
  #endPauses(): void {
    const { memory, clock, log } = this.#parts
    const now = clock.now().getTime()
    const pauses = memory.everywhere('traffic-paused')
    for (const { stack, key, value } of pauses)
      if ((value as number) <= now) memory.forget(stack, 'traffic-paused', key)
    const next = pauses.map(({ value }) => value as number).filter((untilMs) => untilMs > now)
    clearTimeout(this.#timer)
    if (next.length === 0) return
    // What waits looks now and then whether it may go on: it is to be gone before its worker is.
    this.#timer = setTimeout(
      () => this.takeUp().catch((err) => log.warn({ err }, 'the ingress is not as it is to be')),
      Math.min(...next) - now + 3 * HOLD_LOOK_MS,
    ).unref()
  }
}
