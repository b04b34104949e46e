/**
 * Cuts a container's output into lines. The Engine was asked for timestamps, so that each line begins with one; a line
 * beyond 16 KiB is cut by the Engine into pieces with a timestamp each, of which only the first is meant.
 */
import type { LogLines } from '../../protocol/streams.ts'

export type LogEntry = LogLines['lines'][number]

/** Longest entry, in bytes: the Engine's own limit for one message. */
export const ENTRY_LIMIT_BYTES = 16_384

const STAMP = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2}) /
/** Longest timestamp with its space. */
const STAMP_BYTES = 40

export class LineSplitter {
  readonly #stream: 0 | 1
  #rest: Buffer = Buffer.alloc(0)
  /** The first bytes of a character that goes on in the next piece of its line. */
  #carried: Buffer = Buffer.alloc(0)
  #lastTime = '0'
  #second = { key: '', start: 0n }

  constructor(stream: 'stdout' | 'stderr') {
    this.#stream = stream === 'stdout' ? 0 : 1
  }

  push(data: Buffer): LogEntry[] {
    const entries: LogEntry[] = []
    let bytes = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data])
    for (;;) {
      const end = bytes.indexOf(0x0a)
      if (end >= 0) {
        this.#line(bytes.subarray(0, end), entries)
        bytes = bytes.subarray(end + 1)
      } else if (bytes.length > ENTRY_LIMIT_BYTES + 2 * STAMP_BYTES) {
        const cut = this.#piece(bytes, entries)
        bytes = bytes.subarray(cut)
      } else break
    }
    // A copy, so that a few bytes do not keep the whole chunk in memory.
    this.#rest = Buffer.from(bytes)
    return entries
  }

  /** What is left when the stream ends: a line without its end. */
  finish(): LogEntry[] {
    const entries: LogEntry[] = []
    if (this.#rest.length > 0) this.#line(this.#rest, entries, 'partial')
    this.#rest = Buffer.alloc(0)
    return entries
  }

  #line(bytes: Buffer, entries: LogEntry[], end: 'whole' | 'partial' = 'whole'): void {
    let left = bytes
    while (left.length > ENTRY_LIMIT_BYTES + STAMP_BYTES) left = left.subarray(this.#piece(left, entries))
    const { time, text } = this.#parse(left)
    const message = Buffer.concat([this.#carried, text])
    this.#carried = Buffer.alloc(0)
    entries.push({
      t: time,
      s: this.#stream,
      m: message.toString('utf8').replace(/\r$/, ''),
      ...(end === 'partial' ? { partial: true } : {}),
    })
  }

  /** One entry of the greatest length; answers how many bytes it took. A character that it would cut is carried over. */
  #piece(bytes: Buffer, entries: LogEntry[]): number {
    const { time, text, stampBytes } = this.#parse(bytes)
    const taken = text.subarray(0, ENTRY_LIMIT_BYTES)
    const whole = wholeCharacters(taken)
    const piece = Buffer.concat([this.#carried, taken.subarray(0, whole)])
    this.#carried = Buffer.from(taken.subarray(whole))
    entries.push({ t: time, s: this.#stream, m: piece.toString('utf8'), partial: true })
    return stampBytes + taken.length
  }

  #parse(bytes: Buffer): { time: string; text: Buffer; stampBytes: number } {
    const match = STAMP.exec(bytes.subarray(0, STAMP_BYTES).toString('latin1'))
    if (match === null) return { time: this.#lastTime, text: bytes, stampBytes: 0 }
    this.#lastTime = this.#nanoseconds(match)
    return { time: this.#lastTime, text: bytes.subarray(match[0].length), stampBytes: match[0].length }
  }

  /** Most lines are of the same second as the one before. */
  #nanoseconds([, second = '', fraction = '', zone = 'Z']: RegExpExecArray): string {
    const key = second + zone
    if (key !== this.#second.key) {
      this.#second = { key, start: BigInt(Date.parse(key)) * 1_000_000n }
    }
    return String(this.#second.start + BigInt(fraction.padEnd(9, '0')))
  }
}

/** How many of the bytes make whole characters of UTF-8: a last one may lack up to three. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back]!
    if ((byte & 0xc0) === 0x80) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return length > back ? bytes.length - back : bytes.length
  }
  return bytes.length
}
