/** Watches a tar go by without keeping it: its digest and size, and whether it is a tar, from its first block to its last. */
import { createHash } from 'node:crypto'
import { Transform, type TransformCallback } from 'node:stream'
import { Problem } from '../../protocol/problems.ts'

const BLOCK = 512
/** A tar ends with two blocks of zeros: what is cut off between two files is otherwise a whole tar of fewer files. */
const END = 2 * BLOCK

/** First bytes of what the Engine unpacks by itself: gzip, bzip2, xz, zstd. These tell by themselves where they end. */
const COMPRESSIONS = ['1f8b', '425a68', 'fd377a585a00', '28b52ffd']

export class TarWatch extends Transform {
  readonly #see: (chunk: Buffer) => void
  readonly #hash = createHash('sha256')
  #bytes = 0
  #problem: Problem | undefined
  #head: Buffer = Buffer.alloc(0)
  #tail: Buffer = Buffer.alloc(0)
  #kind: 'unknown' | 'plain' | 'compressed' = 'unknown'
  #digest: string | undefined

  /** `see` is told each chunk as it comes. */
  constructor(see: (chunk: Buffer) => void = () => {}) {
    super()
    this.#see = see
  }

  /** What is wrong with the archive, which whoever reads on may tell in other words. */
  get problem(): Problem | undefined {
    return this.#problem
  }

  get bytes(): number {
    return this.#bytes
  }

  /** In hex. Once all has gone by. */
  get sha256(): string {
    if (this.#digest === undefined) throw new Error('the archive has not ended')
    return this.#digest
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    this.#bytes += chunk.length
    this.#hash.update(chunk)
    this.#see(chunk)
    this.#tail = chunk.length >= END ? chunk.subarray(-END) : Buffer.concat([this.#tail, chunk]).subarray(-END)
    if (this.#kind !== 'unknown') {
      done(undefined, chunk)
      return
    }
    this.#head = Buffer.concat([this.#head, chunk])
    if (this.#head.length < BLOCK) {
      done()
      return
    }
    this.#kind = kindOf(this.#head)
    const head = this.#head
    this.#head = Buffer.alloc(0)
    if (this.#kind === 'unknown') this.#refuse(notATar(), done)
    else done(undefined, head)
  }

  override _flush(done: TransformCallback): void {
    this.#digest = this.#hash.digest('hex')
    if (this.#kind === 'unknown') {
      this.#kind = this.#head.length === 0 ? 'unknown' : kindOf(this.#head)
      if (this.#kind !== 'compressed') {
        this.#refuse(notATar(), done)
        return
      }
      this.push(this.#head)
    }
    const isWhole = this.#kind === 'compressed' || (this.#tail.length === END && isZero(this.#tail))
    if (isWhole) done()
    else {
      const problem = new Problem('archive-damaged', `the archive ends in the middle, after ${this.#bytes} bytes`, {
        hint: 'what was cut off is missing: make the archive again',
      })
      this.#refuse(problem, done)
    }
  }

  #refuse(problem: Problem, done: TransformCallback): void {
    this.#problem = problem
    done(problem)
  }
}

function kindOf(head: Buffer): 'unknown' | 'plain' | 'compressed' {
  const start = head.subarray(0, 6).toString('hex')
  if (COMPRESSIONS.some((magic) => start.startsWith(magic))) return 'compressed'
  return head.length >= BLOCK && (isZero(head.subarray(0, BLOCK)) || hasChecksum(head)) ? 'plain' : 'unknown'
}

/** The sum of a header's bytes, with its own field taken as blanks (POSIX ustar). */
function hasChecksum(header: Buffer): boolean {
  let sum = 0
  for (let at = 0; at < BLOCK; at += 1) sum += at >= 148 && at < 156 ? 0x20 : header[at]!
  return Number.parseInt(header.subarray(148, 156).toString('latin1'), 8) === sum
}

const isZero = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0)

const notATar = () =>
  new Problem('archive-damaged', 'this is no tar archive', {
    hint: 'give what `evenkeel volume export` or `tar -c` made',
  })
