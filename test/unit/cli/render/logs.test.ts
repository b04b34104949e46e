import { createColors } from 'picocolors'
import { describe, expect, test } from 'vitest'
import { lineFilter } from '../../../../client/cli/line-filter.ts'
import { LogPlaces, PLACES_LIMIT } from '../../../../client/cli/log-places.ts'
import { LogPrinter, type LogStyle } from '../../../../client/cli/render/logs.ts'
import { PARTIAL, RecordWriter } from '../../../../protocol/log-records.ts'
import type { LogSource } from '../../../../protocol/streams.ts'
import { recordsOf, stampAt } from '../../support/log-bytes.ts'
import { problemOf } from '../../support/problems.ts'

const source = (number: number, service: string, replica = 1): LogSource => ({
  type: 'source',
  source: number,
  container: String(number).padStart(64, '0'),
  name: `shop-${service}-${replica}`,
  service,
  replica,
})

async function printed(
  sources: readonly LogSource[],
  blocks: readonly Uint8Array[],
  style: Partial<LogStyle> = {},
): Promise<string> {
  const parts: Buffer[] = []
  const output = {
    colors: createColors(false),
    write: async (bytes: Uint8Array) => void parts.push(Buffer.from(bytes)),
    note: () => {},
  }
  const printer = new LogPrinter(output, { prefix: 'name', timestamps: false, format: 'text', ...style })
  for (const one of sources) printer.frame(one)
  for (const block of blocks) await printer.records(block)
  await printer.end()
  return Buffer.concat(parts).toString('latin1')
}

const web = source(1, 'web')
const db = source(2, 'database')

describe('lines of logs', () => {
  test('stand behind the names of their containers, of one width', async () => {
    const blocks = [recordsOf(1, [{ at: 1, text: 'a' }]), recordsOf(2, [{ at: 2, text: 'b' }])]
    expect(await printed([web, db], blocks)).toBe('web-1       | a\ndatabase-1  | b\n')
    expect(await printed([web, db], blocks, { prefix: 'none' })).toBe('a\nb\n')
  })

  test('have their times to the nanosecond', async () => {
    const block = recordsOf(1, [
      { at: 1.000000009, text: 'a' },
      { at: 2, text: 'b' },
    ])
    expect(await printed([web], [block], { timestamps: true })).toBe(
      `web-1  | ${stampAt(1.000000009)} a\nweb-1  | ${stampAt(2)} b\n`,
    )
  })

  test('in pieces are one, unless another comes between them', async () => {
    const piece = recordsOf(1, [{ at: 1, text: 'a', partial: true }])
    const end = recordsOf(1, [{ at: 1, text: 'b' }])
    expect(await printed([web, db], [piece, end], { prefix: 'none' })).toBe('ab\n')
    expect(await printed([web, db], [piece, recordsOf(2, [{ at: 2, text: 'x' }]), end], { prefix: 'none' })).toBe(
      'a\nx\nb\n',
    )
  })

  test('of any length and number come out whole', async () => {
    const line = 'x'.repeat(16_384)
    const block = recordsOf(
      1,
      Array.from({ length: 50 }, (_, n) => ({ at: n, text: line })),
    )
    expect(await printed([web], [block], { prefix: 'none' })).toBe(`${line}\n`.repeat(50))
  })

  test('as JSON keep characters whole that lie across two pieces', async () => {
    const euro = Buffer.from('€')
    const writer = new RecordWriter(64)
    writer.write(1, 1, 0, PARTIAL, euro, 0, 1)
    writer.write(1, 1, 0, 0, euro, 1, 3)
    const lines = Buffer.from(await printed([web], [writer.take()], { format: 'json' }), 'latin1').toString()
    expect(
      lines
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).message),
    ).toEqual(['', '€'])
  })

  test('as JSON say whose they are', async () => {
    const blocks = [
      recordsOf(1, [{ at: 1, text: '"a', partial: true, stream: 'stderr' }]),
      recordsOf(1, [{ at: 1, text: 'b"', stream: 'stderr' }]),
    ]
    const lines = (await printed([web], blocks, { format: 'json' })).trim().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        container: 'shop-web-1',
        service: 'web',
        replica: 1,
        time: stampAt(1),
        stream: 'stderr',
        message: '"a',
        partial: true,
      },
      { container: 'shop-web-1', service: 'web', replica: 1, time: stampAt(1), stream: 'stderr', message: 'b"' },
    ])
  })

  test('may be those alone in which an expression is found, with all their pieces', async () => {
    const block = recordsOf(1, [
      { at: 1, text: 'GET / 200' },
      { at: 2, text: 'GET /x 500 ', partial: true },
      { at: 2, text: 'and more' },
      { at: 3, text: 'and more' },
    ])
    expect(await printed([web], [block], { prefix: 'none', isWanted: lineFilter(' 5\\d\\d ') })).toBe(
      'GET /x 500 and more\n',
    )
  })
})

describe('an expression', () => {
  test('takes no longer than its line is long', () => {
    expect(lineFilter('^(a+)+$')(`${'a'.repeat(16_000)}b`)).toBe(false)
  })

  test.each(['(a)\\1', '(?=a)b'])('that could take for ever is refused: %s', (pattern) => {
    expect(problemOf(() => lineFilter(pattern))).toMatchObject({
      code: 'bad-request',
      hint: expect.stringContaining('grep'),
    })
  })

  test('that is none is refused in the words that say why', () => {
    expect(problemOf(() => lineFilter('('))?.message).toContain('Unterminated group')
  })
})

describe('the places to read on from', () => {
  test('are behind the last line of each container', () => {
    const places = new LogPlaces()
    expect(places.text).toBeUndefined()
    places.frame(web)
    places.frame(db)
    places.pass(
      recordsOf(1, [
        { at: 1, text: 'a' },
        { at: 1, text: 'b' },
        { at: 2.5, text: 'c', stream: 'stderr' },
      ]),
    )
    expect(places.text).toBe('0000000000000000/1767323041.000000000.2/1767323042.500000000.1')
  })

  test('are where the daemon says, while no line has come', () => {
    const places = new LogPlaces()
    places.frame(web)
    places.frame({ type: 'live', source: 1, cursor: '1767323041.000000000.1/0' })
    expect(places.text).toBe('0000000000000000/1767323041.000000000.1/0')
  })

  test('are where the end was, of a log of which nothing was shown', () => {
    const places = new LogPlaces()
    places.frame(web)
    places.frame({ type: 'source-end', source: 1, cursor: '1767323041.000000000.1/0' })
    expect(places.text).toBe('0000000000000000/1767323041.000000000.1/0')
  })

  test('are remembered of a container whose place another one took: nothing of it may come again', () => {
    const places = new LogPlaces()
    places.frame(web)
    places.pass(recordsOf(1, [{ at: 1, text: 'a' }]))
    places.frame({ type: 'source-end', source: 1, cursor: '1767323041.000000000.1/0' })
    places.frame({ ...source(3, 'web'), container: 'f'.repeat(64) })
    places.pass(recordsOf(3, [{ at: 2, text: 'b' }]))
    expect(places.text).toBe('0000000000000000/1767323041.000000000.1/0,ffffffffffffffff/1767323042.000000000.1/0')
    places.frame({ type: 'source-end', source: 1, cursor: '1767323041.000000000.1/0', gone: true })
    expect(places.text).toBe('0000000000000000/gone,ffffffffffffffff/1767323042.000000000.1/0')
  })

  test('are forgotten beyond a limit: first of those that are gone, then of those that have ended', () => {
    const places = new LogPlaces()
    const id = (number: number) => number.toString(16).padStart(16, '0')
    for (let number = 1; number <= PLACES_LIMIT; number += 1) {
      places.frame({ ...source(number, 'web'), container: id(number) })
      places.pass(recordsOf(number, [{ at: 1, text: 'a' }]))
    }
    places.frame({ type: 'source-end', source: 7, cursor: '0/0' })
    places.frame({ type: 'source-end', source: 9, cursor: '0/0', gone: true })
    const remembered = (number: number) => places.text?.includes(`${id(number)}/`)
    places.frame({ ...source(9001, 'web'), container: id(9001) })
    expect([7, 9, 1].map(remembered)).toEqual([true, false, true])
    places.frame({ ...source(9002, 'web'), container: id(9002) })
    expect([7, 9, 1].map(remembered)).toEqual([false, false, true])
    expect(places.text?.split(',')).toHaveLength(PLACES_LIMIT - 2)
  })
})
