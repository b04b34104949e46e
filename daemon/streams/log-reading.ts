/**
 * What the Engine has of one container's log, as records, read only as fast as they are taken: the Engine's own files are
 * the buffer. With a cursor it goes on behind it, without loss or repetition, and tells where that cannot be known.
 */
import { LogCursor, type StreamNumber } from '../../protocol/log-cursor.ts'
import { RecordReader, timeText } from '../../protocol/log-records.ts'
import { Problem } from '../../protocol/problems.ts'
import type { Engine, LogsQuery } from '../engine/types.ts'
import { LogParser } from './log-parser.ts'
import { Repeats } from './repeats.ts'

/** stdout and stderr are stamped before they meet: what was written later may carry a time that is so much earlier. */
const DISORDER_SECONDS = 5
const BLOCK_BYTES = 65_536
/** Among so many last lines a cursor is looked for. An Engine finds those at once, and a time only by reading its files through. */
const TAILS = [1000, 20_000] as const

export interface LogReading {
  readonly source: number
  readonly tty: boolean
  readonly query: Omit<LogsQuery, 'timestamps'>
  /** False: nothing is known of times, and no cursor can be had. */
  readonly stamped: boolean
  /** Read on behind this. It moves along with what is read. */
  readonly cursor: LogCursor
  /** Lines between the cursor and what the Engine has now may be gone. Told before the first line. */
  readonly onLoss?: (loss: Loss) => void
}

export interface Loss {
  /** RFC 3339 with nanoseconds. */
  readonly after: string
  readonly before: string
}

/** Whether reading may go on later. An Engine that answered and sent what is no log sends the same again. */
export const isEngineAway = (error: unknown): boolean =>
  error instanceof Problem && (error.code === 'engine-unreachable' || error.code === 'engine-timeout')

/** Whether the container is no more, or is just being removed. */
export const isGone = (error: unknown): boolean =>
  error instanceof Problem &&
  (error.engine?.status === 404 || (error.engine?.status === 409 && /marked for removal/.test(error.message)))

export async function* readLog(
  engine: Engine,
  id: string,
  reading: LogReading,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { query, stamped, cursor, onLoss } = reading
  if (cursor.isEmpty || !stamped) {
    for await (const records of readRecords(engine, id, reading, query, signal)) {
      if (stamped) passAll(cursor, records)
      yield records
    }
    return
  }
  // Up to a time that is over, the last lines may all be later ones.
  for (const tail of query.until === undefined ? TAILS : [])
    if ((yield* readBehind(engine, id, reading, tail, signal)) === 'found') return
  yield* readBehind(engine, id, reading, 'all', signal, onLoss)
}

/** Where the cursor is not among the last lines that were asked for, nothing of them is let through. */
async function* readBehind(
  engine: Engine,
  id: string,
  reading: LogReading,
  tail: number | 'all',
  signal: AbortSignal,
  onLoss?: (loss: Loss) => void,
): AsyncGenerator<Uint8Array, 'found' | 'not among them'> {
  const { query, cursor } = reading
  let isMissing = false
  const filter = new RecordsAfter(cursor, (loss) => {
    isMissing = tail !== 'all'
    onLoss?.(loss)
  })
  let isFirst = true
  for await (const records of readRecords(engine, id, reading, { ...query, since: filter.since, tail }, signal)) {
    if (isFirst && tail !== 'all' && isWithinMoment(cursor, records)) return 'not among them'
    isFirst = false
    const admitted = filter.admit(records)
    if (isMissing) return 'not among them'
    passAll(cursor, admitted)
    if (admitted.length > 0) yield admitted
  }
  return 'found'
}

/** Whether these begin among several lines of the cursor's own nanosecond: which of them was read last cannot be told. */
function isWithinMoment(cursor: LogCursor, records: Uint8Array): boolean {
  const first = new RecordReader(records)
  first.advance()
  const { seconds, nanoseconds } = cursor.latest
  const isSame = first.seconds === seconds && first.nanoseconds === nanoseconds
  return isSame && cursor.compare(first.stream, seconds, nanoseconds, 1) < 0
}

async function* readRecords(
  engine: Engine,
  id: string,
  { source, tty, stamped }: LogReading,
  query: Omit<LogsQuery, 'timestamps'>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const parser = new LogParser({ source, tty, stamped })
  const repeats = query.follow === true && stamped ? new Repeats() : undefined
  for await (const piece of engine.containers.logs(id, { ...query, timestamps: stamped }, { signal })) {
    const all = parser.push(piece)
    const records = repeats === undefined ? all : repeats.leaveOut(all)
    if (records.length > 0) yield records
  }
  const left = parser.finish()
  if (left.length > 0) yield left
}

/** The same records in few large pieces: for what nobody waits for line by line. What breaks them off comes behind them. */
export async function* inBlocks(records: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let pieces: Uint8Array[] = []
  let bytes = 0
  let broken: { readonly error: unknown } | undefined
  try {
    for await (const piece of records) {
      pieces.push(piece)
      bytes += piece.length
      if (bytes < BLOCK_BYTES) continue
      yield joined(pieces)
      pieces = []
      bytes = 0
    }
  } catch (error) {
    // The cursor has passed them already: they would be missed.
    broken = { error }
  }
  if (bytes > 0) yield joined(pieces)
  if (broken !== undefined) throw broken.error
}

const joined = (pieces: readonly Uint8Array[]): Uint8Array => (pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces))

export function passAll(cursor: LogCursor, records: Uint8Array): void {
  const reader = new RecordReader(records)
  while (reader.advance()) cursor.pass(reader.stream, reader.seconds, reader.nanoseconds)
}

/** Lets through what comes behind a cursor. */
export class RecordsAfter {
  /** From where on the Engine is to be asked, so that none behind the cursor is left out. */
  readonly since: string
  readonly #cursor: LogCursor
  /** Of what came by, read or not. */
  readonly #counted: LogCursor
  readonly #onLoss: ((loss: Loss) => void) | undefined
  /**
   * Whether the last line that was read has come by: then nothing between it and what follows is missing. One of its nanosecond
   * is enough, as Engine 20.10 may have sent it twice.
   */
  #isAnchored = false
  /** Beyond this second nothing is held back. */
  readonly #freeSecond: number

  /** `counted`: how far that had been read from which the records come now. Without it, they come from `since` on. */
  constructor(cursor: LogCursor, onLoss: ((loss: Loss) => void) | undefined, counted = new LogCursor()) {
    this.#cursor = cursor.clone()
    this.#counted = counted.clone()
    this.#onLoss = onLoss
    const { seconds, stream } = cursor.latest
    this.#isAnchored = cursor.isLevelWith(counted, stream)
    this.since = `${Math.max(seconds - DISORDER_SECONDS, 0)}.000000000`
    this.#freeSecond = seconds + DISORDER_SECONDS
  }

  admit(records: Uint8Array): Uint8Array {
    const reader = new RecordReader(records)
    const { latest } = this.#cursor
    let isFree = true
    const runs: Uint8Array[] = []
    let begin = -1
    while (reader.advance()) {
      const { stream, seconds, nanoseconds } = reader
      if (seconds <= this.#freeSecond) isFree = false
      else if (isFree && this.#isAnchored) return records
      const ordinal = this.#counted.pass(stream, seconds, nanoseconds)
      const order = this.#order(stream, seconds, nanoseconds, ordinal)
      if (stream === latest.stream && seconds === latest.seconds && nanoseconds === latest.nanoseconds)
        this.#isAnchored = true
      if (order > 0 && begin < 0) {
        begin = reader.at
        if (!this.#isAnchored) this.#tellLoss(seconds, nanoseconds)
      } else if (order <= 0 && begin >= 0) {
        runs.push(records.subarray(begin, reader.at))
        begin = -1
      }
    }
    if (begin >= 0) runs.push(records.subarray(begin))
    return runs.length === 1 ? runs[0]! : Buffer.concat(runs)
  }

  /** Of a stream that nothing was read of, all is new that stands behind the last line of the other one. */
  #order(stream: StreamNumber, seconds: number, nanoseconds: number, ordinal: number): number {
    if (this.#cursor.hasRead(stream) || this.#isAnchored)
      return this.#cursor.compare(stream, seconds, nanoseconds, ordinal)
    const { latest } = this.#cursor
    return seconds - latest.seconds || nanoseconds - latest.nanoseconds || -1
  }

  #tellLoss(seconds: number, nanoseconds: number): void {
    this.#isAnchored = true
    const { latest } = this.#cursor
    this.#onLoss?.({
      after: timeText(latest.seconds, latest.nanoseconds),
      before: timeText(seconds, nanoseconds),
    })
  }
}
