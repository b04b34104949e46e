/** Numbers as Go writes and reads them; Compose prints its model with Go, and the model shall be the same. */

/** Go's `%v` of a float64: exponent form below 1e-4 and from 1e6 on, the exponent with two digits at least. */
export function goFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const size = Math.abs(value)
  if (size >= 1e6 || size < 1e-4) return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  return String(value)
}

/** The double nearest to a float32 that prints with the fewest digits, as Go prints a float32. */
export function shortestFloat32(value: number): number {
  const rounded = Math.fround(value)
  if (!Number.isFinite(rounded)) return rounded
  for (let digits = 1; digits <= 9; digits++) {
    const candidate = Number(rounded.toPrecision(digits))
    if (Math.fround(candidate) === rounded) return candidate
  }
  return rounded
}

const MAX_INT64 = 2n ** 63n - 1n
const MIN_INT64 = -(2n ** 63n)

/** No number of 64 bits has more, in any base. Reading a longer one takes time that grows with its square. */
const MAX_DIGITS = 64

const significant = (text: string): number => text.replace(/^[+-]?0*/, '').length

/** A number of 64 bits at most, of digits without sign; undefined where there are more of them. */
export const boundedInteger = (digits: string, prefix: '' | '0x' | '0o' | '0b'): bigint | undefined =>
  significant(digits) > MAX_DIGITS ? undefined : BigInt(`${prefix}${digits}`)

/** Go's `strconv.ParseInt(text, 10, 64)`; undefined where it fails. */
export function parseGoInt(text: string): number | bigint | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined
  if (significant(text) > MAX_DIGITS) return undefined
  const value = BigInt(text.replace(/^\+/, ''))
  return value > MAX_INT64 || value < MIN_INT64 ? undefined : narrow(value)
}

/** Go's `strconv.ParseFloat(text, 64)`, without its hexadecimal form; undefined where it fails. */
export function parseGoFloat(text: string): number | undefined {
  if (/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text)) {
    const value = Number(text)
    return Number.isFinite(value) ? value : undefined
  }
  if (/^[+-]?inf(inity)?$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  return /^nan$/i.test(text) ? Number.NaN : undefined
}

/** A number where a double holds it exactly, else the bigint. */
export const narrow = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
