import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LogParser } from '../../../daemon/streams/log-parser.ts'
import { RECORD_TEXT_BYTES } from '../../../protocol/log-records.ts'
import { frameOf, inChunks, linesOf, textsOf } from '../support/log-bytes.ts'
import { problemOf } from '../support/problems.ts'

const STAMP = '2026-01-02T03:04:05.000000001Z'

const parse = (chunks: readonly (string | Buffer)[], shape: { tty?: boolean; stamped?: boolean } = {}): Buffer => {
  const parser = new LogParser({ source: 7, tty: shape.tty ?? false, stamped: shape.stamped ?? true })
  const parts = chunks.map((chunk) => parser.push(Buffer.from(chunk as string, 'latin1')))
  return Buffer.concat([...parts, parser.finish()])
}

/** As the Engine keeps a line: in entries of 16 KiB, of which only the last has the line feed. */
function entriesOf(line: string): string[] {
  const entries: string[] = []
  for (let at = 0; at === 0 || at < line.length; at += RECORD_TEXT_BYTES)
    entries.push(`${STAMP} ${line.slice(at, at + RECORD_TEXT_BYTES)}`)
  return entries.map((entry, index) => (index === entries.length - 1 ? `${entry}\n` : entry))
}

const aText = fc.oneof(
  { weight: 5, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 30 }).map((text) => text.replace(/\n/g, '')) },
  fc
    .integer({ min: -3, max: 3 })
    .map((more) => 'abcdefgh'.repeat(2 * RECORD_TEXT_BYTES).slice(0, RECORD_TEXT_BYTES + more)),
)

describe('an entry of a log', () => {
  test('has its source, time, stream and text', () => {
    expect(linesOf(parse([frameOf(`${STAMP} hello\n`, 'stderr')]))).toEqual([
      { source: 7, time: STAMP, stream: 'stderr', text: 'hello', partial: false },
    ])
  })

  test('without the line feed goes on in the next', () => {
    expect(linesOf(parse([frameOf(`${STAMP} a`), frameOf(`${STAMP} b\n`)])).map((line) => line.partial)).toEqual([
      true,
      false,
    ])
  })

  test('keeps its carriage return, its colours and bytes that are no UTF-8', () => {
    const text = '10%\r20%\x1b[31m\xff\xfe\r'
    expect(textsOf(parse([frameOf(Buffer.from(`${STAMP} ${text}\n`, 'latin1'))]))).toEqual([text])
  })

  test('may be empty', () => {
    expect(textsOf(parse([frameOf(`${STAMP} \n`)]))).toEqual([''])
  })

  test('has no time where none was asked for', () => {
    expect(linesOf(parse([frameOf('hello\n')], { stamped: false }))).toMatchObject([{ time: '', text: 'hello' }])
  })

  test.each([
    ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05.000000000Z'],
    ['2026-01-02T03:04:05.5Z', '2026-01-02T03:04:05.500000000Z'],
    ['2026-01-02T04:04:05.000000001+01:00', STAMP],
    ['2027-12-31T23:59:59.999999999Z', '2027-12-31T23:59:59.999999999Z'],
  ])('stamped %s has the time %s', (stamp, time) => {
    expect(linesOf(parse([frameOf(`${STAMP} before\n`), frameOf(`${stamp} x\n`)]))[1]).toMatchObject({
      time,
      text: 'x',
    })
  })

  test('longer than the Engine makes any comes in pieces, before its end is there', () => {
    const parser = new LogParser({ source: 7, tty: false, stamped: true })
    const frame = frameOf(`${STAMP} ${'x'.repeat(200_000)}\n`)
    const first = linesOf(parser.push(frame.subarray(0, 100_000)))
    expect(first.length).toBeGreaterThan(3)
    expect(first.every((line) => line.partial && line.time === STAMP)).toBe(true)
    const all = [...first, ...linesOf(parser.push(frame.subarray(100_000)))]
    expect(all.map((line) => line.text).join('')).toBe('x'.repeat(200_000))
    expect(all.at(-1)?.partial).toBe(false)
  })

  test("that is the Engine's own error is a problem", () => {
    const frame = frameOf('the file is gone')
    frame[0] = 3
    expect(problemOf(() => parse([frame]))).toMatchObject({ code: 'engine-error', message: 'the file is gone' })
  })
})

test('entries are the same however their bytes are cut into chunks', () => {
  fc.assert(
    fc.property(
      fc.array(aText, { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1 }),
      (lines, sizes) => {
        const bytes = Buffer.concat(lines.flatMap(entriesOf).map((entry) => frameOf(entry)))
        expect(joined(parse(inChunks(bytes, sizes)))).toEqual(lines)
      },
    ),
  )
})

describe("a terminal's log", () => {
  test('has lines, each with its carriage return', () => {
    expect(linesOf(parse([`${STAMP} hello\r\n${STAMP} two\r\n`], { tty: true }))).toMatchObject([
      { stream: 'stdout', text: 'hello\r', time: STAMP },
      { text: 'two\r' },
    ])
  })

  test('tells of a line without its end when it is over', () => {
    expect(linesOf(parse([`${STAMP} prompt> `], { tty: true }))).toMatchObject([{ text: 'prompt> ', partial: true }])
  })

  test('is the same however its bytes are cut into chunks, long lines too', () => {
    fc.assert(
      fc.property(
        fc.array(aText, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1 }),
        (lines, sizes) => {
          const bytes = Buffer.from(lines.flatMap(entriesOf).join(''), 'latin1')
          expect(joined(parse(inChunks(bytes, sizes), { tty: true }))).toEqual(lines)
        },
      ),
    )
  })

  test('never holds more than a piece of a line back', () => {
    const parser = new LogParser({ source: 7, tty: true, stamped: false })
    const pieces = Array.from({ length: 100 }, () => parser.push(Buffer.alloc(10_000, 'x')))
    const told = Buffer.concat(pieces.map((piece) => Buffer.from(textsOf(piece).join(''))))
    expect(told.length).toBeGreaterThan(970_000)
  })
})

/** Lines whose pieces are put together. */
function joined(records: Uint8Array): string[] {
  const lines: string[] = []
  let open = ''
  for (const { text, partial } of linesOf(records)) {
    open += text
    if (partial) continue
    lines.push(open)
    open = ''
  }
  expect(open).toBe('')
  return lines
}
