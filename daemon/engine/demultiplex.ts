/**
 * The Engine's multiplexed streams: frames of 8 bytes header (stream, 0, 0, 0, length) and so many bytes of output.
 * Source: Engine API, "Attach to a container", stream format.
 */
import type { OutputChunk } from './types.ts'

const HEADER = 8

/** Passes bytes on as they come: a frame of any length needs no more memory than the chunk that it arrives in. */
export async function* demultiplex(source: AsyncIterable<Uint8Array>): AsyncGenerator<OutputChunk> {
  let header = Buffer.alloc(0)
  let stream: OutputChunk['stream'] = 'stdout'
  let left = 0
  for await (const piece of source) {
    let chunk = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    while (chunk.length > 0) {
      if (left === 0) {
        const wanted = HEADER - header.length
        header = Buffer.concat([header, chunk.subarray(0, wanted)])
        chunk = chunk.subarray(wanted)
        if (header.length < HEADER) break
        stream = header[0] === 2 ? 'stderr' : 'stdout'
        left = header.readUInt32BE(4)
        header = Buffer.alloc(0)
        continue
      }
      const data = chunk.subarray(0, left)
      chunk = chunk.subarray(data.length)
      left -= data.length
      yield { stream, data }
    }
  }
}

/** A TTY has no frames: all is stdout. */
export async function* plain(source: AsyncIterable<Uint8Array>): AsyncGenerator<OutputChunk> {
  for await (const piece of source) {
    yield { stream: 'stdout', data: Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength) }
  }
}
