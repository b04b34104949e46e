/** A WebSocket that frames are written to, as JSON text or as bytes, and never more in memory than one limit. */
import type { WebSocket } from 'ws'
import { Problem } from '../../protocol/problems.ts'
import { redactedJson } from '../../protocol/redacted-json.ts'

/** Bytes written and not yet taken by the follower. */
const HIGH_WATER_BYTES = 1_048_576
/** Of bytes: they come faster, and followers share them as long as none lags behind. */
const BYTES_HIGH_WATER = 262_144
const PING_MS = 30_000
/** What one that is cut gets to take its end. */
const CUT_MS = 500

export class FrameSocket {
  readonly #socket: WebSocket
  readonly #redact: (text: string) => string
  readonly #ended = new AbortController()
  #alive = true

  /** `redact`: what is not to be sent goes out of frames in text. */
  constructor(socket: WebSocket, redact: (text: string) => string = (text) => text) {
    this.#socket = socket
    this.#redact = redact
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

  get isOpen(): boolean {
    return !this.#ended.signal.aborted
  }

  get isFull(): boolean {
    return this.#socket.bufferedAmount > HIGH_WATER_BYTES
  }

  /** Resolves when there is room for more, or the follower is gone. */
  async send(frame: object): Promise<void> {
    if (this.#ended.signal.aborted) return
    const text = redactedJson(frame, this.#redact)
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

  /** Ends it for good, also where the follower takes nothing any more. */
  cut(problem: Problem): void {
    if (!this.isFull) this.#socket.send(JSON.stringify({ type: 'end', problem: problem.toDetails() }), () => {})
    this.#socket.close(1008)
    setTimeout(() => this.#socket.terminate(), CUT_MS).unref()
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
