/**
 * The log of one container for one follower: what there is, then what is written, without loss or repetition in between.
 * What there is comes from the Engine only as fast as the follower takes it; what is written comes from the hub.
 */
import type { LogCursor } from '../../protocol/log-cursor.ts'
import type { LiveFollower } from './live-log.ts'
import type { LogOutlet } from './log-outlet.ts'
import type { LogSources } from './log-ports.ts'
import { millisecondsOf } from './log-query.ts'
import { inBlocks, type Loss, passAll, readLog } from './log-reading.ts'
import { type LogSpan, withinSpan } from './log-selection.ts'
import { sourceOf } from './log-source.ts'

/** An empty log says nothing of where its stream stands. Others say it at once. */
const POSITION_MS = 500
/** So often what is written may run ahead of a follower that is still at what there is. */
const CATCH_UP_TRIES = 3
/** The Engine ends a stream at `until` only with the next line: what is due by then comes within this. */
const LAST_LINES_MS = 1000
/** The longest that a timer of Node takes. */
const TIMER_LIMIT_MS = 2 ** 31 - 1

export class FollowedLog {
  readonly id: string
  /** How far the follower has it. */
  readonly cursor: LogCursor
  /** It has no more to tell. */
  isClosed = false
  readonly #sources: Pick<LogSources, 'engine' | 'hub' | 'clock'>
  readonly #outlet: LogOutlet
  readonly #span: LogSpan
  readonly #signal: AbortSignal
  /** Of what there is, as long as nothing was read: so many of the last lines. */
  #tail: number | 'all' | undefined

  constructor(
    of: { readonly id: string; readonly cursor: LogCursor; readonly span: LogSpan },
    sources: Pick<LogSources, 'engine' | 'hub' | 'clock'>,
    outlet: LogOutlet,
    signal: AbortSignal,
  ) {
    this.id = of.id
    this.cursor = of.cursor
    this.#span = of.span
    this.#sources = sources
    this.#outlet = outlet
    this.#signal = signal
  }

  /** Until the container has ended. `tail`: of what it wrote before it is read for the first time. */
  async read(
    container: { readonly tty: boolean; readonly state: 'runs' | 'has ended' },
    tail: number | 'all',
  ): Promise<void> {
    this.#tail ??= tail
    const { tty, state } = container
    if (state === 'has ended') await this.#history(tty, 'as it is')
    else if (this.#span.until === undefined) await this.#live(tty)
    else {
      await this.#history(tty, 'follow')
      this.isClosed = this.#leftMs <= 0
    }
  }

  /** What the Engine has by now, behind the cursor. */
  async #history(tty: boolean, how: 'as it is' | 'follow'): Promise<void> {
    const { id, cursor } = this
    const tail = this.#tail ?? 'all'
    // Nothing of it is shown, but its last line tells where what follows begins.
    const isHidden = tail === 0 && cursor.isEmpty && how === 'as it is'
    const query = { ...this.#span, tail: isHidden ? 1 : tail, follow: how === 'follow' }
    let loss: Loss | undefined
    const onLoss = (found: Loss) => {
      loss = found
    }
    const reading = { source: sourceOf(id), tty, stamped: true, cursor, query, onLoss }
    const signal = how === 'follow' ? this.#untilSignal() : this.#signal
    const read = readLog(this.#sources.engine, id, reading, signal)
    try {
      for await (const records of how === 'follow' ? read : inBlocks(read)) {
        if (loss !== undefined) await this.#outlet.lost(id, loss)
        loss = undefined
        if (!isHidden) await this.#outlet.records(records)
      }
    } catch (error) {
      // The time is over that was asked for: there the log ends.
      if (!signal.aborted || this.#signal.aborted) throw error
    }
    // Whatever comes now was written since, also where there was nothing.
    this.#tail = 'all'
  }

  get #leftMs(): number {
    return millisecondsOf(this.#span.until ?? '') - this.#sources.clock.now().getTime()
  }

  #untilSignal(): AbortSignal {
    const limitMs = Math.min(Math.ceil(Math.max(this.#leftMs, 0)) + LAST_LINES_MS, TIMER_LIMIT_MS)
    return AbortSignal.any([this.#signal, AbortSignal.timeout(limitMs)])
  }

  async #live(tty: boolean): Promise<void> {
    const { id, cursor } = this
    const { hub } = this.#sources
    const from = cursor.isEmpty ? undefined : cursor
    const follower = hub.follow(id, { tty, from }, this.#signal)
    try {
      if (follower.log.covers(from)) follower.readBehind(cursor, follower.standAtBeginning())
      else await this.#catchUp(follower, tty)
      await this.#outlet.live(id, cursor)
      await this.#pass(follower)
    } finally {
      hub.leave(id, follower)
    }
  }

  /** From what there is to what is written, so that nothing is missed or comes twice in between. */
  async #catchUp(follower: LiveFollower, tty: boolean): Promise<void> {
    const { log } = follower
    const { id, cursor } = this
    if (!log.isPositioned) await follower.arrival(POSITION_MS)
    for (let tries = 1; !this.#signal.aborted; tries += 1) {
      const isPositioned = log.isPositioned
      const counted = follower.stand()
      if (isPositioned && this.#tail === 0 && cursor.isEmpty) {
        // Nothing of what there is is wanted: where the stream stands is where it begins.
        cursor.moveTo(counted)
        follower.readBehind(cursor, counted)
        return
      }
      await this.#history(tty, 'as it is')
      if (log.end !== undefined || (isPositioned && (follower.isInTime || tries > CATCH_UP_TRIES))) {
        follower.readBehind(cursor, counted)
        return
      }
      if (isPositioned) continue
      await this.#outlet.live(id, cursor)
      await follower.arrival()
    }
  }

  async #pass(follower: LiveFollower): Promise<void> {
    for await (const item of follower.items()) {
      switch (item.type) {
        case 'records':
          passAll(this.cursor, item.bytes)
          await this.#outlet.records(withinSpan(item.bytes, this.#span))
          break
        case 'slow':
          await this.#outlet.missed(this.id, item)
          break
        case 'loss':
          await this.#outlet.lost(this.id, item.loss)
          break
        case 'end':
          if (item.error !== undefined) throw item.error
          return
      }
    }
  }
}
