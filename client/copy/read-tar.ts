/**
 * Reads a tar out of chunks as they come, and hands the bytes of its files on where they stand: a library has each of them
 * pass through streams of its own, which for gigabytes takes longer than the connection does.
 */
import { Problem } from '../../protocol/problems.ts'

export type TarKind = 'file' | 'folder' | 'symlink' | 'link' | 'device' | 'pipe' | 'unknown'

export interface TarHeader {
  readonly kind: TarKind
  readonly name: string
  /** Where a link leads. */
  readonly target: string
  readonly size: number
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Unix seconds. */
  readonly mtime: number
}

export interface TarTaker {
  entry(header: TarHeader): void
  /** Bytes of the file that came last: there until it returns. */
  data(bytes: Uint8Array): void
  /** The entry that came last is complete. */
  entryEnd(): void
}

const BLOCK_BYTES = 512
/** Of names and records that stand in entries of their own. */
const RECORDS_LIMIT_BYTES = 1_048_576

const KINDS: Readonly<Record<string, TarKind>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'link',
  '2': 'symlink',
  '5': 'folder',
  '3': 'device',
  '4': 'device',
  '6': 'pipe',
}

export class TarReader {
  readonly #taker: TarTaker
  readonly #block = Buffer.alloc(BLOCK_BYTES)
  #blockBytes = 0
  /** Of the entry that is being read: bytes, then padding, that are still to come. */
  #left = 0
  #padding = 0
  /** What the entry being read is: one of its own, or words about the next one. */
  #reading: 'header' | 'entry' | 'records' = 'header'
  #recordsType = ''
  #records: Buffer[] = []
  #next: Record<string, string> = {}
  #hasEnded = false

  constructor(taker: TarTaker) {
    this.#taker = taker
  }

  feed(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length && !this.#hasEnded; ) {
      if (this.#left > 0) {
        const bytes = chunk.subarray(at, at + this.#left)
        at += bytes.length
        this.#left -= bytes.length
        if (this.#reading === 'entry') this.#taker.data(bytes)
        else this.#records.push(Buffer.from(bytes))
        if (this.#left === 0) this.#complete()
      } else if (this.#padding > 0) {
        const skipped = Math.min(this.#padding, chunk.length - at)
        at += skipped
        this.#padding -= skipped
      } else {
        const part = chunk.subarray(at, at + BLOCK_BYTES - this.#blockBytes)
        this.#block.set(part, this.#blockBytes)
        at += part.length
        this.#blockBytes += part.length
        if (this.#blockBytes === BLOCK_BYTES) this.#header()
      }
    }
  }

  /** Throws where the archive broke off: an end is written into it. */
  end(): void {
    if (this.#hasEnded) return
    throw new Problem('daemon-unreachable', 'the archive broke off before all of it was there')
  }

  #header(): void {
    this.#blockBytes = 0
    const block = this.#block
    if (block.every((byte) => byte === 0)) {
      this.#hasEnded = true
      return
    }
    if (checksum(block) !== octal(block, 148, 8)) throw malformed('a header has the wrong checksum')
    const type = String.fromCharCode(block[156]!)
    const records = this.#next
    const size = records.size === undefined ? number(block, 124, 12) : Number(records.size)
    if (!Number.isSafeInteger(size) || size < 0) throw malformed('an entry has no size')
    this.#padding = (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES
    this.#left = size
    if (type === 'x' || type === 'g' || type === 'L' || type === 'K') {
      if (size > RECORDS_LIMIT_BYTES) throw malformed('a name is longer than a mebibyte')
      this.#reading = 'records'
      this.#recordsType = type
    } else {
      this.#reading = 'entry'
      this.#next = {}
      this.#taker.entry(headerOf(block, type, size, records))
    }
    if (size === 0) this.#complete()
  }

  #complete(): void {
    if (this.#reading === 'entry') this.#taker.entryEnd()
    else {
      const text = Buffer.concat(this.#records)
      this.#records = []
      if (this.#recordsType === 'L') this.#next.path = untilNul(text)
      else if (this.#recordsType === 'K') this.#next.linkpath = untilNul(text)
      // Records for all entries (`g`) hold nothing that matters here.
      else if (this.#recordsType === 'x') Object.assign(this.#next, paxRecords(text))
    }
    this.#reading = 'header'
  }
}

function headerOf(block: Buffer, type: string, size: number, records: Readonly<Record<string, string>>): TarHeader {
  const isPosix = block.toString('latin1', 257, 262) === 'ustar' && block[262] === 0
  const prefix = isPosix ? untilNul(block.subarray(345, 500)) : ''
  const short = untilNul(block.subarray(0, 100))
  const name = records.path ?? (prefix === '' ? short : `${prefix}/${short}`)
  return {
    // Before POSIX, a folder was a file whose name ends so.
    kind: type === '\0' && name.endsWith('/') ? 'folder' : (KINDS[type] ?? 'unknown'),
    name,
    target: records.linkpath ?? untilNul(block.subarray(157, 257)),
    size,
    mode: octal(block, 100, 8) & 0o7777,
    uid: records.uid === undefined ? number(block, 108, 8) : Number(records.uid),
    gid: records.gid === undefined ? number(block, 116, 8) : Number(records.gid),
    mtime: records.mtime === undefined ? number(block, 136, 12) : Number(records.mtime),
  }
}

/** `LENGTH KEY=VALUE\n`, the length counting all of it. */
function paxRecords(text: Buffer): Record<string, string> {
  const records: Record<string, string> = {}
  for (let at = 0; at < text.length; ) {
    const space = text.indexOf(0x20, at)
    const length = space < 0 ? Number.NaN : Number(text.toString('latin1', at, space))
    const end = at + length
    if (!(length > space - at + 1) || end > text.length) throw malformed('a record of an entry has the wrong length')
    const record = text.toString('utf8', space + 1, end - 1)
    const equals = record.indexOf('=')
    if (equals < 0) throw malformed('a record of an entry has no value')
    records[record.slice(0, equals)] = record.slice(equals + 1)
    at = end
  }
  return records
}

/** In octal, or, where the first bit says so, as a binary number. */
function number(block: Buffer, at: number, length: number): number {
  if ((block[at]! & 0x80) === 0) return octal(block, at, length)
  let value = block[at]! & 0x7f
  for (const byte of block.subarray(at + 1, at + length)) value = value * 256 + byte
  return value
}

function octal(block: Buffer, at: number, length: number): number {
  const text = untilNul(block.subarray(at, at + length)).trim()
  return text === '' ? 0 : Number.parseInt(text, 8)
}

/** The sum of a header's bytes, its own taken for blanks. */
function checksum(block: Buffer): number {
  let sum = 8 * 0x20
  for (let at = 0; at < BLOCK_BYTES; at += 1) if (at < 148 || at >= 156) sum += block[at]!
  return sum
}

function untilNul(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
}

const malformed = (what: string): Problem =>
  new Problem('conflict', `the archive is not a tar: ${what}`, { hint: 'what came before it is written' })
