/**
 * Bytes to standard output or error, as they are and in order, without ever stopping the rest of the program: a pager
 * that does not read for an hour must not keep the connection from answering.
 */
import { fstatSync, write, writeSync } from 'node:fs'
import { isatty } from 'node:tty'

/** Somebody else may have set a descriptor that we share to non-blocking: then it can be full. */
const RETRY_MS = 5

export class RawOutput {
  readonly #write: (bytes: Uint8Array) => Promise<void>
  #last: Promise<void> = Promise.resolve()

  constructor(descriptor: 1 | 2) {
    const kind = fstatSync(descriptor)
    if (kind.isFIFO() || kind.isSocket()) {
      const stream = descriptor === 1 ? process.stdout : process.stderr
      this.#write = (bytes) =>
        new Promise((resolve, reject) =>
          stream.write(bytes, (error) => (error === null || error === undefined ? resolve() : reject(error))),
        )
    } else {
      // Files take what they are given. A terminal does not (ctrl-s), so that only a thread may wait for it.
      const some = isatty(descriptor) ? writeSome : writeSomeAtOnce
      this.#write = async (bytes) => {
        for (let at = 0; at < bytes.length; ) at += await some(descriptor, bytes.subarray(at))
      }
    }
  }

  /** Resolves when all of it is written. A reader that is gone is an EPIPE. */
  write(bytes: Uint8Array): Promise<void> {
    const mine = this.#last.then(() => this.#write(bytes))
    // The next write meets the same error by itself.
    this.#last = mine.catch(() => {})
    return mine
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

async function writeSomeAtOnce(descriptor: number, bytes: Uint8Array): Promise<number> {
  return writeSync(descriptor, bytes)
}
