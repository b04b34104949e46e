/**
 * Log lines as bytes, for a line may be one of millions: what the binary frames of the logs stream hold. Records follow
 * one another, little-endian:
 *
 *     0  u32  source, as the `source` frame numbers it
 *     4  u32  seconds since 1970; 0 where times were not asked for
 *     8  u32  nanoseconds
 *    12  u16  length of the text in bytes
 *    14  u8   flags: 1 stderr, 2 the line goes on in the next record of its source and stream
 *    15  u8   0
 *    16       the text as it was written, without its line feed
 */

export const RECORD_HEADER_BYTES = 16
/** The longest text of one record: the Engine's own limit for one entry of a log. */
export const RECORD_TEXT_BYTES = 16_384

export const STDERR = 1
export const PARTIAL = 2

/** Reads records one after the other without making anything of them. */
export class RecordReader {
  readonly bytes: Uint8Array
  readonly #view: DataView
  /** Where the present record begins, and where the next does. */
  at = 0
  next = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** On to the first or the next record; false behind the last one. */
  advance(): boolean {
    this.at = this.next
    if (this.at + RECORD_HEADER_BYTES > this.bytes.length) return false
    this.next = this.at + RECORD_HEADER_BYTES + this.#view.getUint16(this.at + 12, true)
    return this.next <= this.bytes.length
  }

  get source(): number {
    return this.#view.getUint32(this.at, true)
  }

  get seconds(): number {
    return this.#view.getUint32(this.at + 4, true)
  }

  get nanoseconds(): number {
    return this.#view.getUint32(this.at + 8, true)
  }

  get flags(): number {
    return this.bytes[this.at + 14]!
  }

  get stream(): 0 | 1 {
    return (this.flags & STDERR) as 0 | 1
  }

  get isPartial(): boolean {
    return (this.flags & PARTIAL) !== 0
  }

  /** Where the text begins; it ends at `next`. */
  get textAt(): number {
    return this.at + RECORD_HEADER_BYTES
  }

  get text(): Uint8Array {
    return this.bytes.subarray(this.textAt, this.next)
  }
}

/** Gathers records. What `take` answers is the caller's. */
export class RecordWriter {
  #bytes: Uint8Array
  #view: DataView
  #end = 0

  constructor(roomBytes: number) {
    this.#bytes = new Uint8Array(roomBytes)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** Texts of any length: what is longer than one record takes becomes several, all but the last of them partial. */
  write(
    source: number,
    seconds: number,
    nanoseconds: number,
    flags: number,
    from: Uint8Array,
    start: number,
    end: number,
  ): void {
    let begin = start
    for (; end - begin > RECORD_TEXT_BYTES; begin += RECORD_TEXT_BYTES)
      this.#one(source, seconds, nanoseconds, flags | PARTIAL, from, begin, begin + RECORD_TEXT_BYTES)
    this.#one(source, seconds, nanoseconds, flags, from, begin, end)
  }

  take(): Uint8Array {
    return this.#bytes.subarray(0, this.#end)
  }

  #one(
    source: number,
    seconds: number,
    nanoseconds: number,
    flags: number,
    from: Uint8Array,
    start: number,
    end: number,
  ): void {
    const length = end - start
    const at = this.#end
    this.#end = at + RECORD_HEADER_BYTES + length
    if (this.#end > this.#bytes.length) this.#grow()
    this.#view.setUint32(at, source, true)
    this.#view.setUint32(at + 4, seconds, true)
    this.#view.setUint32(at + 8, nanoseconds, true)
    this.#view.setUint32(at + 12, length | (flags << 16), true)
    copy(from, start, end, this.#bytes, at + RECORD_HEADER_BYTES)
  }

  #grow(): void {
    const larger = new Uint8Array(Math.max(this.#end, this.#bytes.length * 2))
    larger.set(this.#bytes)
    this.#bytes = larger
    this.#view = new DataView(larger.buffer)
  }
}

/** A loop is quicker than a call out of JavaScript, but only for what is very short. */
export function copy(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start > 32) to.set(from.subarray(start, end), at)
  else for (let index = start, target = at; index < end; index += 1, target += 1) to[target] = from[index]!
}

/** RFC 3339 with nanoseconds, in UTC: as the Engine writes the times of lines. */
export function timeText(seconds: number, nanoseconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(nanoseconds).padStart(9, '0')}Z`
}
