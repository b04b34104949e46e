/**
 * The log of one running container as it is written: one stream of the Engine, however many follow. Blocks of records go
 * through a ring that all followers share. The stream is read as fast as the quickest of them takes it; who is so slow that
 * the ring moves on without him is told how much he missed.
 */
import { LogCursor } from '../../protocol/log-cursor.ts'
import { RecordReader, timeText } from '../../protocol/log-records.ts'
import { Problem } from '../../protocol/problems.ts'
import type { Engine } from '../engine/types.ts'
import { type Loss, RecordsAfter } from './log-reading.ts'
import { steadyLog } from './steady-log.ts'

/** What all followers of a container share: ten seconds of a busy log. */
export const RING_BYTES = 1_048_576
/** A block is sent at once, but not sooner than so long after the one before, unless it has so many bytes. */
const BLOCK_BYTES = 16_384
const BLOCK_MS = 10

export type LiveItem =
  | { readonly type: 'records'; readonly bytes: Uint8Array }
  | { readonly type: 'slow'; readonly lines: number; readonly after: string | undefined; readonly before: string }
  | { readonly type: 'loss'; readonly loss: Loss }
  /** No more comes. Without an error: the container has stopped. */
  | { readonly type: 'end'; readonly error: unknown }

interface Block {
  readonly bytes: Uint8Array
  /** Records since the beginning, up to this block. */
  readonly before: number
  readonly records: number
  readonly firstTime: string
  readonly lastTime: string
  /** Something that the Engine no longer had when this block was read. */
  readonly loss: Loss | undefined
}

export interface LiveLogOf {
  readonly id: string
  readonly source: number
  readonly tty: boolean
  /** The first follower reads on behind this: so does the stream. */
  readonly from: LogCursor | undefined
}

export class LiveLog {
  readonly #engine: Engine
  readonly #of: LiveLogOf
  /** How far was read. */
  readonly #cursor: LogCursor
  /** How far the ring goes. */
  readonly #counted: LogCursor
  readonly #followers = new Set<LiveFollower>()
  readonly #stop = new AbortController()
  readonly #blocks: Block[] = []
  /** Number of the first block in the ring. */
  #first = 0
  #bytes = 0
  #records = 0
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  #timer: NodeJS.Timeout | undefined
  #flushedMs = 0
  #loss: Loss | undefined
  #end: Extract<LiveItem, { type: 'end' }> | undefined
  #room = (): void => {}

  constructor(engine: Engine, of: LiveLogOf) {
    this.#engine = engine
    this.#of = of
    this.#cursor = of.from?.clone() ?? new LogCursor()
    this.#counted = this.#cursor.clone()
  }

  join(signal: AbortSignal): LiveFollower {
    const follower = new LiveFollower(this, signal)
    this.#followers.add(follower)
    return follower
  }

  /** Answers whether anybody is left. */
  leave(follower: LiveFollower): boolean {
    this.#followers.delete(follower)
    follower.release()
    if (this.#followers.size === 0) this.#stop.abort(new Problem('cancelled', 'nobody follows this log any more'))
    this.#room()
    return this.#followers.size > 0
  }

  /** The number that the next block will have. */
  get next(): number {
    return this.#first + this.#blocks.length
  }

  get end(): Extract<LiveItem, { type: 'end' }> | undefined {
    return this.#end
  }

  /** Whether the stream stands somewhere in the log, so that nothing behind it is missed. */
  get isPositioned(): boolean {
    return this.#of.from !== undefined || this.next > 0
  }

  /** Whether the stream brings all that is behind this cursor. */
  covers(cursor: LogCursor | undefined): boolean {
    return this.#of.from !== undefined && cursor?.isAtLeast(this.#of.from) === true && this.#first === 0
  }

  /** What stands before the ring: how far the log had been read, and how many records that were. */
  state(): { readonly counted: LogCursor; readonly records: number } {
    this.#flush()
    return { counted: this.#counted.clone(), records: this.#records }
  }

  /** The state before the first block of all. */
  beginning(): { readonly counted: LogCursor; readonly records: number } {
    return { counted: this.#of.from?.clone() ?? new LogCursor(), records: 0 }
  }

  /** The block of this number; the oldest where that one is gone; undefined where it is still to come. */
  block(number: number): Block | undefined {
    return this.#blocks[Math.max(number - this.#first, 0)]
  }

  get first(): number {
    return this.#first
  }

  /** A follower has taken a block: there may be room now. */
  taken(): void {
    this.#room()
  }

  /** Reads until the container stops or nobody follows. Never rejects. */
  async run(): Promise<void> {
    const place = { cursor: this.#cursor, onLoss: (loss: Loss) => this.#lose(loss) }
    try {
      await this.#take(steadyLog(this.#engine, this.#of, place, this.#stop.signal))
      this.#finish(undefined)
    } catch (error) {
      this.#finish(error)
    }
  }

  async #take(source: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const bytes of source) {
      this.#pending.push(bytes)
      this.#pendingBytes += bytes.length
      if (this.#pendingBytes >= BLOCK_BYTES) this.#flush()
      else this.#timer ??= setTimeout(() => this.#flush(), Math.max(this.#flushedMs + BLOCK_MS - performance.now(), 0))
      while (!this.#makeRoom() && !this.#stop.signal.aborted) {
        await new Promise<void>((resolve) => {
          this.#room = resolve
        })
      }
    }
    this.#flush()
  }

  #lose(loss: Loss): void {
    this.#flush()
    this.#loss = loss
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#pendingBytes === 0) return
    const bytes = this.#pending.length === 1 ? this.#pending[0]! : Buffer.concat(this.#pending)
    this.#pending = []
    this.#pendingBytes = 0
    this.#flushedMs = performance.now()
    const reader = new RecordReader(bytes)
    let records = 0
    let firstTime = ''
    let lastTime = ''
    while (reader.advance()) {
      if (records === 0) firstTime = timeText(reader.seconds, reader.nanoseconds)
      records += 1
      this.#counted.pass(reader.stream, reader.seconds, reader.nanoseconds)
      if (reader.next === bytes.length) lastTime = timeText(reader.seconds, reader.nanoseconds)
    }
    this.#blocks.push({ bytes, before: this.#records, records, firstTime, lastTime, loss: this.#loss })
    this.#loss = undefined
    this.#records += records
    this.#bytes += bytes.length
    this.#drop()
    for (const follower of this.#followers) follower.wake()
  }

  /** Drops what all have taken. */
  #drop(): void {
    let taken = this.next
    for (const follower of this.#followers) taken = Math.min(taken, follower.position)
    while (this.#first < taken) this.#shift()
  }

  /** False where all would miss something. */
  #makeRoom(): boolean {
    if (this.#bytes <= RING_BYTES) return true
    this.#drop()
    while (this.#bytes > RING_BYTES) {
      let quickest = 0
      for (const follower of this.#followers) if (follower.isTaking) quickest = Math.max(quickest, follower.position)
      if (quickest <= this.#first) return false
      this.#shift()
    }
    return true
  }

  #shift(): void {
    this.#bytes -= this.#blocks.shift()!.bytes.length
    this.#first += 1
  }

  #finish(error: unknown): void {
    this.#flush()
    this.#end = { type: 'end', error }
    for (const follower of this.#followers) follower.wake()
  }
}

/** One who follows. It stands at a block, and takes one after the other. */
export class LiveFollower {
  readonly log: LiveLog
  /** The number of the block that is taken next. */
  position: number
  #records = 0
  #lastTime: string | undefined
  #filter: RecordsAfter | undefined
  #wake = (): void => {}

  readonly #signal: AbortSignal

  constructor(log: LiveLog, signal: AbortSignal) {
    this.log = log
    this.position = log.next
    this.#signal = signal
    signal.addEventListener('abort', this.wake, { once: true })
  }

  readonly wake = (): void => this.#wake()

  release(): void {
    this.#signal.removeEventListener('abort', this.wake)
  }

  /** From here on: what has come before is read elsewhere. Answers how far that goes. */
  stand(): LogCursor {
    const { counted, records } = this.log.state()
    this.position = this.log.next
    this.#records = records
    return counted
  }

  /** At the first block of all. */
  standAtBeginning(): LogCursor {
    const { counted, records } = this.log.beginning()
    this.position = 0
    this.#records = records
    return counted
  }

  /** Whether it takes blocks by now. Until then it reads what there is, and the log does not run away from all. */
  isTaking = false

  /** Only what is behind the cursor. `counted`: how far the log goes that is before the place where it stands. */
  readBehind(cursor: LogCursor, counted: LogCursor): void {
    this.isTaking = true
    this.#filter = cursor.isEmpty ? undefined : new RecordsAfter(cursor, undefined, counted)
  }

  /** Whether the block that it stands at is still there. */
  get isInTime(): boolean {
    return this.position >= this.log.first
  }

  /** Resolves when there is a block to take, or the log has ended, or the follower has; or after so long. */
  async arrival(limitMs?: number): Promise<void> {
    let isLate = false
    const timer =
      limitMs === undefined
        ? undefined
        : setTimeout(() => {
            isLate = true
            this.#wake()
          }, limitMs)
    while (!this.#hasSomething && !isLate) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    clearTimeout(timer)
  }

  get #hasSomething(): boolean {
    return this.log.block(this.position) !== undefined || this.log.end !== undefined || this.#signal.aborted
  }

  async *items(): AsyncGenerator<LiveItem> {
    while (!this.#signal.aborted) {
      const block = this.log.block(this.position)
      if (block === undefined) {
        if (this.log.end !== undefined) {
          yield this.log.end
          return
        }
        await this.arrival()
        continue
      }
      const missed = block.before - this.#records
      this.position = Math.max(this.position, this.log.first) + 1
      this.#records = block.before + block.records
      this.log.taken()
      if (missed > 0) yield { type: 'slow', lines: missed, after: this.#lastTime, before: block.firstTime }
      if (block.loss !== undefined) yield { type: 'loss', loss: block.loss }
      this.#lastTime = block.lastTime
      const bytes = this.#filter === undefined ? block.bytes : this.#filter.admit(block.bytes)
      if (bytes.length > 0) yield { type: 'records', bytes }
    }
  }
}
