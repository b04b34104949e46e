/**
 * Bytes to standard output or error, as they are and in order, without ever stopping the rest of the program: a pager
 * that does not read for an hour must not keep the connection from answering.
 */
import { fstatSync, write, writevSync } from 'node:fs'
import { isatty } from 'node:tty'
import { unwritable } from './unwritable.ts'

/** Somebody else may have set a descriptor that we share to non-blocking: then it can be full. */
const RETRY_MS = 5

export class RawOutput {
  readonly #descriptor: 1 | 2
  /** Files take what they are given. A terminal does not (ctrl-s), so that only a thread may wait for it. */
  readonly #kind: 'file' | 'pipe' | 'terminal'
  #last: Promise<void> = Promise.resolve()

  constructor(descriptor: 1 | 2) {
    this.#descriptor = descriptor
    const stats = fstatSync(descriptor)
    this.#kind = isatty(descriptor) ? 'terminal' : stats.isFIFO() || stats.isSocket() ? 'pipe' : 'file'
  }

  /**
   * Answers nothing where all of it is written already, else a promise of that. The bytes may be used for others as soon as
   * it returns. A reader that is gone is an EPIPE, all else a problem.
   */
  write(pieces: readonly Uint8Array[]): Promise<void> | undefined {
    const failed = (error: Error): never => {
      throw unwritable(error, this.#descriptor === 1 ? 'standard output' : 'standard error')
    }
    if (this.#kind === 'file') {
      try {
        writeWhole(this.#descriptor, pieces)
      } catch (error) {
        failed(error as Error)
      }
      return undefined
    }
    const copy = Buffer.concat(pieces)
    const mine = this.#last
      .then(() => (this.#kind === 'pipe' ? this.#toPipe(copy) : this.#byThread(copy)))
      .catch(failed)
    // The next write meets the same error by itself.
    this.#last = mine.catch(() => {})
    return mine
  }

  #toPipe(bytes: Buffer): Promise<void> {
    const stream = this.#descriptor === 1 ? process.stdout : process.stderr
    return new Promise((resolve, reject) =>
      stream.write(bytes, (error) => (error === null || error === undefined ? resolve() : reject(error))),
    )
  }

  async #byThread(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) at += await writeSome(this.#descriptor, bytes.subarray(at))
  }
}

function writeWhole(descriptor: number, pieces: readonly Uint8Array[]): void {
  let left = pieces.filter(({ length }) => length > 0)
  while (left.length > 0) {
    let written = writevSync(descriptor, left)
    const rest = left.findIndex(({ length }) => {
      if (written < length) return true
      written -= length
      return false
    })
    left = rest < 0 ? [] : [left[rest]!.subarray(written), ...left.slice(rest + 1)]
  }
}

function writeSome(descriptor: number, bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    write(descriptor, bytes, (error, written) => {
      if (error === null) resolve(written)
      else if (error.code === 'EAGAIN') setTimeout(() => resolve(0), RETRY_MS)
      else reject(error)
    })
  })
}
