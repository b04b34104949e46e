/** `x-evenkeel.ready` and `alive` of a service: what each key may say. */
import { splitCommand } from './command-line.ts'
import { isMap, isPort, type PolicyFinding, unknownKeys } from './policy-finding.ts'
import { parseDuration } from './units.ts'

const WAYS = ['http', 'https', 'tcp', 'exec'] as const
const KEYS = [...WAYS, 'port', 'headers', 'interval', 'timeout', 'retries', 'successes', 'start_period']
const EXAMPLE = 'Such as {http: /health}, {tcp: 5432} or {exec: [pg_isready]}.'
/** What a request may be made of, in the order of RFC 9110: tokens, and values without breaks. */
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/
const HEADER_VALUE = /^[\t\x20-\x7e]{0,1000}$/
const PATH = /^\/[\x21-\x7e]{0,1000}$/
const COUNT_LIMIT = 100

export function probeFindings(key: 'ready' | 'alive', probe: unknown): PolicyFinding[] {
  const path = [key]
  if (!isMap(probe)) return [{ message: `${key} is to be a mapping`, path, hint: EXAMPLE }]
  const found = unknownKeys(probe, KEYS, path)
  const add = (at: string, message: string, hint?: string): void => {
    found.push({ message, path: [...path, at], hint })
  }
  const ways = WAYS.filter((way) => probe[way] !== undefined)
  if (ways.length !== 1)
    return [...found, { message: `${key} is to have one of ${WAYS.join(', ')}`, path, hint: EXAMPLE }]
  const [way] = ways as [(typeof WAYS)[number]]
  const asked = probe[way]
  if (way === 'tcp' && !isPort(asked)) add('tcp', 'tcp is to be a port, a number from 1 to 65535')
  if ((way === 'http' || way === 'https') && !(typeof asked === 'string' && PATH.test(asked)))
    add(way, `${way} is to be a path that begins with /`, 'Such as /health.')
  if (way === 'exec' && !isCommand(asked)) add('exec', 'exec is to be a command', 'Such as [pg_isready, -q].')
  for (const ofHttp of ['port', 'headers'])
    if (probe[ofHttp] !== undefined && way !== 'http' && way !== 'https')
      add(ofHttp, `${ofHttp} is of http and https alone`)
  if (probe.port !== undefined && !isPort(probe.port)) add('port', 'port is to be a number from 1 to 65535')
  if (probe.headers !== undefined && !isHeaders(probe.headers))
    add('headers', 'headers are to be names with texts', 'Such as {Host: shop.example}.')
  for (const [duration, least] of [
    ['interval', 100],
    ['timeout', 100],
    ['start_period', 0],
  ] as const) {
    const value = probe[duration]
    const ms = typeof value === 'string' ? (parseDuration(value) ?? -1) / 1e6 : -1
    if (value !== undefined && !(ms >= least && ms <= DAY_MS))
      add(duration, `${duration} is to be a duration from ${least} ms to a day`, 'Such as 5s.')
  }
  for (const count of ['retries', 'successes']) {
    const value = probe[count]
    if (value !== undefined && !(Number.isInteger(value) && Number(value) >= 1 && Number(value) <= COUNT_LIMIT))
      add(count, `${count} is to be a number from 1 to ${COUNT_LIMIT}`)
  }
  return found
}

const DAY_MS = 24 * 3600 * 1000

const isHeaders = (value: unknown): boolean =>
  isMap(value) &&
  Object.entries(value).every(
    ([name, text]) => HEADER_NAME.test(name) && typeof text === 'string' && HEADER_VALUE.test(text),
  )

function isCommand(value: unknown): boolean {
  if (Array.isArray(value))
    return value.length > 0 && value.every((word) => typeof word === 'string') && value[0] !== ''
  const split = typeof value === 'string' ? splitCommand(value) : undefined
  return split !== undefined && split.dropped === '' && split.arguments.length > 0
}
