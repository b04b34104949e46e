/**
 * The log of a running container as it is written, until it ends: one stream, whatever becomes of the Engine's own. Engine 20.10
 * stands still until the next rotation where one came just as it began to follow, and may end before the last lines. Each
 * Engine skips files that are rotated away while nobody takes what it sends. Nothing of that is told; so a stream that is
 * silent is checked, and one that had to wait is left. Then it is read on behind the last line, which shows what is lost.
 */
import { LogCursor } from '../../protocol/log-cursor.ts'
import { RecordReader } from '../../protocol/log-records.ts'
import { Problem } from '../../protocol/problems.ts'
import type { Engine } from '../engine/types.ts'
import { type Loss, readLog } from './log-reading.ts'

export interface SteadyLogOf {
  readonly id: string
  readonly source: number
  readonly tty: boolean
}

export interface SteadyPlace {
  /** Read on behind this; an empty one: the last line tells where the log begins. It moves along. */
  readonly cursor: LogCursor
  readonly onLoss: (loss: Loss) => void
}

/** Several rotations do not fit into this, unless the log is far too small for what is written. */
const STALL_MS = 1000

export async function* steadyLog(
  engine: Engine,
  of: SteadyLogOf,
  place: SteadyPlace,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { cursor } = place
  const reading = { source: of.source, tty: of.tty, stamped: true, ...place }
  const check = () => hasMore(engine, of, cursor, signal)
  for (let tries = 0, isOver = false; !isOver; tries += 1) {
    const silence = new Silence(check, tries)
    isOver = true
    try {
      const following = { ...reading, query: { follow: true, tail: 1 } }
      for await (const records of readLog(engine, of.id, following, AbortSignal.any([signal, silence.signal]))) {
        const beganMs = performance.now()
        silence.pause()
        yield records
        silence.break()
        tries = 0
        isOver = performance.now() - beganMs <= STALL_MS
        if (!isOver) break
      }
    } catch (error) {
      if (signal.aborted || !silence.signal.aborted) throw error
      isOver = false
    } finally {
      silence.end()
    }
  }
  yield* readLog(engine, of.id, { ...reading, query: {} }, signal)
}

/** Whether the Engine holds lines behind the cursor. */
async function hasMore(engine: Engine, of: SteadyLogOf, cursor: LogCursor, signal: AbortSignal): Promise<boolean> {
  const { id, source, tty } = of
  const reading = { source, tty, stamped: true, cursor: new LogCursor(), query: { tail: 1 } }
  for await (const records of readLog(engine, id, reading, signal)) {
    const last = new RecordReader(records)
    while (last.advance()) if (cursor.compare(last.stream, last.seconds, last.nanoseconds, 1) > 0) return true
  }
  return false
}

/** Silence of so long is looked into; half of that again is what a line may take on its way. */
const SILENT_MS = 1000
/** The next look comes later after each that found nothing amiss, and later where leaving the stream was of no use. */
const LATEST_MS = 60_000

/** Watches a stream for silence. `signal` ends the stream once there is more than it has brought. */
class Silence {
  readonly #check: () => Promise<boolean>
  readonly #stuck = new AbortController()
  readonly #leastMs: number
  #everyMs: number
  #notBeforeMs = 0
  #brokenMs = performance.now()
  #isPaused = false
  #timer: NodeJS.Timeout | undefined

  constructor(check: () => Promise<boolean>, fruitless: number) {
    this.#check = check
    this.#leastMs = Math.min(SILENT_MS * 2 ** fruitless, LATEST_MS)
    this.#everyMs = this.#leastMs
    this.#wait(this.#leastMs)
  }

  get signal(): AbortSignal {
    return this.#stuck.signal
  }

  /** Nobody asks the stream for anything. */
  pause(): void {
    this.#isPaused = true
  }

  /** The stream has brought something. */
  break(): void {
    this.#isPaused = false
    this.#brokenMs = performance.now()
    if (this.#timer === undefined) this.#wait(Math.max(this.#leastMs, this.#notBeforeMs - this.#brokenMs))
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#isPaused = true
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => void this.#look(), ms).unref()
  }

  async #look(): Promise<void> {
    const brokenMs = this.#brokenMs
    const leftMs = brokenMs + this.#leastMs - performance.now()
    if (leftMs > 0) {
      this.#wait(leftMs)
      return
    }
    this.#timer = undefined
    // Also a stream that nobody asks: it is looked at again once somebody has.
    if (this.#isPaused || !(await this.#isBehind(brokenMs))) return
    this.#stuck.abort(new Problem('cancelled', 'the Engine has stopped sending this log'))
  }

  async #isBehind(brokenMs: number): Promise<boolean> {
    // The Engine is away, or the container is no more: its stream ends by itself.
    const hasMore = await this.#check().catch(() => false)
    if (hasMore) await new Promise((resolve) => setTimeout(resolve, this.#leastMs / 2))
    else {
      this.#notBeforeMs = performance.now() + this.#everyMs
      this.#everyMs = Math.min(this.#everyMs * 2, LATEST_MS)
    }
    return hasMore && !this.#isPaused && this.#brokenMs === brokenMs
  }
}
