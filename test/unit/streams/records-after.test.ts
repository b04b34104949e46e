import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Loss, passAll, RecordsAfter } from '../../../daemon/streams/log-reading.ts'
import { mergeRecords } from '../../../daemon/streams/merge-records.ts'
import { LogCursor } from '../../../protocol/log-cursor.ts'
import { linesOf, recordsOf, stampAt, textsOf } from '../support/log-bytes.ts'

type Line = Parameters<typeof recordsOf>[1][number]

/** What comes after so many lines were read, of what a log has from `held` on. */
function readOn(lines: readonly Line[], { read, held = 0 }: { read: number; held?: number }) {
  const cursor = new LogCursor()
  passAll(cursor, recordsOf(1, lines.slice(0, read)))
  const losses: Loss[] = []
  const filter = new RecordsAfter(LogCursor.parse(String(cursor))!, (loss) => losses.push(loss))
  const texts = lines.slice(held).flatMap((line) => textsOf(filter.admit(recordsOf(1, [line]))))
  return { texts, losses }
}

const numbered = (count: number, at: (n: number) => number): Line[] =>
  Array.from({ length: count }, (_, n) => ({ at: at(n), text: `${n}` }))

describe('reading on', () => {
  test('begins behind the last line that was read', () => {
    expect(
      readOn(
        numbered(5, (n) => n),
        { read: 3 },
      ),
    ).toEqual({ texts: ['3', '4'], losses: [] })
  })

  test('tells lines of one nanosecond apart by their order', () => {
    expect(
      readOn(
        numbered(5, () => 1),
        { read: 3 },
      ),
    ).toEqual({ texts: ['3', '4'], losses: [] })
  })

  test('is exact where stderr and stdout were stamped in another order than they were written', () => {
    const lines: Line[] = [
      { at: 1.0, text: 'a' },
      { at: 1.2, text: 'b' },
      { at: 1.1, text: 'c', stream: 'stderr' },
      { at: 1.3, text: 'd' },
    ]
    for (const read of [1, 2, 3, 4]) expect(readOn(lines, { read }).texts).toEqual(['a', 'b', 'c', 'd'].slice(read))
  })

  test('tells between which times lines may be missing where the last one that was read is gone', () => {
    expect(
      readOn(
        numbered(5, (n) => n),
        { read: 2, held: 3 },
      ),
    ).toEqual({
      texts: ['3', '4'],
      losses: [{ after: stampAt(1), before: stampAt(3) }],
    })
  })

  test('misses nothing where the last line that was read had come twice', () => {
    const cursor = new LogCursor()
    const [a, b, c] = numbered(3, (n) => n) as [Line, Line, Line]
    passAll(cursor, recordsOf(1, [a, b, b]))
    const losses: Loss[] = []
    const filter = new RecordsAfter(cursor, (loss) => losses.push(loss))
    expect(textsOf(filter.admit(recordsOf(1, [a, b, c])))).toEqual(['2'])
    expect(losses).toEqual([])
  })

  test('neither loses nor repeats, wherever it breaks off', () => {
    const aLog = fc.array(fc.record({ step: fc.nat(3), stderr: fc.boolean() }), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(aLog, fc.nat(30), (steps, break_) => {
        let at = 0
        const lines = steps.map(({ step, stderr }, n): Line => {
          at += step / 4
          return { at, text: `${n}`, ...(stderr ? { stream: 'stderr' as const } : {}) }
        })
        const read = Math.min(break_, lines.length)
        const expected = lines.slice(read).map((line) => line.text)
        expect(readOn(lines, { read })).toEqual({ texts: expected, losses: [] })
      }),
    )
  })
})

describe('a cursor', () => {
  test.each(['', '0', '1.2.3/0', 'x/0', '1767323040.000000000.1'])('is not "%s"', (text) => {
    expect(LogCursor.parse(text)).toBeUndefined()
  })

  test('of nothing is empty', () => {
    expect(String(new LogCursor())).toBe('0/0')
    expect(LogCursor.parse('0/0')?.isEmpty).toBe(true)
  })
})

describe('logs', () => {
  const merged = async (...logs: Uint8Array[][]) => {
    const sources = logs.map(async function* (blocks) {
      yield* blocks
    })
    const blocks: Uint8Array[] = []
    for await (const block of mergeRecords(sources)) blocks.push(block)
    return linesOf(Buffer.concat(blocks)).map(({ source, text }) => `${source}:${text}`)
  }

  test('are one by time', async () => {
    const one = [recordsOf(1, [{ at: 1, text: 'a' }]), recordsOf(1, [{ at: 4, text: 'b' }])]
    const two = [
      recordsOf(2, [
        { at: 2, text: 'c' },
        { at: 3, text: 'd' },
        { at: 5, text: 'e' },
      ]),
    ]
    expect(await merged(one, two, [])).toEqual(['1:a', '2:c', '2:d', '1:b', '2:e'])
  })

  test('keep a line in pieces together, across blocks too', async () => {
    const one = [recordsOf(1, [{ at: 1, text: 'a', partial: true }]), recordsOf(1, [{ at: 9, text: 'b' }])]
    expect(await merged(one, [recordsOf(2, [{ at: 2, text: 'c' }])])).toEqual(['1:a', '1:b', '2:c'])
  })

  test('keep the order of each, whatever their times', async () => {
    const times = fc.array(fc.nat(5), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(times, times, times, async (...all) => {
        const logs = all.map((ats, source) => ats.map((at, n) => recordsOf(source, [{ at, text: `${n}` }])))
        const lines = await merged(...logs)
        for (const [source, ats] of all.entries())
          expect(lines.filter((line) => line.startsWith(`${source}:`))).toEqual(ats.map((_, n) => `${source}:${n}`))
      }),
    )
  })
})
