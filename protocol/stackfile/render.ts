/**
 * The model as text: byte for byte what `docker compose config` prints. JSON leaves extensions of inner maps and the
 * `models` section out, as Compose does; YAML keeps them.
 */
import { toJsonText } from './json-text.ts'
import type { Model, Service } from './model.ts'
import type { EnvFile, LoadedService } from './project.ts'
import type { Shape } from './shape.ts'
import { MODEL, SERVICE } from './shapes.ts'
import { DateText, toYaml } from './yaml-text.ts'

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
  const text = jsonValue(rest, SERVICE) as Map<string, unknown>
  const { env_file: files } = rest as LoadedService
  if (files !== undefined) text.set('env_file', files.map(shortEnvFile))
  return toJsonText(text, '')
}

/** Compose writes an env file as its path alone where there is nothing else to say. */
const shortEnvFile = ({ path, required, format }: EnvFile): unknown =>
  required && format === undefined
    ? path
    : new Map(Object.entries({ path, required, ...(format === undefined ? {} : { format }) }))

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
    if (item === undefined || (item === 0 && layout.jsonOmitsZero === true)) continue
    result.set(layout.jsonNames?.[key] ?? key, jsonValue(item, field))
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
    const isAbsent = 'absent' in field && (item === field.absent || isSameData(item, field.absent))
    if (item !== undefined && item !== '' && (!isAbsent || key === 'services')) result.set(key, yamlValue(item, field))
  }
  for (const [key, extension] of sortedEntries(value, bytewise)) {
    if (!layout.fields.has(key)) result.set(key, yamlExtension(extension))
  }
  return result
}

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

/** Dates of extensions have become text in the model; Compose prints them as dates. */
function yamlExtension(value: unknown): unknown {
  if (typeof value === 'string') return TIMESTAMP.test(value) ? new DateText(value) : value
  if (Array.isArray(value)) return value.map(yamlExtension)
  if (!isMap(value)) return value
  return new Map(sortedEntries(value, naturally).map(([key, item]) => [key, yamlExtension(item)]))
}

const isSameData = (a: unknown, b: unknown): boolean => isMap(a) && isMap(b) && JSON.stringify(a) === JSON.stringify(b)

function sortedDeep(value: unknown, compare: Compare): unknown {
  if (Array.isArray(value)) return value.map((item) => sortedDeep(item, compare))
  if (!isMap(value)) return value
  return new Map(sortedEntries(value, compare).map(([key, item]) => [key, sortedDeep(item, compare)]))
}

/** The order in which Go's YAML library writes the keys of a map: runs of digits count as numbers. */
function naturally(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length)
  let at = 0
  while (at < shorter && a.charCodeAt(at) === b.charCodeAt(at)) at += 1
  if (at === shorter) return a.length - b.length
  // Never between the halves of a character.
  if (at > 0 && /[\ud800-\udbff]/.test(a[at - 1]!)) at -= 1
  const x = String.fromCodePoint(a.codePointAt(at)!)
  const y = String.fromCodePoint(b.codePointAt(at)!)
  if (isLetter(x) && isLetter(y)) return x.codePointAt(0)! - y.codePointAt(0)!
  if (isLetter(x) || isLetter(y)) {
    const isAfterDigit = /\p{Nd}$/u.test(a.slice(Math.max(0, at - 2), at))
    return isLetter(x) === isAfterDigit ? -1 : 1
  }
  const hasZero = x === '0' || y === '0'
  const prefix = hasZero && /[1-9]\d*$/.test(a.slice(0, at)) ? '1' : ''
  const [m, n] = [digitsFrom(a, at), digitsFrom(b, at)]
  const difference = Number(`${prefix}${m}`) - Number(`${prefix}${n}`)
  return difference || m.length - n.length || x.codePointAt(0)! - y.codePointAt(0)!
}

const digitsFrom = (text: string, at: number): string => /^\d*/.exec(text.slice(at))![0]
const isLetter = (character: string): boolean => /\p{L}/u.test(character)
