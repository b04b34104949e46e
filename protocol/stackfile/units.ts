/** Durations and sizes as Compose writes them: Go durations (`1m30s`) and byte counts with binary units (`512m`). */

const UNIT_NS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
  d: 24 * 3600e9,
  w: 7 * 24 * 3600e9,
}

const DURATION_PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d|w)/gy

/** Nanoseconds, or undefined where the text is no duration. Days and weeks are Compose's addition to Go's units. */
export function parseDuration(text: string): number | undefined {
  const negative = text.startsWith('-')
  const rest = text.replace(/^[+-]/, '')
  if (rest === '0') return 0
  let total = 0
  let at = 0
  DURATION_PART.lastIndex = 0
  for (let part = DURATION_PART.exec(rest); part !== null; part = DURATION_PART.exec(rest)) {
    total += Number(part[1]) * UNIT_NS[part[2]!]!
    at = DURATION_PART.lastIndex
    if (at === rest.length) break
  }
  if (at !== rest.length || rest === '') return undefined
  return Math.round(negative ? -total : total)
}

/** As Go's `Duration.String()` writes it: `1h0m0s`, `1m30s`, `1.5s`, `100ms`, `0s`. */
export function formatDuration(ns: number): string {
  if (ns === 0) return '0s'
  const sign = ns < 0 ? '-' : ''
  const abs = Math.abs(ns)
  if (abs < 1e3) return `${sign}${abs}ns`
  if (abs < 1e6) return `${sign}${decimal(abs / 1e3)}µs`
  if (abs < 1e9) return `${sign}${decimal(abs / 1e6)}ms`
  const hours = Math.floor(abs / 3600e9)
  const minutes = Math.floor((abs % 3600e9) / 60e9)
  const seconds = decimal((abs % 60e9) / 1e9)
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}s`
  return minutes > 0 ? `${sign}${minutes}m${seconds}s` : `${sign}${seconds}s`
}

const decimal = (value: number): string => value.toFixed(9).replace(/\.?0+$/, '')

const SIZE = /^((?:\d+(?:\.\d*)?|\.\d+)(?:e\+?\d+)?) ?(?:([kmgtp])(?:i?b)?|b)?$/i
const POWER: Readonly<Record<string, number>> = { k: 1, m: 2, g: 3, t: 4, p: 5 }

/** Bytes, or undefined where the text is no size. Units are binary whether or not an `i` stands in them (docker/go-units). */
export function parseSize(text: string): number | undefined {
  if (/^-\d+$/.test(text)) return Number(text)
  const match = SIZE.exec(text)
  if (match === null) return undefined
  return Math.trunc(Number(match[1]) * 1024 ** (POWER[match[2]?.toLowerCase() ?? ''] ?? 0))
}
