/** What the Engine sends of a log, and what records say, for tests. */
import { PARTIAL, RecordReader, RecordWriter, STDERR, timeText } from '../../../protocol/log-records.ts'

export interface Line {
  readonly source: number
  readonly time: string
  readonly stream: 'stdout' | 'stderr'
  readonly text: string
  readonly partial: boolean
}

export function linesOf(records: Uint8Array): Line[] {
  const lines: Line[] = []
  const reader = new RecordReader(records)
  while (reader.advance()) {
    lines.push({
      source: reader.source,
      time: reader.seconds === 0 ? '' : timeText(reader.seconds, reader.nanoseconds),
      stream: (reader.flags & STDERR) === 0 ? 'stdout' : 'stderr',
      text: Buffer.from(reader.text).toString('latin1'),
      partial: reader.isPartial,
    })
  }
  return lines
}

export const textsOf = (records: Uint8Array): string[] => linesOf(records).map((line) => line.text)

/** Records of lines such as `{ at: 1.5, text: 'x' }`: seconds after a moment. */
export function recordsOf(
  source: number,
  lines: readonly { at: number; text: string; stream?: 'stderr'; partial?: true }[],
): Uint8Array {
  const writer = new RecordWriter(64)
  for (const { at, text, stream, partial } of lines) {
    const bytes = Buffer.from(text)
    const flags = (stream === 'stderr' ? STDERR : 0) | (partial === true ? PARTIAL : 0)
    writer.write(source, MOMENT + Math.floor(at), Math.round((at % 1) * 1e9), flags, bytes, 0, bytes.length)
  }
  return writer.take()
}

/** 2026-01-02T03:04:00Z */
export const MOMENT = 1_767_323_040

export const stampAt = (at: number): string => timeText(MOMENT + Math.floor(at), Math.round((at % 1) * 1e9))

/** One multiplexed frame, as the Engine makes one for each entry of a log. */
export function frameOf(text: string | Buffer, stream: 'stdout' | 'stderr' = 'stdout'): Buffer {
  const body = Buffer.from(text as string, 'latin1')
  const header = Buffer.alloc(8)
  header[0] = stream === 'stderr' ? 2 : 1
  header.writeUInt32BE(body.length, 4)
  return Buffer.concat([header, body])
}

/** The bytes in chunks of these sizes, over and over. */
export function inChunks(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length]!
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}
