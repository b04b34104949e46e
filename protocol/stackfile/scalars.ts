/**
 * Which type a plain YAML scalar has. The rules are those of Go's YAML library, which Compose uses: YAML 1.2 with `0o17`
 * and `017` both octal, underscores in numbers, and without the words `yes`, `no`, `on`, `off`.
 */
import { boundedInteger, narrow, parseGoFloat } from './numbers.ts'
import type { ScalarNode } from './tree.ts'

type Resolved = Pick<ScalarNode, 'type' | 'value'>

const WORDS: ReadonlyMap<string, Resolved> = new Map<string, Resolved>([
  ...['true', 'True', 'TRUE'].map((word) => [word, { type: 'bool', value: true }] as [string, Resolved]),
  ...['false', 'False', 'FALSE'].map((word) => [word, { type: 'bool', value: false }] as [string, Resolved]),
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, { type: 'null', value: null }] as [string, Resolved]),
  ...['.nan', '.NaN', '.NAN'].map((word) => [word, { type: 'float', value: Number.NaN }] as [string, Resolved]),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map(
    (word) => [word, { type: 'float', value: Number.POSITIVE_INFINITY }] as [string, Resolved],
  ),
  ...['-.inf', '-.Inf', '-.INF'].map(
    (word) => [word, { type: 'float', value: Number.NEGATIVE_INFINITY }] as [string, Resolved],
  ),
])

const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/
const PLUS = 43
const MINUS = 45
const DOT = 46
const DIGIT_0 = 48
const DIGIT_9 = 57
const MAX_UINT64 = 2n ** 64n - 1n
const MIN_INT64 = -(2n ** 63n)

export function resolvePlain(text: string): Resolved {
  const word = WORDS.get(text)
  if (word !== undefined) return word
  const first = text.charCodeAt(0)
  if (first === DOT) {
    const value = parseGoFloat(text)
    return value === undefined ? { type: 'string', value: text } : { type: 'float', value }
  }
  const mayBeNumber = (first >= DIGIT_0 && first <= DIGIT_9) || first === PLUS || first === MINUS
  if (!mayBeNumber) return { type: 'string', value: text }
  if (isTimestamp(text)) return { type: 'time', value: text }
  const digits = text.replaceAll('_', '')
  const integer = parseInteger(digits)
  if (integer !== undefined) return { type: 'int', value: narrow(integer) }
  if (FLOAT.test(digits)) {
    const value = Number(digits)
    if (Number.isFinite(value)) return { type: 'float', value }
  }
  return { type: 'string', value: text }
}

/** Go's base 0: the prefix tells the base, and a leading zero alone means octal. */
function parseInteger(text: string): bigint | undefined {
  const match = /^([+-]?)(?:0x([0-9a-f]+)|0b([01]+)|0o?([0-7]+)|(0|[1-9][0-9]*))$/i.exec(text)
  if (match === null) return undefined
  const [, sign, hex, binary, octal, decimal] = match
  let size: bigint | undefined
  if (hex !== undefined) size = boundedInteger(hex, '0x')
  else if (binary !== undefined) size = boundedInteger(binary, '0b')
  else if (octal !== undefined) size = boundedInteger(octal, '0o')
  else size = boundedInteger(decimal!, '')
  if (size === undefined) return undefined
  const value = sign === '-' ? -size : size
  return value > MAX_UINT64 || value < MIN_INT64 ? undefined : value
}

const TIMESTAMP =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d))|(?: (\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,]\d+)?))?$/

function isTimestamp(text: string): boolean {
  const match = TIMESTAMP.exec(text)
  if (match === null) return false
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])]
  const clock = [match[4] ?? match[7], match[5] ?? match[8], match[6] ?? match[9]].map((part) => Number(part ?? 0))
  const days = new Date(Date.UTC(year, month, 0)).getUTCDate()
  return month >= 1 && month <= 12 && day >= 1 && day <= days && clock[0]! < 24 && clock[1]! < 60 && clock[2]! < 60
}
