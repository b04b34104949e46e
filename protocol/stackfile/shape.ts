/**
 * Shapes: how one key of the canonical tree becomes a value of the model, and how that value is printed. They follow the
 * types of Compose's own model, since what it leaves out (zeros, empty lists) and what it writes (nulls, empty maps)
 * comes from them.
 */
import type { Findings } from './findings.ts'
import { parseGoFloat, parseGoInt, shortestFloat32 } from './numbers.ts'
import {
  formatScalar,
  isNull,
  type KeyPath,
  mapNode,
  type Node,
  type ScalarNode,
  setKey,
  textOf,
  toPlain,
} from './tree.ts'
import { formatDuration, parseDuration, parseSize } from './units.ts'

/** Where a value stands. Steps are put on and taken off; what keeps a path copies it. */
export type Steps = (string | number)[]

export function decodeAt(step: string | number, shape: Shape, node: Node, path: Steps, findings: Findings): unknown {
  path.push(step)
  const value = shape.decode(node, path, findings)
  path.pop()
  return value
}

export type Layout =
  | { readonly kind: 'leaf' }
  | { readonly kind: 'list'; readonly item: Shape }
  | { readonly kind: 'map'; readonly item: Shape }
  | {
      readonly kind: 'struct'
      /** In the order in which Compose prints them. */
      readonly fields: ReadonlyMap<string, Shape>
      /** JSON keys that differ from those of the file. */
      readonly jsonNames?: Readonly<Record<string, string>>
      /** Zeros stand in YAML and not in JSON. */
      readonly jsonOmitsZero?: true
    }

export interface Shape {
  readonly layout: Layout
  /** The value of the model; undefined where the key is left out. */
  decode(node: Node, path: Steps, findings: Findings): unknown
  /** What the JSON has where the file has nothing; YAML leaves it out. */
  readonly absent?: unknown
}

const LEAF: Layout = { kind: 'leaf' }

type DecodeScalar = (node: ScalarNode, path: KeyPath, findings: Findings) => unknown

function leaf(what: string, decode: DecodeScalar): Shape {
  return {
    layout: LEAF,
    decode(node, path, findings) {
      if (isNull(node)) return undefined
      if (node.kind !== 'scalar') return wrong(what, node, path, findings)
      return decode(node, path, findings)
    },
  }
}

function wrong(what: string, node: Node, path: KeyPath, findings: Findings, hint?: string): undefined {
  const shown = node.kind === 'scalar' ? `"${formatScalar(node)}"` : node.kind === 'list' ? 'A list' : 'A mapping'
  findings.add(`${shown} is not ${what}`, node, { path, hint })
  return undefined
}

const nonZero = <T>(value: T): T | undefined => (value ? value : undefined)

export const text: Shape = leaf('text', (node, path, findings) => {
  if (node.type === 'string' || node.type === 'int') return nonZero(formatScalar(node))
  return wrong('text', node, path, findings)
})

function booleanOf(node: ScalarNode, path: KeyPath, findings: Findings): boolean | undefined {
  if (node.type === 'bool') return node.value as boolean
  const word = (textOf(node) ?? '').toLowerCase()
  if (['true', 'y', 'yes', 'on'].includes(word)) return true
  if (['false', 'n', 'no', 'off'].includes(word)) return false
  return wrong('a boolean', node, path, findings)
}

/** Left out where false. */
export const flag: Shape = leaf('a boolean', (node, path, findings) => nonZero(booleanOf(node, path, findings)))
/** Kept where false, since "not said" is a third state. */
export const optionalFlag: Shape = leaf('a boolean', booleanOf)

function integerOf(node: ScalarNode, path: KeyPath, findings: Findings): number | undefined {
  if (node.type === 'int') return Number(node.value)
  if (node.type === 'float') return Math.trunc(node.value as number)
  const value = parseGoInt(textOf(node) ?? '')
  return value === undefined ? wrong('a whole number', node, path, findings) : Number(value)
}

function countOf(node: ScalarNode, path: KeyPath, findings: Findings): number | undefined {
  const value = integerOf(node, path, findings)
  return value !== undefined && value < 0 ? wrong('zero or more', node, path, findings) : value
}

export const integer: Shape = leaf('a whole number', (node, path, findings) => nonZero(integerOf(node, path, findings)))
export const optionalInteger: Shape = leaf('a whole number', integerOf)
export const count: Shape = leaf('zero or more', (node, path, findings) => nonZero(countOf(node, path, findings)))
export const optionalCount: Shape = leaf('zero or more', countOf)

/** A number with the precision of a float32. */
export const number: Shape = leaf('a number', (node, path, findings) => {
  const value = node.type === 'string' ? parseGoFloat(node.value as string) : Number(node.value)
  if (value === undefined || !Number.isFinite(value)) return wrong('a number', node, path, findings)
  return nonZero(shortestFloat32(value))
})

const SIZE_HINT = 'Write bytes or a unit: 512m, 2gb.'

/** Bytes, as a decimal string. */
export const bytes: Shape = leaf('a size', (node, path, findings) => {
  const size = node.type === 'string' ? parseSize(node.value as string) : Math.trunc(Number(node.value))
  if (size === undefined || !Number.isFinite(size)) return wrong('a size', node, path, findings, SIZE_HINT)
  return size === 0 ? undefined : String(BigInt(size))
})

const DURATION_HINT = 'Write a number with its unit: 10s, 1m30s, 500ms.'

function durationOf(node: ScalarNode, path: KeyPath, findings: Findings): number | undefined {
  return parseDuration(formatScalar(node)) ?? wrong('a duration', node, path, findings, DURATION_HINT)
}

export const duration: Shape = leaf('a duration', (node, path, findings) => {
  const ns = durationOf(node, path, findings)
  return ns ? formatDuration(ns) : undefined
})

export const optionalDuration: Shape = leaf('a duration', (node, path, findings) => {
  const ns = durationOf(node, path, findings)
  if (ns !== undefined && ns < 0) findings.warn('A negative duration makes no sense', node)
  return ns === undefined ? undefined : formatDuration(ns)
})

/** Octal, as a string with a zero before it. Text is read as octal, a number is taken as it is. */
export const fileMode: Shape = leaf('a file mode', (node, path, findings) => {
  if (node.type === 'int') return `0${Number(node.value).toString(8)}`
  const mode = textOf(node) ?? ''
  return /^[+-]?[0-7]+$/.test(mode)
    ? `0${Number.parseInt(mode, 8).toString(8)}`
    : wrong('a file mode', node, path, findings, 'Write it in octal: "0440".')
})

export const anything: Shape = { layout: LEAF, decode: (node) => toPlain(node) }

export function list(item: Shape, zero: unknown = ''): Shape {
  return {
    layout: { kind: 'list', item },
    decode(node, path, findings) {
      if (isNull(node)) return undefined
      if (node.kind !== 'list') return wrong('a list', node, path, findings)
      const items = node.items.map((entry, index) => decodeAt(index, item, entry, path, findings) ?? zero)
      return items.length === 0 ? undefined : items
    },
  }
}

/** Text or a list of text, numbers among it. */
export const texts: Shape = {
  layout: { kind: 'list', item: text },
  decode(node, path, findings) {
    if (node.kind === 'list') {
      const items = node.items.map((item) => (item.kind === 'scalar' && !isNull(item) ? formatScalar(item) : ''))
      return items.length === 0 ? undefined : items
    }
    const single = textOf(node)
    if (single === undefined && !isNull(node)) return wrong('a list', node, path, findings)
    return single === undefined ? undefined : [single]
  },
}

/** A map whose keys the user gives, sorted. `empty` says what a key without a value becomes. */
export function map(item: Shape, empty: 'dropped' | 'null' | 'empty' = 'dropped'): Shape {
  return {
    layout: { kind: 'map', item },
    decode(node, path, findings) {
      if (isNull(node)) return undefined
      if (node.kind !== 'map') return wrong('a mapping', node, path, findings)
      const result: Record<string, unknown> = {}
      for (const [key, entry] of sorted(node.entries)) {
        const value = decodeAt(key, item, entry, path, findings)
        if (value !== undefined) setKey(result, key, value)
        else if (empty === 'null') setKey(result, key, null)
        else if (empty === 'empty') setKey(result, key, decodeAt(key, item, mapNode([], entry.at), path, findings))
      }
      return Object.keys(result).length === 0 ? undefined : result
    },
  }
}

export function sorted<T>(entries: Iterable<readonly [string, T]>): (readonly [string, T])[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}

const isMapValue = (value: unknown): value is object => typeof value === 'object' && value !== null

type StructOptions = { jsonNames?: Readonly<Record<string, string>>; absent?: unknown }

/** A map whose keys the language gives. Extensions (`x-*`) come last. */
export function struct(table: Readonly<Record<string, Shape>>, options: StructOptions = {}): Shape {
  const shapes = new Map(Object.entries(table))
  const places = new Map([...shapes.keys()].map((key, place) => [key, place]))
  const needed = [...shapes].filter(([, shape]) => 'absent' in shape).map(([key]) => key)
  const { jsonNames } = options
  return {
    layout: { kind: 'struct', fields: shapes, ...(jsonNames === undefined ? {} : { jsonNames }) },
    ...('absent' in options ? { absent: options.absent } : {}),
    decode(node, path, findings) {
      if (isNull(node)) return undefined
      if (node.kind !== 'map') return wrong('a mapping', node, path, findings)
      const given: string[] = needed.filter((key) => !node.entries.has(key))
      const extensions: [string, Node][] = []
      for (const [key, value] of node.entries) {
        if (places.has(key)) given.push(key)
        else if (key.startsWith('x-')) extensions.push([key, value])
      }
      given.sort((a, b) => places.get(a)! - places.get(b)!)
      const result: Record<string, unknown> = {}
      for (const key of given) {
        const shape = shapes.get(key)!
        const field = node.entries.get(key)
        const value = field === undefined ? undefined : decodeAt(key, shape, field, path, findings)
        if (value !== undefined) result[key] = value
        else if ('absent' in shape) result[key] = isMapValue(shape.absent) ? { ...shape.absent } : shape.absent
      }
      for (const [key, extension] of sorted(extensions)) result[key] = toPlain(extension)
      return result
    },
  }
}

/** Names with values, as a mapping or as a list of `NAME=VALUE`. `bare` is what a name alone gets. */
export function pairs(bare: 'null' | 'empty'): Shape {
  const without = bare === 'null' ? null : ''
  return {
    layout: { kind: 'map', item: anything },
    decode(node, path, findings) {
      const entries = new Map<string, string | null>()
      if (node.kind === 'map') {
        for (const [key, value] of node.entries) {
          entries.set(key, value.kind === 'scalar' && !isNull(value) ? formatScalar(value) : without)
        }
      } else if (node.kind === 'list') {
        for (const [index, item] of node.items.entries()) {
          const entry = item.kind === 'scalar' ? formatScalar(item) : ''
          const equals = entry.indexOf('=')
          const key = equals === -1 ? entry : entry.slice(0, equals)
          if (bare === 'null' && /\s$/u.test(key)) {
            findings.add(`Variable "${key}" ends in white space`, item, { path: [...path, index] })
          }
          entries.set(key, equals === -1 ? without : entry.slice(equals + 1))
        }
      } else if (!isNull(node)) {
        return wrong('a mapping or a list', node, path, findings)
      }
      if (entries.size === 0) return undefined
      const result: Record<string, unknown> = {}
      for (const [key, value] of sorted(entries)) setKey(result, key, value)
      return result
    },
  }
}

/** Options that may repeat: each is a list of text. */
export const multiOptions: Shape = {
  layout: { kind: 'map', item: texts },
  decode(node, path, findings) {
    if (node.kind !== 'map') return isNull(node) ? undefined : wrong('a mapping', node, path, findings)
    const result: Record<string, unknown> = {}
    for (const [key, value] of sorted(node.entries)) {
      const values = value.kind === 'list' ? value.items : [value]
      setKey(
        result,
        key,
        values.map((item) => (item.kind === 'scalar' ? formatScalar(item) : '')),
      )
    }
    return Object.keys(result).length === 0 ? undefined : result
  },
}
