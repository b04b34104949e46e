/**
 * What the containers of a stack use, for one follower: each second one frame of all of them. Only the latest sample of
 * each is kept, so that a follower who is slow costs nothing and misses only what is over.
 */
import type { Feed } from '../../protocol/feed.ts'
import { Problem } from '../../protocol/problems.ts'
import type { ContainerStats, StatsFrame } from '../../protocol/streams.ts'
import type { ContainerSummary, Engine, EngineEvent } from '../engine/types.ts'
import { NO_USAGE, type Usage, usageOf } from './container-stats.ts'
import type { Metering, StatsHub } from './stats-hub.ts'
import type { StreamClock } from './stream-clock.ts'

export interface StatsSources {
  readonly engine: Engine
  readonly hub: StatsHub
  readonly events: Feed<EngineEvent>
  /** Those that are to be shown, in their order. */
  readonly containers: (signal: AbortSignal) => Promise<readonly ContainerSummary[]>
  readonly describe: (container: ContainerSummary) => Pick<ContainerStats, 'id' | 'name' | 'service' | 'replica'>
  readonly clock: StreamClock
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
  readonly #meterings = new Map<string, Metering>()
  #changed = (): void => {}

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
    const usages = await Promise.all(containers.map((container) => this.#sample(container)))
    const byId = new Map(containers.map(({ Id }, index) => [Id, usages[index]]))
    await this.#send(containers, (id) => byId.get(id))
  }

  async #sample(container: ContainerSummary): Promise<Usage | undefined> {
    if (!hasUsage(container)) return undefined
    const { engine } = this.#sources
    try {
      for await (const raw of engine.containers.stats(container.Id, { stream: false }, { signal: this.#signal }))
        return usageOf(raw)
    } catch (error) {
      // It has ended or is gone by now: it is shown without figures.
      if (!(error instanceof Problem) && !this.#signal.aborted) throw error
    }
    return undefined
  }

  async #follow(): Promise<void> {
    let isChanged = true
    const unsubscribe = this.#sources.events.subscribe(({ Action }) => {
      if (/^(create|start|die|destroy|rename|pause|unpause)/.test(Action)) isChanged = true
    })
    try {
      let containers: readonly ContainerSummary[] = []
      for (let round = 0; !this.#signal.aborted; round += 1) {
        if (isChanged) {
          isChanged = false
          containers = await this.#shown()
          this.#attach(containers)
        }
        if (round === 0) await this.#firstSamples()
        await this.#send(containers, (id) => this.#meterings.get(id)?.latest)
        await this.#sources.clock.sleep(FRAME_MS, this.#signal)
        for (const { hasEnded, failure } of this.#meterings.values()) {
          if (failure !== undefined) throw failure
          // The container has ended, or the Engine is away: the next look tells.
          if (hasEnded) isChanged = true
        }
      }
    } finally {
      unsubscribe()
      for (const id of this.#meterings.keys()) this.#leave(id)
    }
  }

  async #shown(): Promise<readonly ContainerSummary[]> {
    const all = await this.#sources.containers(this.#signal)
    return this.#selection.which === 'all' ? all : all.filter(hasUsage)
  }

  #attach(containers: readonly ContainerSummary[]): void {
    const wanted = new Set(containers.filter(hasUsage).map(({ Id }) => Id))
    for (const [id, { hasEnded }] of this.#meterings) if (hasEnded || !wanted.has(id)) this.#leave(id)
    for (const id of wanted)
      if (!this.#meterings.has(id)) this.#meterings.set(id, this.#sources.hub.follow(id, this.#wake))
  }

  #leave(id: string): void {
    this.#sources.hub.leave(id, this.#meterings.get(id)!, this.#wake)
    this.#meterings.delete(id)
  }

  /** The same for as long as it follows: the hub knows a follower by it. */
  readonly #wake = (): void => this.#changed()

  /** A first table full of zeros would say nothing. */
  async #firstSamples(): Promise<void> {
    const isOver = new AbortController()
    const patience = AbortSignal.any([this.#signal, isOver.signal])
    const late = this.#sources.clock.sleep(FIRST_MS, patience).then(() => isOver.abort())
    const isMissing = ({ latest, hasEnded }: Metering) => latest === undefined && !hasEnded
    while ([...this.#meterings.values()].some(isMissing) && !patience.aborted) {
      const changed = new Promise<void>((resolve) => {
        this.#changed = resolve
      })
      await Promise.race([changed, late])
    }
    isOver.abort()
    this.#changed = () => {}
  }

  #send(containers: readonly ContainerSummary[], usageBy: (id: string) => Usage | undefined): Promise<void> {
    return this.#sink.send({
      type: 'stats',
      at: this.#sources.clock.now().toISOString(),
      containers: containers.map((container) => ({
        ...this.#sources.describe(container),
        ...(usageBy(container.Id) ?? NO_USAGE),
      })),
    })
  }
}

const hasUsage = ({ State }: ContainerSummary): boolean => State === 'running' || State === 'paused'
