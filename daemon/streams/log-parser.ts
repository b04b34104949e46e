/**
 * Makes records of what the Engine sends of a log. Without a terminal each entry is one multiplexed frame; with one it is
 * a line. An entry ends with a line feed unless its line goes on: the Engine cuts lines at 16 KiB. Where timestamps were
 * asked for, each entry begins with one, whose pieces all carry the time of the first.
 */

import { PARTIAL, RECORD_TEXT_BYTES, RecordWriter, STDERR } from '../../protocol/log-records.ts'
import { Problem } from '../../protocol/problems.ts'

export interface LogShape {
  readonly source: number
  readonly tty: boolean
  readonly stamped: boolean
}

const HEADER_BYTES = 8
/** Longest timestamp with its space. */
const STAMP_BYTES = 40
const STAMP = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2}) /
/** `2026-01-02T03:04:05.000000001Z `: what all but few stamps look like. */
const USUAL_STAMP_BYTES = 31
const SECOND_BYTES = 19
const NOTHING = Buffer.alloc(0)
const LINE_FEED = 0x0a

export class LogParser {
  readonly #source: number
  readonly #tty: boolean
  readonly #stamped: boolean
  #rest: Buffer = NOTHING
  /** Bytes to come of a frame that is longer than any that the Engine makes itself. */
  #left = 0
  #flags = 0
  #seconds = 0
  #nanoseconds = 0
  /** The second that `#seconds` was read from: most lines are of the same one as the line before. */
  readonly #second = Buffer.alloc(SECOND_BYTES)

  constructor({ source, tty, stamped }: LogShape) {
    this.#source = source
    this.#tty = tty
    this.#stamped = stamped
  }

  /** The records that are whole by now. */
  push(piece: Uint8Array): Uint8Array {
    const added = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    const bytes = this.#rest.length === 0 ? added : Buffer.concat([this.#rest, added])
    // Short lines grow: a record's header is longer than a frame's.
    const out = new RecordWriter(bytes.length + (bytes.length >> 2) + 64)
    const taken = this.#tty ? this.#lines(bytes, out) : this.#frames(bytes, out)
    // A copy, so that a few bytes do not keep the whole piece in memory.
    this.#rest = taken === bytes.length ? NOTHING : Buffer.from(bytes.subarray(taken))
    return out.take()
  }

  /** What is left when the stream has ended: a line of a terminal that has no end. */
  finish(): Uint8Array {
    const out = new RecordWriter(this.#rest.length + 1024)
    if (this.#tty && this.#rest.length > 0) this.#entry(this.#rest, 0, this.#rest.length, PARTIAL, out)
    this.#rest = NOTHING
    return out.take()
  }

  #frames(bytes: Buffer, out: RecordWriter): number {
    let at = 0
    while (at < bytes.length) {
      if (this.#left > 0) {
        const end = Math.min(at + this.#left, bytes.length)
        this.#left -= end - at
        this.#text(bytes, at, end, this.#left > 0 ? PARTIAL : 0, out)
        at = end
        continue
      }
      if (bytes.length - at < HEADER_BYTES) break
      const length = bytes.readUInt32BE(at + 4)
      const begin = at + HEADER_BYTES
      const end = begin + length
      const isLong = length > RECORD_TEXT_BYTES + STAMP_BYTES + 1
      if (end > bytes.length && !(isLong && bytes.length - begin > STAMP_BYTES)) break
      if (bytes[at]! > 2) throw new Problem('engine-error', bytes.toString('utf8', begin, Math.min(end, bytes.length)))
      this.#flags = bytes[at] === 2 ? STDERR : 0
      if (end <= bytes.length) {
        this.#entry(bytes, begin, end, 0, out)
        at = end
      } else {
        at = this.#stamped ? this.#stamp(bytes, begin) : begin
        this.#left = end - at
      }
    }
    return at
  }

  #lines(bytes: Buffer, out: RecordWriter): number {
    let at = 0
    for (;;) {
      const lineFeed = bytes.indexOf(LINE_FEED, at)
      const end = lineFeed < 0 ? bytes.length : lineFeed + 1
      // A long line: its pieces follow one another with a timestamp each.
      while (end - at > RECORD_TEXT_BYTES + STAMP_BYTES + 1) {
        const begin = this.#stamped ? this.#stamp(bytes, at) : at
        this.#text(bytes, begin, begin + RECORD_TEXT_BYTES, PARTIAL, out)
        at = begin + RECORD_TEXT_BYTES
      }
      if (lineFeed < 0) return at
      this.#entry(bytes, at, end, 0, out)
      at = end
    }
  }

  #entry(bytes: Buffer, begin: number, end: number, flags: number, out: RecordWriter): void {
    this.#text(bytes, this.#stamped ? this.#stamp(bytes, begin) : begin, end, flags, out)
  }

  #text(bytes: Buffer, begin: number, end: number, flags: number, out: RecordWriter): void {
    if (end <= begin) return
    const isWhole = (flags & PARTIAL) === 0 && bytes[end - 1] === LINE_FEED
    const all = this.#flags | (isWhole ? 0 : PARTIAL)
    out.write(this.#source, this.#seconds, this.#nanoseconds, all, bytes, begin, isWhole ? end - 1 : end)
  }

  /** Takes the time from the stamp, and answers where the text begins. */
  #stamp(bytes: Buffer, at: number): number {
    const isUsual = bytes[at + SECOND_BYTES] === 0x2e && bytes[at + 29] === 0x5a && bytes[at + 30] === 0x20
    if (!isUsual || at + USUAL_STAMP_BYTES > bytes.length) return this.#unusualStamp(bytes, at)
    for (let index = SECOND_BYTES - 1; index >= 0; index -= 1) {
      if (bytes[at + index] === this.#second[index]) continue
      const ms = Date.parse(`${bytes.toString('latin1', at, at + SECOND_BYTES)}Z`)
      if (Number.isNaN(ms)) return at
      this.#seconds = ms / 1000
      bytes.copy(this.#second, 0, at, at + SECOND_BYTES)
      break
    }
    let nanoseconds = 0
    for (let index = at + SECOND_BYTES + 1; index < at + 29; index += 1)
      nanoseconds = nanoseconds * 10 + bytes[index]! - 48
    this.#nanoseconds = nanoseconds
    return at + USUAL_STAMP_BYTES
  }

  /** Another zone, or a fraction of another length. A line without a stamp has the time of the one before. */
  #unusualStamp(bytes: Buffer, at: number): number {
    const match = STAMP.exec(bytes.toString('latin1', at, Math.min(at + STAMP_BYTES, bytes.length)))
    if (match === null) return at
    const [all, second, fraction = '', zone] = match
    this.#seconds = Date.parse(`${second}${zone}`) / 1000
    this.#nanoseconds = Number(fraction.padEnd(9, '0'))
    this.#second.fill(0)
    return at + all.length
  }
}
