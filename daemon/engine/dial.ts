/**
 * Connections to an Engine's Unix socket whose bytes can be taken where the system put them: one buffer that is filled
 * again and again. To have a new one made for each read is most of what it costs to pass gigabytes on.
 */
import { connect, type Socket } from 'node:net'
import { giveReadBuffer, takeReadBuffer } from './spare-buffers.ts'

/** Whoever speaks HTTP over the connection reads it as any other, until its bytes are taken. */
export interface Taken {
  /** Chunks as they come, the first of which may have been read before. Each is there until the next one is asked for. */
  chunks(): AsyncGenerator<Buffer>
}

const DIALED = new WeakMap<object, Taker>()

/** For undici, as its `connect`. */
export function dial(socketPath: string, timeoutMs: number) {
  return (
    _: unknown,
    done: (...answer: [error: null, socket: Socket] | [error: Error, socket: null]) => void,
  ): Socket => {
    const buffer = takeReadBuffer()
    const socket: Socket = connect({
      path: socketPath,
      onread: { buffer, callback: (length): boolean => taker.read(buffer.subarray(0, length)) },
    })
    const taker: Taker = new Taker(socket, buffer)
    DIALED.set(socket, taker)
    const timer = setTimeout(() => socket.destroy(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs)
    const failed = (error: Error) => {
      clearTimeout(timer)
      done(error, null)
    }
    socket.once('error', failed)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.removeListener('error', failed)
      done(null, socket)
    })
    return socket
  }
}

/** Undefined for a connection that was made otherwise. */
export function taken(socket: object): Taken | undefined {
  return DIALED.get(socket)
}

class Taker implements Taken {
  readonly #socket: Socket
  #buffer: Buffer | undefined
  #isTaken = false
  #arrived: Buffer | undefined
  #wake = (): void => {}

  constructor(socket: Socket, buffer: Buffer) {
    this.#socket = socket
    this.#buffer = buffer
    // What HTTP reads is copied.
    socket.once('close', () => {
      if (!this.#isTaken) this.#giveBack()
    })
  }

  /** False: nothing more is read for now. */
  read(bytes: Buffer): boolean {
    if (!this.#isTaken) return this.#socket.push(Buffer.from(bytes))
    this.#arrived = bytes
    this.#wake()
    return false
  }

  async *chunks(): AsyncGenerator<Buffer> {
    const socket = this.#socket
    for (const event of ['error', 'close', 'end']) socket.once(event, () => this.#wake())
    this.#isTaken = true
    try {
      // What was read as HTTP's and is not.
      for (let early = socket.read() as Buffer | null; early !== null; early = socket.read() as Buffer | null)
        yield early
      for (;;) {
        const bytes = this.#arrived
        if (bytes !== undefined) {
          this.#arrived = undefined
          yield bytes
        } else if (socket.errored !== null) throw socket.errored
        else if (socket.readableEnded || socket.destroyed) return
        else {
          const woken = new Promise<void>((resolve) => {
            this.#wake = resolve
          })
          socket.resume()
          await woken
        }
      }
    } finally {
      socket.destroy()
      this.#giveBack()
    }
  }

  /** Nothing is read any more, and of what was, nobody has a view. Given twice, it would serve two connections at once. */
  #giveBack(): void {
    if (this.#buffer !== undefined) giveReadBuffer(this.#buffer)
    this.#buffer = undefined
  }
}
