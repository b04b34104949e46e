/** Functions of Go's text/template and of Docker's formatter, over JSON values. */

/** Go's %v. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return '<no value>'
  if (Array.isArray(value)) return `[${value.map(inner).join(' ')}]`
  if (typeof value === 'object') return `{${Object.values(value).map(inner).join(' ')}}`
  return String(value)
}

const inner = (value: unknown): string => (value === undefined || value === null ? '<nil>' : shown(value))

/** Not Go's zero value: false, 0, nil, and what is empty. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0
  return Boolean(value)
}

const text = (value: unknown): string => {
  if (typeof value !== 'string') throw new Error(`wrong type for value; expected string; got ${shown(value)}`)
  return value
}

const whole = (value: unknown): number => {
  if (typeof value !== 'number' || !Number.isInteger(value)) throw new Error(`expected integer; got ${shown(value)}`)
  return value
}

/** Wider than any terminal, and no way to fill the memory. */
const WIDTH_LIMIT = 10_000

const width = (value: unknown): number => Math.min(Math.max(whole(value), 0), WIDTH_LIMIT)

function compare(a: unknown, b: unknown): number {
  if (typeof a !== typeof b) throw new Error('incompatible types for comparison')
  if (typeof a !== 'string' && typeof a !== 'number') throw new Error('invalid type for comparison')
  return a < (b as typeof a) ? -1 : a > (b as typeof a) ? 1 : 0
}

function lengthOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (Array.isArray(value)) return value.length
  if (typeof value === 'object' && value !== null) return Object.keys(value).length
  throw new Error(`len of type ${shown(value)}`)
}

function indexOf(value: unknown, ...keys: unknown[]): unknown {
  return keys.reduce((found, key) => {
    if (Array.isArray(found)) {
      const at = whole(key)
      if (at < 0 || at >= found.length) throw new Error(`index out of range: ${at}`)
      return found[at]
    }
    if (typeof found === 'object' && found !== null) {
      const name = text(key)
      return Object.hasOwn(found, name) ? (found as Record<string, unknown>)[name] : undefined
    }
    throw new Error(`can't index item of type ${shown(found)}`)
  }, value)
}

function slice(value: unknown, from: unknown = 0, to?: unknown): unknown {
  if (typeof value !== 'string' && !Array.isArray(value)) throw new Error(`can't slice item of type ${shown(value)}`)
  const end = to === undefined ? value.length : whole(to)
  if (whole(from) < 0 || end > value.length || whole(from) > end) throw new Error(`index out of range: ${end}`)
  return value.slice(whole(from), end)
}

/** Verbs with flags `-` and `0`, width and precision. */
export function printf(format: unknown, ...values: unknown[]): string {
  let next = 0
  const result = text(format).replace(
    /%(?<flags>[-0+# ]*)(?<width>\d*)(?:\.(?<precision>\d+))?(?<verb>[a-zA-Z%])/g,
    (_, ...groups) => {
      const { flags, width: wide, precision, verb } = groups.at(-1) as Record<string, string | undefined>
      if (verb === '%') return '%'
      if (next >= values.length) return `%!${verb}(MISSING)`
      const value = values[next]
      next += 1
      const digits = precision === undefined ? undefined : Math.min(Number(precision), 100)
      const shape = verbOf(verb!, value, digits)
      if (shape === undefined) return `%!${verb}(${shown(value)})`
      const size = Math.min(Number(wide), WIDTH_LIMIT)
      if (flags!.includes('-')) return shape.padEnd(size)
      return shape.padStart(size, flags!.includes('0') && typeof value === 'number' ? '0' : ' ')
    },
  )
  return next < values.length ? `${result}%!(EXTRA ${values.slice(next).map(shown).join(', ')})` : result
}

function verbOf(verb: string, value: unknown, digits: number | undefined): string | undefined {
  switch (verb) {
    case 'v':
    case 's':
      return verb === 's' && digits !== undefined ? shown(value).slice(0, digits) : shown(value)
    case 'q':
      return typeof value === 'string' ? JSON.stringify(value) : undefined
    case 'd':
      return typeof value === 'number' && Number.isInteger(value) ? String(value) : undefined
    case 'f':
      return typeof value === 'number' ? value.toFixed(digits ?? 6) : undefined
    case 't':
      return typeof value === 'boolean' ? String(value) : undefined
    case 'x':
      return typeof value === 'number'
        ? value.toString(16)
        : typeof value === 'string'
          ? Buffer.from(value).toString('hex')
          : undefined
    default:
      return undefined
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
}

export const FUNCTIONS: ReadonlyMap<string, (...given: unknown[]) => unknown> = new Map<
  string,
  (...given: unknown[]) => unknown
>([
  ['json', (value) => JSON.stringify(value ?? null)],
  ['split', (value, by) => (text(by) === '' ? [...text(value)] : text(value).split(text(by)))],
  [
    'join',
    (value, by) => {
      if (!Array.isArray(value)) throw new Error(`wrong type for value; expected []string; got ${shown(value)}`)
      return value.map(shown).join(text(by))
    },
  ],
  [
    'title',
    (value) =>
      text(value).replace(
        /(^|[^\p{L}\p{N}_'])(\p{L})/gu,
        (_, gap: string, letter: string) => gap + letter.toUpperCase(),
      ),
  ],
  ['lower', (value) => text(value).toLowerCase()],
  ['upper', (value) => text(value).toUpperCase()],
  [
    'pad',
    (value, before, after) =>
      text(value) === '' ? '' : ' '.repeat(width(before)) + text(value) + ' '.repeat(width(after)),
  ],
  ['padlen', (value, size) => text(value).padEnd(width(size))],
  ['truncate', (value, size) => (text(value).length < whole(size) ? text(value) : text(value).slice(0, width(size)))],
  // Taken apart before they come here, for they look no further than they must.
  ['and', (...values) => values.find((value) => !isTrue(value)) ?? values.at(-1)],
  ['or', (...values) => values.find(isTrue) ?? values.at(-1)],
  ['not', (value) => !isTrue(value)],
  ['len', lengthOf],
  ['index', indexOf],
  ['slice', slice],
  ['print', (...values) => values.map(shown).join('')],
  ['println', (...values) => `${values.map(shown).join(' ')}\n`],
  ['printf', printf],
  [
    'html',
    (...values) =>
      values
        .map(shown)
        .join('')
        .replace(/[&<>"']/g, (mark) => ENTITIES[mark]!),
  ],
  ['urlquery', (...values) => encodeURIComponent(values.map(shown).join(''))],
  ['eq', (a, ...others) => others.some((b) => typeof a === typeof b && shown(a) === shown(b))],
  ['ne', (a, b) => shown(a) !== shown(b)],
  ['lt', (a, b) => compare(a, b) < 0],
  ['le', (a, b) => compare(a, b) <= 0],
  ['gt', (a, b) => compare(a, b) > 0],
  ['ge', (a, b) => compare(a, b) >= 0],
])
