/**
 * The model as text: byte for byte what `docker compose config` prints. JSON leaves extensions of inner maps and the
 * `models` section out, as Compose does; YAML keeps them.
 */
import { toJsonText } from './json-text.ts'
import type { Model, Service } from './model.ts'
import type { Shape } from './shape.ts'
import { MODEL, SERVICE } from './shapes.ts'
import { toYaml } from './yaml-text.ts'

export function renderConfigJson(model: Model): string {
  const fields = MODEL.layout.kind === 'struct' ? MODEL.layout.fields : new Map<string, Shape>()
  const ordered = new Map<string, unknown>()
  for (const [key, value] of sortedEntries(model, bytewise)) {
    const shape = fields.get(key)
    if (key !== 'models') ordered.set(key, shape === undefined ? jsonExtension(value) : jsonValue(value, shape))
  }
  return escapeDollars(toJsonText(ordered, '  '))
}

export function renderConfigYaml(model: Model): string {
  return escapeDollars(toYaml(yamlValue(model, MODEL)))
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
  return toJsonText(jsonValue(rest, SERVICE), '')
}

/** A tree that was loaded without filling variables in, as `config --no-interpolate` prints it. */
export function renderTree(tree: unknown, format: 'json' | 'yaml'): string {
  return format === 'json' ? toJsonText(sortedDeep(tree, bytewise), '  ') : toYaml(sortedDeep(tree, naturally))
}

const escapeDollars = (text: string): string => text.replaceAll('$', '$$$$')

type Compare = (a: string, b: string) => number

const bytewise: Compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0)

const isMap = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value)

const sortedEntries = (value: object, compare: Compare): [string, unknown][] =>
  Object.entries(value).sort(([a], [b]) => compare(a, b))

function jsonValue(value: unknown, shape: Shape): unknown {
  const { layout } = shape
  if (Array.isArray(value)) return layout.kind === 'list' ? value.map((item) => jsonValue(item, layout.item)) : value
  if (!isMap(value)) return value
  if (layout.kind !== 'struct') {
    const entries = layout.kind === 'map' ? sortedEntries(value, bytewise) : Object.entries(value)
    return new Map(entries.map(([key, item]) => [key, layout.kind === 'map' ? jsonValue(item, layout.item) : item]))
  }
  const result = new Map<string, unknown>()
  for (const [key, field] of layout.fields) {
    const item: unknown = Object.hasOwn(value, key) ? value[key as keyof typeof value] : undefined
    if (item !== undefined) result.set(layout.jsonNames?.[key] ?? key, jsonValue(item, field))
  }
  return result
}

/** Compose prints an empty list of an extension as null. */
function jsonExtension(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? null : value.map(jsonExtension)
  if (!isMap(value)) return value
  return new Map(sortedEntries(value, bytewise).map(([key, item]) => [key, jsonExtension(item)]))
}

function yamlValue(value: unknown, shape: Shape): unknown {
  const { layout } = shape
  if (Array.isArray(value)) return layout.kind === 'list' ? value.map((item) => yamlValue(item, layout.item)) : value
  if (!isMap(value)) return value
  if (layout.kind !== 'struct') {
    const entries = layout.kind === 'map' ? sortedEntries(value, naturally) : Object.entries(value)
    return new Map(entries.map(([key, item]) => [key, layout.kind === 'map' ? yamlValue(item, layout.item) : item]))
  }
  const result = new Map<string, unknown>()
  for (const [key, field] of layout.fields) {
    const item: unknown = Object.hasOwn(value, key) ? value[key as keyof typeof value] : undefined
    const isAbsent = 'absent' in field && JSON.stringify(item) === JSON.stringify(field.absent)
    if (item !== undefined && (!isAbsent || key === 'services')) result.set(key, yamlValue(item, field))
  }
  for (const [key, extension] of sortedEntries(value, bytewise)) {
    if (!layout.fields.has(key)) result.set(key, sortedDeep(extension, naturally))
  }
  return result
}

function sortedDeep(value: unknown, compare: Compare): unknown {
  if (Array.isArray(value)) return value.map((item) => sortedDeep(item, compare))
  if (!isMap(value)) return value
  return new Map(sortedEntries(value, compare).map(([key, item]) => [key, sortedDeep(item, compare)]))
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
