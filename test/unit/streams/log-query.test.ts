import { describe, expect, test } from 'vitest'
import { parseLogsQuery, timeOf } from '../../../daemon/streams/log-query.ts'
import { problemOf } from '../support/problems.ts'

const NOW = new Date('2026-01-02T03:04:05.678Z')
const parse = (query: Parameters<typeof parseLogsQuery>[0]) => parseLogsQuery(query, NOW)

test('an empty query asks for all there is, of all services', () => {
  expect(parse({})).toEqual({
    services: new Set(),
    follow: false,
    tail: 'all',
    since: undefined,
    until: undefined,
    index: undefined,
    of: 'present',
    times: 'needed',
    after: undefined,
  })
})

test('services are a list', () => {
  expect(parse({ services: 'web,db,' }).services).toEqual(new Set(['web', 'db']))
})

test.each([
  ['10', 10],
  ['0', 0],
  ['all', 'all'],
  ['', 'all'],
  ['-1', 'all'],
] as const)('a tail of "%s" is %s', (tail, expected) => {
  expect(parse({ tail }).tail).toBe(expected)
})

test.each([
  ['2', 2],
  ['0', undefined],
  ['', undefined],
] as const)('an index of "%s" is %s', (index, expected) => {
  expect(parse({ index }).index).toBe(expected)
})

test.each([{ tail: 'ten' }, { tail: '1.5' }, { index: 'x' }, { since: 'yesterday' }, { until: '12:30' }])(
  '%o is refused',
  (query) => {
    expect(problemOf(() => parse(query)).code).toBe('bad-request')
  },
)

describe('a time', () => {
  const seconds = (iso: string) => (Date.parse(iso) / 1000).toFixed(3)

  test.each([
    ['Unix seconds', '1767323045', '1767323045'],
    ['Unix seconds with nanoseconds, of which none is lost', '1767323045.123456789', '1767323045.123456789'],
    ['a duration back from now', '10m', seconds('2026-01-02T02:54:05.678Z')],
    ['a duration of several parts', '1h30m', seconds('2026-01-02T01:34:05.678Z')],
    ['a duration of a fraction', '1.5s', seconds('2026-01-02T03:04:04.178Z')],
    ['days', '2d', seconds('2025-12-31T03:04:05.678Z')],
    ['a date', '2026-01-01', seconds('2026-01-01T00:00:00Z')],
    ['RFC 3339', '2026-01-01T12:00:00Z', seconds('2026-01-01T12:00:00Z')],
    ['RFC 3339 with a zone', '2026-01-01T12:00:00+02:00', seconds('2026-01-01T10:00:00Z')],
    ['RFC 3339 with a fraction', '2026-01-01T12:00:00.250Z', seconds('2026-01-01T12:00:00.250Z')],
  ])('may be %s', (_, text, expected) => {
    expect(timeOf('since', text, NOW)).toBe(expected)
  })

  test.each(['2026-13-45', 'January 5', '5 minutes', '1h30', 'now', `${'1'.repeat(3)}x`])('is not "%s"', (text) => {
    expect(problemOf(() => timeOf('since', text, NOW))).toMatchObject({
      code: 'bad-request',
      message: `since is neither a time nor a duration: ${text}`,
    })
  })
})

describe('reading on', () => {
  test('is behind a cursor for each container', () => {
    const after = 'aaaaaaaaaaaa/1767323041.000000000.1/0,bbbbbbbbbbbb/0/0'
    const cursors = parseLogsQuery({ after }, NOW).after
    expect([...(cursors ?? [])].map(([id, cursor]) => `${id}/${cursor}`)).toEqual(after.split(','))
  })

  test.each(['x', 'aaaaaaaaaaaa', 'aaaaaaaaaaaa/1/2', 'aaaaaaaaaaaa/0', '../../etc/0/0'])(
    'is not after "%s"',
    (after) => {
      expect(problemOf(() => parseLogsQuery({ after }, NOW))).toMatchObject({ code: 'bad-request' })
    },
  )
})
