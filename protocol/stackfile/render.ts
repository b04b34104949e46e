/**
 * The model as text: byte for byte what `docker compose config` prints. JSON leaves extensions of inner maps and the
 * `models` section out, as Compose does; YAML keeps them.
 */
import type { Model, Service } from './model.ts'
import type { Layout, Shape } from './shape.ts'
import { sorted } from './shape.ts'
import { MODEL, SERVICE } from './shapes.ts'
import { setKey } from './tree.ts'
import { toYaml } from './yaml-text.ts'

type Plain = Record<string, unknown>

export function renderConfigJson(model: Model): string {
  const ordered: Plain = {}
  for (const [key, value] of sorted(Object.entries(model))) {
    if (key === 'models') continue
    const shape = fieldsOf(MODEL.layout)?.get(key)
    setKey(ordered, key, shape === undefined ? withoutEmptyLists(sortedDeep(value)) : toJson(value, shape))
  }
  return escapeDollars(goJson(ordered))
}

export function renderConfigYaml(model: Model): string {
  return escapeDollars(toYaml(toYamlValue(model, MODEL)))
}

/**
 * The bytes whose SHA-256 Compose keeps as `com.docker.compose.config-hash` of a container: the service as compact JSON
 * without what changes nothing in the container.
 */
export function serviceHashInput(service: Service): string {
  const {
    build: _build,
    pull_policy: _pull,
    scale: _scale,
    depends_on: _depends,
    profiles: _profiles,
    ...rest
  } = service
  if (rest.deploy !== undefined) {
    const { replicas: _replicas, ...deploy } = rest.deploy
    rest.deploy = deploy
  }
  return escapeHtml(JSON.stringify(toJson(rest, SERVICE)))
}

/** A tree that was loaded without filling variables in, as `config --no-interpolate` prints it. */
export function renderTree(tree: unknown, format: 'json' | 'yaml'): string {
  return format === 'json' ? goJson(sortedDeep(tree)) : toYaml(sortedDeep(tree, naturally))
}

const escapeDollars = (text: string): string => text.replaceAll('$', '$$$$')

const fieldsOf = (layout: Layout): ReadonlyMap<string, Shape> | undefined =>
  layout.kind === 'struct' ? layout.fields : undefined

const isMap = (value: unknown): value is Plain => typeof value === 'object' && value !== null && !Array.isArray(value)

function toJson(value: unknown, shape: Shape): unknown {
  const { layout } = shape
  if (Array.isArray(value)) {
    return layout.kind === 'list'
      ? value.map((item) => toJson(item, layout.item))
      : value.map((item) => sortedDeep(item))
  }
  if (!isMap(value)) return value
  const result: Plain = {}
  if (layout.kind === 'struct') {
    for (const [key, field] of layout.fields) {
      if (Object.hasOwn(value, key)) setKey(result, layout.jsonNames?.[key] ?? key, toJson(value[key], field))
    }
    return result
  }
  if (layout.kind === 'leaf') return value
  for (const [key, item] of sorted(Object.entries(value))) {
    setKey(result, key, layout.kind === 'map' ? toJson(item, layout.item) : sortedDeep(item))
  }
  return result
}

function toYamlValue(value: unknown, shape: Shape): unknown {
  const { layout } = shape
  if (Array.isArray(value)) {
    return layout.kind === 'list' ? value.map((item) => toYamlValue(item, layout.item)) : value
  }
  if (!isMap(value)) return value
  const result: Plain = {}
  if (layout.kind === 'struct') {
    for (const [key, field] of layout.fields) {
      if (!Object.hasOwn(value, key)) continue
      const isAbsent = 'absent' in field && JSON.stringify(value[key]) === JSON.stringify(field.absent)
      if (!isAbsent || key === 'services') setKey(result, key, toYamlValue(value[key], field))
    }
    for (const [key, extension] of sorted(Object.entries(value))) {
      if (!layout.fields.has(key)) setKey(result, key, sortedDeep(extension, naturally))
    }
    return result
  }
  if (layout.kind === 'leaf') return value
  for (const key of Object.keys(value).sort(naturally)) {
    setKey(
      result,
      key,
      layout.kind === 'map' ? toYamlValue(value[key], layout.item) : sortedDeep(value[key], naturally),
    )
  }
  return result
}

/** Compose prints an empty list of an extension as null. */
function withoutEmptyLists(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? null : value.map(withoutEmptyLists)
  if (!isMap(value)) return value
  const result: Plain = {}
  for (const [key, item] of Object.entries(value)) setKey(result, key, withoutEmptyLists(item))
  return result
}

type Compare = (a: string, b: string) => number

const bytewise: Compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0)

function sortedDeep(value: unknown, compare: Compare = bytewise): unknown {
  if (Array.isArray(value)) return value.map((item) => sortedDeep(item, compare))
  if (!isMap(value)) return value
  const result: Plain = {}
  for (const key of Object.keys(value).sort(compare)) setKey(result, key, sortedDeep(value[key], compare))
  return result
}

/** The order in which Go's YAML library writes the keys of a map: runs of digits count as numbers. */
function naturally(left: string, right: string): number {
  const a = [...left]
  const b = [...right]
  let afterDigit = false
  for (let i = 0; i < a.length && i < b.length; i++) {
    const [x, y] = [a[i]!, b[i]!]
    if (x === y) {
      afterDigit = isDigit(x)
      continue
    }
    if (isLetter(x) && isLetter(y)) return x.codePointAt(0)! - y.codePointAt(0)!
    if (isLetter(x) || isLetter(y)) return isLetter(x) === afterDigit ? -1 : 1
    const hasZero = x === '0' || y === '0'
    const prefix = hasZero && /[1-9]/.test(digitsBefore(a, i)) ? '1' : ''
    const [m, n] = [digitsFrom(a, i), digitsFrom(b, i)]
    const difference = Number(`${prefix}${m}`) - Number(`${prefix}${n}`)
    return difference || m.length - n.length || x.codePointAt(0)! - y.codePointAt(0)!
  }
  return a.length - b.length
}

const digitsFrom = (text: readonly string[], at: number): string => /^\d*/.exec(text.slice(at).join(''))![0]
const digitsBefore = (text: readonly string[], at: number): string => /\d*$/.exec(text.slice(0, at).join(''))![0]
const isDigit = (character: string): boolean => /\p{Nd}/u.test(character)
const isLetter = (character: string): boolean => /\p{L}/u.test(character)

/** JSON as Go's encoder writes it, with two spaces of indent. */
function goJson(value: unknown): string {
  return escapeHtml(JSON.stringify(value, null, 2))
}

function escapeHtml(json: string): string {
  return json.replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
