/** The query of the logs stream in the Engine's terms. */
import { LogCursor } from '../../protocol/log-cursor.ts'
import { Problem } from '../../protocol/problems.ts'
import { parseDuration } from '../../protocol/stackfile/units.ts'
import type { LogsQuery } from '../../protocol/streams.ts'

export interface LogSelection {
  /** Empty: all. */
  readonly services: ReadonlySet<string>
  readonly follow: boolean
  readonly tail: number | 'all'
  readonly since: string | undefined
  readonly until: string | undefined
  readonly index: number | undefined
  readonly of: 'present' | 'previous'
  readonly times: 'needed' | 'not needed'
  /** By the beginning of a container's id; `gone` where all that there was has come. Undefined: this is no reading on. */
  readonly after: ReadonlyMap<string, LogCursor | 'gone'> | undefined
}

export function parseLogsQuery(query: LogsQuery, now: Date): LogSelection {
  return {
    services: new Set(servicesOf(query.services)),
    follow: query.follow === 'true',
    tail: tailOf(query.tail),
    since: query.since === undefined || query.since === '' ? undefined : timeOf('since', query.since, now),
    until: query.until === undefined || query.until === '' ? undefined : timeOf('until', query.until, now),
    index:
      query.index === undefined || query.index === '' || query.index === '0'
        ? undefined
        : wholeNumber('index', query.index),
    of: query.previous === 'true' ? 'previous' : 'present',
    times: query.untimed === 'true' ? 'not needed' : 'needed',
    after: query.after === undefined || query.after === '' ? undefined : cursorsOf(query.after),
  }
}

/** Names separated by commas. */
export function servicesOf(text: string | undefined): string[] {
  return (text ?? '').split(',').filter((name) => name !== '')
}

function cursorsOf(text: string): ReadonlyMap<string, LogCursor | 'gone'> {
  return new Map(
    text.split(',').map((entry) => {
      const [, id, marks = ''] = /^([0-9a-f]{12,64})\/(.*)$/.exec(entry) ?? []
      const cursor = marks === 'gone' ? marks : LogCursor.parse(marks)
      if (id === undefined || cursor === undefined) throw new Problem('bad-request', `after: "${entry}" is no cursor`)
      return [id, cursor]
    }),
  )
}

function tailOf(text: string | undefined): number | 'all' {
  return text === undefined || text === 'all' || text === '' || text.startsWith('-') ? 'all' : wholeNumber('tail', text)
}

function wholeNumber(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new Problem('bad-request', `${name} is not a number: ${text}`)
}

/** `seconds.nanoseconds` as numbers that can be compared. */
export function momentOf(time: string): { readonly seconds: number; readonly nanoseconds: number } {
  const [seconds = '', fraction = ''] = time.split('.')
  return { seconds: Number(seconds), nanoseconds: Number(fraction.padEnd(9, '0')) }
}

export function millisecondsOf(time: string): number {
  const { seconds, nanoseconds } = momentOf(time)
  return seconds * 1000 + nanoseconds / 1e6
}

/** RFC 3339, a date, Unix seconds with fraction, or a Go duration back from now; answers `seconds.nanoseconds`. */
export function timeOf(name: string, text: string, now: Date): string {
  if (/^\d+(\.\d{1,9})?$/.test(text)) return text
  const back = parseDuration(text)
  if (back !== undefined) return seconds(now.getTime() - back / 1e6)
  const time = Date.parse(text)
  if (!Number.isNaN(time) && /^\d{4}-\d{2}/.test(text)) return seconds(time)
  throw new Problem('bad-request', `${name} is neither a time nor a duration: ${text}`, {
    hint: 'for example 2026-01-02T13:23:37Z, or 42m for 42 minutes ago',
  })
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3)
