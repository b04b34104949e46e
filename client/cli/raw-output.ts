/**
 * Bytes to a descriptor, as they are and in order, without ever stopping the rest of the program: a pager that does not
 * read for an hour must not keep the connection from answering.
 */
import { write } from 'node:fs'

const RETRY_MS = 5

export class RawOutput {
  readonly #descriptor: number
  #last: Promise<void> = Promise.resolve()

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  /** Resolves when all of it is written. A reader that is gone is an EPIPE. */
  write(bytes: Uint8Array): Promise<void> {
    const mine = this.#last.then(() => this.#writeAll(bytes))
    // The next write meets the same error by itself.
    this.#last = mine.catch(() => {})
    return mine
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) at += await this.#writeSome(bytes.subarray(at))
  }

  #writeSome(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      write(this.#descriptor, bytes, (error, written) => {
        if (error === null) resolve(written)
        // A terminal or pipe that somebody else set to non-blocking, and that is full.
        else if (error.code === 'EAGAIN') setTimeout(() => resolve(0), RETRY_MS)
        else reject(error)
      })
    })
  }
}
