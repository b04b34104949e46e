/**
 * The Engine's multiplexed streams: frames of 8 bytes header (stream, 0, 0, 0, length) and so many bytes of output.
 * Source: Engine API, "Attach to a container", stream format.
 */
import type { OutputChunk } from './types.ts'

const HEADER = 8
const ALONE_BYTES = 16_384

/**
 * Passes bytes on as they come: a frame of any length needs no more memory than the chunk that it arrives in. Frames of
 * one chunk that belong together come as one, for each piece costs its receivers more than its bytes do. Large ones do not:
 * there the bytes are what costs.
 */
export async function* demultiplex(source: AsyncIterable<Uint8Array>): AsyncGenerator<OutputChunk> {
  let header = Buffer.alloc(0)
  let stream: OutputChunk['stream'] = 'stdout'
  let left = 0
  for await (const piece of source) {
    let chunk = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    const parts: Buffer[] = []
    while (chunk.length > 0) {
      if (left === 0) {
        const wanted = HEADER - header.length
        header = Buffer.concat([header, chunk.subarray(0, wanted)])
        chunk = chunk.subarray(wanted)
        if (header.length < HEADER) break
        const next = header[0] === 2 ? 'stderr' : 'stdout'
        if (next !== stream && parts.length > 0) yield { stream, data: joined(parts.splice(0)) }
        stream = next
        left = header.readUInt32BE(4)
        header = Buffer.alloc(0)
        continue
      }
      const data = chunk.subarray(0, left)
      chunk = chunk.subarray(data.length)
      left -= data.length
      if (data.length < ALONE_BYTES) {
        parts.push(data)
        continue
      }
      if (parts.length > 0) yield { stream, data: joined(parts.splice(0)) }
      yield { stream, data }
    }
    if (parts.length > 0) yield { stream, data: joined(parts) }
  }
}

const joined = (parts: readonly Buffer[]): Buffer => (parts.length === 1 ? parts[0]! : Buffer.concat(parts))

/** A TTY has no frames: all is stdout. */
export async function* plain(source: AsyncIterable<Uint8Array>): AsyncGenerator<OutputChunk> {
  for await (const piece of source) {
    yield { stream: 'stdout', data: Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength) }
  }
}
