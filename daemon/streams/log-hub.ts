/** The logs that somebody follows, each read once. Nothing is read that nobody follows. */
import type { LogCursor } from '../../protocol/log-cursor.ts'
import type { Engine } from '../engine/types.ts'
import { type LiveFollower, LiveLog } from './live-log.ts'
import { sourceOf } from './log-source.ts'

export class LogHub {
  readonly #engine: Engine
  readonly #logs = new Map<string, LiveLog>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** `from`: where a log that nobody follows yet is read on; without it, at its end. */
  follow(
    id: string,
    { tty, from }: { readonly tty: boolean; readonly from: LogCursor | undefined },
    signal: AbortSignal,
  ): LiveFollower {
    const there = this.#logs.get(id)
    if (there !== undefined && there.end === undefined) return there.join(signal)
    const log = new LiveLog(this.#engine, { id, tty, source: sourceOf(id), from })
    this.#logs.set(id, log)
    const follower = log.join(signal)
    void log.run()
    return follower
  }

  leave(id: string, follower: LiveFollower): void {
    const isFollowed = follower.log.leave(follower)
    if (!isFollowed && this.#logs.get(id) === follower.log) this.#logs.delete(id)
  }

  /** How many logs are read. */
  get size(): number {
    return this.#logs.size
  }
}
