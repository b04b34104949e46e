import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Reframer } from '../../../daemon/http/reframe.ts'
import { FrameReader } from '../../../protocol/session.ts'

const frame = (channel: number, text: string) => {
  const header = Buffer.alloc(8)
  header[0] = channel
  header.writeUInt32BE(Buffer.byteLength(text), 4)
  return Buffer.concat([header, Buffer.from(text)])
}

/** What a caller reads of these chunks, and how much data each of them was said to be. */
function relayed(chunks: readonly Buffer[]) {
  const read: Record<string, string> = { stdout: '', stderr: '' }
  let bytes = 0
  const reader = new FrameReader({
    data(channel, data) {
      read[channel] += Buffer.from(data).toString('latin1')
      bytes += data.length
    },
    control() {},
  })
  const reframer = new Reframer()
  for (const chunk of chunks) {
    const { parts, dataBytes } = reframer.frames(Buffer.from(chunk))
    const before = bytes
    for (const part of parts) reader.feed(part)
    expect(bytes - before).toBe(dataBytes)
    // A control frame may follow each chunk: nothing is left half said.
    reader.feed(frame(4, '{}'))
  }
  return read
}

function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...at].map((begin, index) => bytes.subarray(begin, at[index])).filter((chunk) => chunk.length > 0)
}

describe('output of the Engine as frames of a session', () => {
  test('is the same, however the chunks are cut', () => {
    const output = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.string({ unit: 'binary-ascii', maxLength: 40 })))
    fc.assert(
      fc.property(output, fc.array(fc.nat(), { maxLength: 20 }), (pieces, cuts) => {
        const bytes = Buffer.concat(pieces.map(([channel, text]) => frame(channel, text)))
        const of = (channel: number) =>
          pieces
            .filter(([other]) => other === channel)
            .map(([, text]) => text)
            .join('')
        expect(relayed(cutAt(bytes, cuts))).toEqual({ stdout: of(1), stderr: of(2) })
      }),
      { numRuns: 2000 },
    )
  })

  test('goes on without a copy where a chunk holds whole frames', () => {
    const chunk = Buffer.concat([frame(1, 'a'), frame(2, 'b')])
    expect(new Reframer().frames(chunk).parts[0]).toBe(chunk)
  })

  test('tells what the Engine itself says as an error', () => {
    expect(relayed([frame(3, 'broken'), frame(0, 'odd')])).toEqual({ stdout: 'odd', stderr: 'broken' })
  })
})
