/** A follower's socket that keeps what it is sent. It takes frames at once, or only when the test lets it. */
import type { FrameSocket } from '../../../daemon/http/frame-socket.ts'
import { Gate } from './gate.ts'

export class FrameRecorder<F> {
  readonly frames: F[] = []
  readonly #gone = new AbortController()
  readonly #gate = new Gate()

  get socket(): FrameSocket {
    const socket = {
      signal: this.#gone.signal,
      send: async (frame: F) => {
        if (this.#gone.signal.aborted) return
        this.frames.push(frame)
        await this.#gate.passed
      },
    }
    return socket as unknown as FrameSocket
  }

  /** From now on it takes one frame, and no more until it is released. */
  hold(): void {
    this.#gate.hold()
  }

  release(): void {
    this.#gate.release()
  }

  leave(): void {
    this.#gone.abort()
  }
}
