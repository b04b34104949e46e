/**
 * What the containers of a stack use, for one follower: each second one frame of all of them. Only the latest sample of
 * each is kept, so that a follower who is slow costs nothing and misses only what is over.
 */
import type { Feed } from '../../protocol/feed.ts'
import { Problem } from '../../protocol/problems.ts'
import type { ContainerStats, StatsFrame } from '../../protocol/streams.ts'
import type { ContainerSummary, Engine, EngineEvent } from '../engine/types.ts'
import { NO_USAGE, type Usage, usageOf } from './container-stats.ts'

export interface StatsSources {
  readonly engine: Engine
  readonly events: Feed<EngineEvent>
  /** Those that are to be shown, in their order. */
  readonly containers: (signal: AbortSignal) => Promise<readonly ContainerSummary[]>
  readonly describe: (container: ContainerSummary) => Pick<ContainerStats, 'id' | 'name' | 'service' | 'replica'>
  readonly now: () => Date
}

export interface StatsSelection {
  readonly which: 'running' | 'all'
  readonly times: 'once' | 'on'
}

export interface StatsSink {
  /** Resolves when there is room for more. */
  send(frame: StatsFrame): Promise<void>
}

/** The Engine samples once a second. */
const FRAME_MS = 1000
/** A container whose first sample takes longer than this is shown without one. */
const FIRST_MS = 3000

export class StatsSession {
  readonly #sources: StatsSources
  readonly #selection: StatsSelection
  readonly #sink: StatsSink
  readonly #signal: AbortSignal
  readonly #latest = new Map<string, Usage>()
  readonly #open = new Map<string, AbortController>()
  #arrived = (): void => {}
  /** What no container can be blamed for. */
  #broken: unknown

  constructor(sources: StatsSources, selection: StatsSelection, sink: StatsSink, signal: AbortSignal) {
    this.#sources = sources
    this.#selection = selection
    this.#sink = sink
    this.#signal = signal
  }

  async run(): Promise<void> {
    if (this.#selection.times === 'once') await this.#once()
    else await this.#follow()
    await this.#sink.send({ type: 'end' })
  }

  /** The Engine itself takes two samples here, so that there is a share of CPU to tell. */
  async #once(): Promise<void> {
    const containers = await this.#shown()
    await Promise.all(containers.filter(hasUsage).map((container) => this.#read(container, this.#signal)))
    await this.#send(containers)
  }

  async #follow(): Promise<void> {
    let isChanged = true
    const unsubscribe = this.#sources.events.subscribe(({ Action }) => {
      if (/^(create|start|die|destroy|rename|pause|unpause)/.test(Action)) isChanged = true
    })
    try {
      let containers: readonly ContainerSummary[] = []
      for (let round = 0; !this.#signal.aborted; round += 1) {
        if (this.#broken !== undefined) throw this.#broken
        if (isChanged) {
          isChanged = false
          containers = await this.#shown()
          this.#attach(containers)
        }
        if (round === 0) await this.#firstSamples()
        await this.#send(containers)
        await sleep(FRAME_MS, this.#signal)
      }
    } finally {
      unsubscribe()
      for (const stream of this.#open.values()) stream.abort()
    }
  }

  async #shown(): Promise<readonly ContainerSummary[]> {
    const all = await this.#sources.containers(this.#signal)
    return this.#selection.which === 'all' ? all : all.filter(hasUsage)
  }

  #attach(containers: readonly ContainerSummary[]): void {
    const wanted = new Set(containers.filter(hasUsage).map(({ Id }) => Id))
    for (const [id, stream] of this.#open) if (!wanted.has(id)) stream.abort()
    for (const id of this.#latest.keys()) if (!wanted.has(id)) this.#latest.delete(id)
    for (const container of containers) {
      if (!wanted.has(container.Id) || this.#open.has(container.Id)) continue
      const own = new AbortController()
      this.#open.set(container.Id, own)
      void this.#read(container, AbortSignal.any([own.signal, this.#signal])).finally(() => {
        if (this.#open.get(container.Id) === own) this.#open.delete(container.Id)
      })
    }
  }

  /** Never rejects: a container that cannot be read is shown without figures. */
  async #read({ Id }: ContainerSummary, signal: AbortSignal): Promise<void> {
    try {
      const stream = this.#selection.times === 'on'
      for await (const raw of this.#sources.engine.containers.stats(Id, { stream }, { signal })) {
        if (signal.aborted) return
        this.#latest.set(Id, usageOf(raw))
        this.#arrived()
      }
    } catch (error) {
      // It has ended or is gone, which its state tells; an Engine that is gone is told by the next look at it.
      if (!(error instanceof Problem) && !signal.aborted) this.#broken ??= error
    }
  }

  /** A first table full of zeros would say nothing. */
  async #firstSamples(): Promise<void> {
    const patience = AbortSignal.any([this.#signal, AbortSignal.timeout(FIRST_MS)])
    while (this.#latest.size < this.#open.size && !patience.aborted) {
      await new Promise<void>((resolve) => {
        this.#arrived = resolve
        patience.addEventListener('abort', () => resolve(), { once: true })
      })
    }
    this.#arrived = () => {}
  }

  #send(containers: readonly ContainerSummary[]): Promise<void> {
    return this.#sink.send({
      type: 'stats',
      at: this.#sources.now().toISOString(),
      containers: containers.map((container) => ({
        ...this.#sources.describe(container),
        ...(this.#latest.get(container.Id) ?? NO_USAGE),
      })),
    })
  }
}

const hasUsage = ({ State }: ContainerSummary): boolean => State === 'running' || State === 'paused'

const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
