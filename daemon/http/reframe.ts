/**
 * The Engine's multiplexed output as frames of a session, which are framed alike: bytes go on where they are. Only a frame
 * that is cut by the end of a chunk is made two, so that between chunks others may have their say.
 */
import { frameHeader } from '../../protocol/session.ts'

const HEADER_BYTES = 8
/** What the Engine itself has to say (3) is for people, as errors are. */
const CHANNELS = [1, 1, 2, 2] as const

export interface Frames {
  /** Whole frames, in order. The chunk's own bytes are among them. */
  readonly parts: readonly Uint8Array[]
  /** How much data that is, without headers. */
  readonly dataBytes: number
}

export class Reframer {
  /** The beginning of a header that a chunk ended in. */
  readonly #header = Buffer.alloc(HEADER_BYTES)
  #headerBytes = 0
  /** What is still to come of a frame that was cut. */
  #left = 0
  #channel = 1

  /** Changes lengths and channels in the chunk. */
  frames(chunk: Buffer): Frames {
    const parts: Uint8Array[] = []
    let dataBytes = 0
    let at = 0
    if (this.#left > 0) {
      const length = Math.min(this.#left, chunk.length)
      parts.push(frameHeader(this.#channel === 2 ? 'stderr' : 'stdout', length))
      this.#left -= length
      dataBytes += length
      at = length
    } else if (this.#headerBytes > 0) {
      const length = Math.min(HEADER_BYTES - this.#headerBytes, chunk.length)
      chunk.copy(this.#header, this.#headerBytes, 0, length)
      this.#headerBytes += length
      if (this.#headerBytes < HEADER_BYTES) return { parts, dataBytes }
      this.#headerBytes = 0
      chunk = chunk.subarray(length)
      at = this.#begin(this.#header, 0, chunk.length)
      parts.push(Buffer.from(this.#header))
      dataBytes += at
    }
    while (chunk.length - at >= HEADER_BYTES) {
      const data = this.#begin(chunk, at, chunk.length - at - HEADER_BYTES)
      at += HEADER_BYTES + data
      dataBytes += data
    }
    if (at < chunk.length) {
      this.#headerBytes = chunk.copy(this.#header, 0, at)
      chunk = chunk.subarray(0, at)
    }
    if (chunk.length > 0) parts.push(chunk)
    return { parts, dataBytes }
  }

  /** Answers how much of the frame's data is there, and has its header say so. */
  #begin(bytes: Buffer, at: number, available: number): number {
    const length = bytes.readUInt32BE(at + 4)
    const data = Math.min(length, available)
    this.#channel = CHANNELS[bytes[at]! & 3]!
    this.#left = length - data
    bytes[at] = this.#channel
    bytes.writeUInt32BE(data, at + 4)
    return data
  }
}
