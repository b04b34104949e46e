/** What containers use that somebody follows: one stream of the Engine for each of them, and its latest sample for all. */
import { Problem } from '../../protocol/problems.ts'
import type { Engine } from '../engine/types.ts'
import { type Usage, usageOf } from './container-stats.ts'

export interface Metering {
  /** Undefined before the first sample. */
  readonly latest: Usage | undefined
  /** No more samples come: the container has ended, is gone, or the Engine is. */
  readonly hasEnded: boolean
  /** What no container can be blamed for. */
  readonly failure: unknown
}

export class StatsHub {
  readonly #engine: Engine
  readonly #meters = new Map<string, Meter>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** `changed` is called with each sample, and when no more come. */
  follow(id: string, changed: () => void): Metering {
    const there = this.#meters.get(id)
    const meter = there === undefined || there.hasEnded ? new Meter() : there
    meter.followers.add(changed)
    if (meter !== there) {
      this.#meters.set(id, meter)
      void meter.run(this.#engine, id)
    }
    return meter
  }

  /** With its last follower a stream ends. */
  leave(id: string, metering: Metering, changed: () => void): void {
    const meter = metering as Meter
    meter.followers.delete(changed)
    if (meter.followers.size > 0) return
    meter.stop()
    if (this.#meters.get(id) === meter) this.#meters.delete(id)
  }

  /** How many containers are sampled. */
  get size(): number {
    return this.#meters.size
  }
}

class Meter implements Metering {
  readonly followers = new Set<() => void>()
  latest: Usage | undefined
  hasEnded = false
  failure: unknown
  readonly #stop = new AbortController()

  stop(): void {
    this.#stop.abort(new Problem('cancelled', 'nobody follows these figures any more'))
  }

  /** Never rejects: a container that cannot be read is shown without figures. */
  async run(engine: Engine, id: string): Promise<void> {
    const { signal } = this.#stop
    try {
      for await (const raw of engine.containers.stats(id, { stream: true }, { signal })) {
        if (signal.aborted) return
        this.latest = usageOf(raw)
        this.#tell()
      }
    } catch (error) {
      // It has ended or is gone, which its state tells; an Engine that is gone is told by the next look at it.
      if (!(error instanceof Problem) && !signal.aborted) this.failure = error
    } finally {
      this.hasEnded = true
      this.#tell()
    }
  }

  #tell(): void {
    for (const changed of this.followers) changed()
  }
}
