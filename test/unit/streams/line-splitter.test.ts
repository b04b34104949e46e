import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ENTRY_LIMIT_BYTES, LineSplitter, type LogEntry } from '../../../daemon/streams/line-splitter.ts'

const STAMP = '2026-01-02T03:04:05.000000001Z'
const T = String(BigInt(Date.parse('2026-01-02T03:04:05Z')) * 1_000_000n + 1n)

function split(chunks: readonly (string | Buffer)[], stream: 'stdout' | 'stderr' = 'stdout'): LogEntry[] {
  const splitter = new LineSplitter(stream)
  return [...chunks.flatMap((chunk) => splitter.push(Buffer.from(chunk as string))), ...splitter.finish()]
}

const textsOf = (chunks: readonly (string | Buffer)[]) => split(chunks).map((entry) => entry.m)

/** As the Engine sends a line: in pieces of 16 KiB, each with a timestamp, and one end of line. */
function asTheEngineSends(line: Buffer): Buffer {
  const pieces: Buffer[] = []
  for (let at = 0; at === 0 || at < line.length || line.length % ENTRY_LIMIT_BYTES === 0; at += ENTRY_LIMIT_BYTES) {
    const piece = line.subarray(at, at + ENTRY_LIMIT_BYTES)
    pieces.push(Buffer.from(`${STAMP} `), piece)
    if (piece.length < ENTRY_LIMIT_BYTES) break
  }
  return Buffer.concat([...pieces, Buffer.from('\n')])
}

/** The bytes in chunks of these sizes, over and over. */
function inChunks(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length]!
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

describe('a line', () => {
  test('has its time in nanoseconds, its stream and its text', () => {
    expect(split([`${STAMP} hello\n`])).toEqual([{ t: T, s: 0, m: 'hello' }])
    expect(split([`${STAMP} hello\n`], 'stderr')).toEqual([{ t: T, s: 1, m: 'hello' }])
  })

  test('may be one of several in a chunk', () => {
    expect(textsOf([`${STAMP} a\n${STAMP} b\n`])).toEqual(['a', 'b'])
  })

  test('may come in several chunks, its timestamp too', () => {
    expect(split([STAMP.slice(0, 12), `${STAMP.slice(12)} hel`, 'lo\n'])).toEqual([{ t: T, s: 0, m: 'hello' }])
  })

  test('may be empty', () => {
    expect(textsOf([`${STAMP} \n`])).toEqual([''])
  })

  test('ends without its carriage return', () => {
    expect(textsOf([`${STAMP} hello\r\n`])).toEqual(['hello'])
  })

  test('keeps a carriage return in its midst', () => {
    expect(textsOf([`${STAMP} 10%\r20%\n`])).toEqual(['10%\r20%'])
  })

  test('without its end is told as partial when the stream is over', () => {
    expect(split([`${STAMP} prompt> `])).toEqual([{ t: T, s: 0, m: 'prompt> ', partial: true }])
  })

  test('without a timestamp has that of the one before', () => {
    expect(split([`${STAMP} a\nb\n`]).map((entry) => entry.t)).toEqual([T, T])
  })

  test.each([
    ['2026-01-02T03:04:05Z', T.replace(/1$/, '0')],
    ['2026-01-02T03:04:05.5Z', `${T.slice(0, -9)}500000000`],
    ['2026-01-02T04:04:05.000000001+01:00', T],
  ])('has the time %s', (stamp, nanoseconds) => {
    expect(split([`${stamp} x\n`])[0]?.t).toBe(nanoseconds)
  })

  test('with bytes that are no UTF-8 has U+FFFD in their place', () => {
    expect(textsOf([Buffer.concat([Buffer.from(`${STAMP} a`), Buffer.from([0xff]), Buffer.from('b\n')])])).toEqual([
      'a\ufffdb',
    ])
  })

  test('of 16 KiB is whole', () => {
    const text = 'x'.repeat(ENTRY_LIMIT_BYTES)
    expect(split([`${STAMP} ${text}\n`])).toEqual([{ t: T, s: 0, m: text }])
  })
})

test('entries are the same however the bytes are cut into chunks, in the midst of a character too', () => {
  const aLine = fc.string({ unit: 'binary', maxLength: 30 }).map((text) => text.replace(/[\r\n]/g, ''))
  fc.assert(
    fc.property(fc.array(aLine), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (lines, sizes) => {
      const bytes = Buffer.from(lines.map((line) => `${STAMP} ${line}\n`).join(''))
      expect(textsOf(inChunks(bytes, sizes))).toEqual(lines.map((line) => Buffer.from(line).toString()))
    }),
  )
})

describe('a line beyond 16 KiB', () => {
  const long = 'a'.repeat(ENTRY_LIMIT_BYTES) + 'b'.repeat(ENTRY_LIMIT_BYTES) + 'c'.repeat(10)

  test('comes in pieces, of which all but the last are partial', () => {
    const entries = split([asTheEngineSends(Buffer.from(long))])
    expect(entries.map((entry) => [entry.m.length, entry.m[0], entry.partial])).toEqual([
      [ENTRY_LIMIT_BYTES, 'a', true],
      [ENTRY_LIMIT_BYTES, 'b', true],
      [10, 'c', undefined],
    ])
  })

  test('is told before its end has come', () => {
    const splitter = new LineSplitter('stdout')
    const bytes = asTheEngineSends(Buffer.from(long))
    expect(splitter.push(bytes.subarray(0, -1)).length).toBeGreaterThan(0)
  })

  test('is put together as it was, whatever its length and however it is cut into chunks', () => {
    const aLength = fc.oneof(
      fc.integer({ min: 0, max: 3 * ENTRY_LIMIT_BYTES }),
      fc.integer({ min: -40, max: 90 }).map((more) => ENTRY_LIMIT_BYTES + more),
      fc.integer({ min: -40, max: 90 }).map((more) => 2 * ENTRY_LIMIT_BYTES + more),
    )
    const aText = aLength.map((length) => 'abcdefghij'.repeat(Math.ceil(length / 10)).slice(0, length))
    fc.assert(
      fc.property(fc.array(aText, { maxLength: 3 }), fc.integer({ min: 500, max: 40_000 }), (lines, size) => {
        const bytes = Buffer.concat(lines.map((line) => asTheEngineSends(Buffer.from(line))))
        let open = ''
        const found: string[] = []
        for (const entry of split(inChunks(bytes, [size, size + 7]))) {
          open += entry.m
          if (entry.partial === true) continue
          found.push(open)
          open = ''
        }
        expect(found).toEqual(lines)
        expect(open).toBe('')
      }),
      { numRuns: 60 },
    )
  })

  test('that the Engine does not cut is cut here all the same', () => {
    const entries = split([`${STAMP} ${'x'.repeat(5 * ENTRY_LIMIT_BYTES)}\n`])
    expect(entries.every((entry) => entry.m.length <= ENTRY_LIMIT_BYTES + 40)).toBe(true)
    expect(entries.map((entry) => entry.m).join('')).toBe('x'.repeat(5 * ENTRY_LIMIT_BYTES))
  })

  test('keeps a character whole that lies across two pieces', () => {
    const text = `${'x'.repeat(ENTRY_LIMIT_BYTES - 1)}€uro`
    expect(textsOf([asTheEngineSends(Buffer.from(text))]).join('')).toBe(text)
  })
})
