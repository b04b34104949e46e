/** A WebSocket that frames are written to, as JSON text or as bytes, and never more in memory than one limit. */
import type { WebSocket } from 'ws'
import { Problem } from '../../protocol/problems.ts'

/** Bytes written and not yet taken by the follower. */
const HIGH_WATER_BYTES = 1_048_576
/** Of bytes: they come faster, and followers share them as long as none lags behind. */
const BYTES_HIGH_WATER = 262_144
const PING_MS = 30_000

export class FrameSocket {
  readonly #socket: WebSocket
  readonly #ended = new AbortController()
  #alive = true

  constructor(socket: WebSocket) {
    this.#socket = socket
    const heartbeat = setInterval(() => this.#beat(), PING_MS)
    socket.on('pong', () => {
      this.#alive = true
    })
    socket.once('close', () => {
      clearInterval(heartbeat)
      this.#ended.abort(new Problem('cancelled', 'the follower is gone'))
    })
    // A broken connection ends in `close`, which is all that matters here.
    socket.on('error', () => {})
  }

  /** Ends with the follower. */
  get signal(): AbortSignal {
    return this.#ended.signal
  }

  get isFull(): boolean {
    return this.#socket.bufferedAmount > HIGH_WATER_BYTES
  }

  /** Resolves when there is room for more, or the follower is gone. */
  async send(frame: object): Promise<void> {
    if (this.#ended.signal.aborted) return
    const text = JSON.stringify(frame)
    if (!this.isFull) {
      this.#socket.send(text, () => {})
      return
    }
    await new Promise<void>((resolve) => this.#socket.send(text, () => resolve()))
  }

  /** The same for bytes, which nobody may change any more. */
  async sendBytes(bytes: Uint8Array): Promise<void> {
    if (this.#ended.signal.aborted) return
    if (this.#socket.bufferedAmount <= BYTES_HIGH_WATER) {
      this.#socket.send(bytes, () => {})
      return
    }
    await new Promise<void>((resolve) => this.#socket.send(bytes, () => resolve()))
  }

  close(): void {
    this.#socket.close(1000)
  }

  #beat(): void {
    if (!this.#alive) {
      this.#socket.terminate()
      return
    }
    this.#alive = false
    this.#socket.ping()
  }
}
