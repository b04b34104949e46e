/**
 * The ingress as the rest of the daemon knows it. What it is to serve is written down first, then HAProxy is brought there:
 * whatever ends the daemon in between, the next call, or the next life, does the rest. It serves on while nobody is here.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Channel } from '../../protocol/feed.ts'
import { Problem } from '../../protocol/problems.ts'
import type { Engine } from '../engine/types.ts'
import type { IngressReach } from '../stack/replacement-order.ts'
import type { Routed, ServiceRouting, Split } from '../stack/routing.ts'
import type { MemoryRepository } from '../store/memory.ts'
import { FOLLOWED } from './access-lines.ts'
import { AccessLog } from './access-log.ts'
import { PAGE } from './backend.ts'
import { type IngressSettings, type RenderedConfig, renderConfig } from './config.ts'
import { IngressContainer } from './container.ts'
import { readOrNothing, replaceFile } from './files.ts'
import { HOLD_LOOK_MS, holdsAny, PAUSES, pausesOf, SCRIPT, SCRIPT_TEXT } from './hold.ts'
import { IngressTls, refuseTakenByHttps } from './ingress-tls.ts'
import { INSIDE } from './inside.ts'
import { type ReleaseSwitch, writeSwitch } from './release-switch.ts'
import { Runtime } from './runtime.ts'
import { changeMap, readMap } from './runtime-maps.ts'
import { syncServers } from './sync-servers.ts'
import { backendsOf, type EncryptedHost, encryptedHosts, type IngressService, readTable, serverName } from './table.ts'
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

const START_MS = 15_000
const RELOAD_MS = 10_000
const LOOK_MS = 100
const DRAIN_LOOK_MS = 250
/** Longer paths of Unix sockets the kernel does not take. */
const SOCKET_PATH_LIMIT = 107

export class HaproxyIngress implements Ingress {
  readonly reach: IngressReach = { kind: 'here' }
  readonly #parts: Parts
  readonly #container: IngressContainer
  readonly #runtime: Runtime
  readonly #tls: IngressTls
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
      if (services.length === 0) await this.#serve(services, signal)
    })
  }

  async publish(stack: string, service: string, routing: ServiceRouting, signal: AbortSignal): Promise<void> {
    const { memory } = this.#parts
    await this.#inTurn(async () => {
      this.#refuseTaken(stack, service, routing)
      const before = memory.all(stack, 'published')[service]
      memory.set(stack, 'published', service, routing)
      try {
        await this.#bringThere(signal)
      } catch (error) {
        // What cannot be served is not to keep what can from being served.
        if (before === undefined) memory.forget(stack, 'published', service)
        else memory.set(stack, 'published', service, before)
        await this.#bringThere().catch((err) => this.#parts.log.warn({ err }, 'the ingress is not as it was'))
        throw error
      }
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
    const { memory, clock } = this.#parts
    await this.#inTurn(async () => {
      const apart = new Set([...change.publish.map(({ service }) => service), ...change.unpublish])
      for (const { service, routing } of change.publish) this.#refuseTaken(stack, service, routing, apart)
      const takeBack = writeSwitch(memory, stack, change, clock.now().getTime())
      try {
        await this.#bringThere(signal)
      } catch (error) {
        takeBack()
        await this.#bringThere().catch((err) => this.#parts.log.warn({ err }, 'the ingress is not as it was'))
        throw error
      }
    })
    this.changes.publish()
  }

  async drain(stack: string, id: string, { drainMs, report }: DrainHow, signal: AbortSignal): Promise<void> {
    const { memory, clock } = this.#parts
    const routed = memory.all(stack, 'routed')[id] as Routed | undefined
    if (routed === undefined || routed.state === 'out') return
    const now = (): number => clock.now().getTime()
    // Begun by an earlier life: its time runs on. A clock that was set back gives it no more than it had.
    const sinceMs = Math.min(routed.drainSinceMs ?? now(), now())
    await this.#inTurn(async () => {
      memory.set(stack, 'routed', id, { ...routed, state: 'draining', drainSinceMs: sinceMs } satisfies Routed)
      await this.#bringThere(signal)
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
      try {
        await this.#bringThere()
      } catch (error) {
        for (const service of services) {
          if (before[service] === undefined) memory.forget(stack, 'traffic-paused', service)
          else memory.set(stack, 'traffic-paused', service, before[service])
        }
        await this.#bringThere().catch((err) => this.#parts.log.warn({ err }, 'the ingress is not as it was'))
        throw error
      }
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

  /** A route or a port leads to one service. `apart`: those of the stack that change with it. */
  #refuseTaken(
    stack: string,
    service: string,
    routing: ServiceRouting,
    apart: ReadonlySet<string> = new Set([service]),
  ): void {
    const { memory, settings } = this.#parts
    const others = readTable(memory).filter((other) => other.stack !== stack || !apart.has(other.service))
    for (const other of others) {
      const whose = `service ${other.service} of stack ${other.stack}`
      const route = routing.routes.find(({ host, path }) =>
        other.routing.routes.some((one) => one.host === host && one.path === path),
      )
      if (route !== undefined)
        throw new Problem('conflict', `the route ${route.host ?? '*'}${route.path} of ${service} is that of ${whose}`, {
          hint: `choose another host or path in services.${service}.x-evenkeel.routes`,
        })
      const port = routing.ports.find(({ port }) => other.routing.ports.some((one) => one.port === port))
      if (port !== undefined)
        throw new Problem('port-taken', `port ${port.port}/tcp of service ${service} is that of ${whose}`, {
          hint: `publish services.${service}.ports on another port`,
        })
    }
    refuseTakenByHttps([...others, { stack, service, routing, servers: [] }], settings.https.port)
    const own = routing.ports.find(({ port }) => port === settings.http.port)
    if (own !== undefined)
      throw new Problem('port-taken', `port ${own.port}/tcp of service ${service} is where the ingress serves routes`, {
        hint: `give services.${service}.x-evenkeel.routes in place of the port, or move them: evenkeeld --ingress-http`,
      })
  }

  /** From what is written down to what is served. Doing it twice does no harm. */
  async #bringThere(signal?: AbortSignal): Promise<void> {
    this.#endPauses()
    const services = readTable(this.#parts.memory)
    if (services.length === 0) {
      await this.#container.remove(signal)
      return
    }
    await this.#serve(services, signal)
  }

  async #serve(services: readonly IngressService[], signal: AbortSignal | undefined): Promise<void> {
    await this.#holdAndLetGo(services)
    const rendered = renderConfig(services, this.#parts.settings)
    this.#write(rendered)
    const table = this.#tls.write(services)
    const followed = this.#writeFollowed(services)
    if (await this.#container.ensure(signal)) {
      await this.#untilServed(rendered, START_MS, 'started')
      this.access.renew()
    } else if ((await this.#structure()) !== rendered.structure) {
      const { failedReloads } = await this.#runtime.workers()
      await this.#runtime.reload()
      await this.#untilServed(rendered, RELOAD_MS, 'took its configuration', failedReloads)
      this.access.renew()
    }
    await syncServers(this.#runtime, services)
    await this.#syncFollowed(followed)
    await this.#tls.sync(services, table)
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

  /** Workers that hold are told first, so that what waits there goes on to servers which are there still. */
  async #holdAndLetGo(services: readonly IngressService[]): Promise<void> {
    const { folder, clock } = this.#parts
    const pauses = pausesOf(services)
    const text = [...pauses].map(([service, until]) => `${service} ${until}\n`).join('')
    const before = readOrNothing(join(folder, PAUSES)) ?? ''
    if (text === before) return
    // Where HAProxy does not run, nothing waits.
    const isTold = before !== '' && (await this.#runtime.replaceMap(`${INSIDE}/${PAUSES}`, pauses).catch(() => false))
    if (isTold) await clock.sleep(3 * HOLD_LOOK_MS)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    if (holdsAny(services)) replaceFile(join(folder, SCRIPT), SCRIPT_TEXT)
    replaceFile(join(folder, PAUSES), text)
  }

  async #structure(): Promise<string | undefined> {
    return this.#runtime.structure().catch(() => undefined)
  }

  /** `failedReloads`: how many had failed before; one more is the answer. */
  async #untilServed(
    { structure }: RenderedConfig,
    limitMs: number,
    what: string,
    failedReloads = Number.POSITIVE_INFINITY,
  ): Promise<void> {
    const { clock } = this.#parts
    const end = clock.now().getTime() + limitMs
    // On its way a reload has neither the old master's socket nor the new one's.
    while ((await this.#structure()) !== structure) {
      const workers = await this.#runtime.workers().catch(() => undefined)
      const isRefused = workers !== undefined && workers.failedReloads > failedReloads
      if (isRefused || clock.now().getTime() >= end) {
        const words = await this.#container.complaints()
        const when = isRefused ? '' : ` within ${limitMs / 1000} s`
        throw new Problem('ingress-failed', `the ingress has not ${what}${when}\n${words}`.trim(), {
          hint: /cannot bind/i.test(words)
            ? 'something else on this machine listens on that port: free it, or publish on another one'
            : `see its log: docker logs ${this.#container.name}`,
        })
      }
      await clock.sleep(LOOK_MS)
    }
  }

  /** Whose requests HAProxy is to tell of. It reads that when it begins, and is told of what changes. */
  #writeFollowed(services: readonly IngressService[]): ReadonlyMap<string, string> {
    const { stacks } = this.access
    const backends = services.filter(({ stack }) => stacks.has(stack)).flatMap(backendsOf)
    const followed = new Map(backends.map(({ name }) => [name, 'yes']))
    replaceFile(join(this.#parts.folder, FOLLOWED), [...followed].map(([name, yes]) => `${name} ${yes}\n`).join(''))
    return followed
  }

  async #syncFollowed(wanted: ReadonlyMap<string, string>): Promise<void> {
    const path = `${INSIDE}/${FOLLOWED}`
    const there = await readMap(this.#runtime, '@1', path)
    await changeMap(this.#runtime, '@1', path, { there, wanted })
  }

  #write({ text, pages }: RenderedConfig): void {
    const { folder } = this.#parts
    if (Buffer.byteLength(join(folder, 'master.sock')) > SOCKET_PATH_LIMIT)
      throw new Problem('unsupported', `the path of the state is too long for a socket in it: ${folder}`, {
        hint: 'evenkeeld --state with a shorter path',
      })
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    for (const [name, page] of pages) replaceFile(join(folder, name), page)
    replaceFile(join(folder, 'haproxy.cfg'), text)
    for (const name of readdirSync(folder))
      if (name.startsWith(PAGE) && !pages.has(name)) rmSync(join(folder, name), { force: true })
  }
}
