/** A follower's socket that keeps what it is sent. It takes frames at once, or only when the test lets it. */
import type { FrameSocket } from '../../../daemon/http/frame-socket.ts'

export class FrameRecorder<F> {
  readonly frames: F[] = []
  readonly #gone = new AbortController()
  #gate: Promise<void> = Promise.resolve()
  #open = (): void => {}

  get socket(): FrameSocket {
    const socket = {
      signal: this.#gone.signal,
      send: async (frame: F) => {
        if (this.#gone.signal.aborted) return
        this.frames.push(frame)
        await this.#gate
      },
    }
    return socket as unknown as FrameSocket
  }

  /** From now on it takes one frame, and no more until it is released. */
  hold(): void {
    this.#gate = new Promise((resolve) => {
      this.#open = resolve
    })
  }

  release(): void {
    this.#gate = Promise.resolve()
    this.#open()
  }

  leave(): void {
    this.#gone.abort()
  }
}
