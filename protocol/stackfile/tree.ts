/**
 * The tree that a stack file is while it is being worked on: maps, lists and scalars, each with its place in the text.
 * Merging and normalising change trees in place, so a node stands in one tree only; {@link cloneNode} makes a second.
 * Scalars keep the type that YAML gave them, since Compose treats `80`, `80.0` and `"80"` differently.
 */
import { goFloat } from './numbers.ts'
import type { Span } from './source-text.ts'

export type ScalarType = 'null' | 'bool' | 'int' | 'float' | 'string' | 'time'

interface Placed {
  at: Span
  /** Where the key stands that holds this node, if a map holds it. */
  keyAt?: Span | undefined
}

export interface ScalarNode extends Placed {
  kind: 'scalar'
  type: ScalarType
  /** A bigint where the number is beyond what a double holds; text for `string` and `time`. */
  value: string | number | bigint | boolean | null
}

export interface ListNode extends Placed {
  kind: 'list'
  items: Node[]
}

export interface MapNode extends Placed {
  kind: 'map'
  entries: Map<string, Node>
}

export type Node = ScalarNode | ListNode | MapNode

export type KeyPath = readonly (string | number)[]

export const textNode = (value: string, at: Span): ScalarNode => ({ kind: 'scalar', type: 'string', value, at })
export const boolNode = (value: boolean, at: Span): ScalarNode => ({ kind: 'scalar', type: 'bool', value, at })
export const intNode = (value: number, at: Span): ScalarNode => ({ kind: 'scalar', type: 'int', value, at })
export const nullNode = (at: Span): ScalarNode => ({ kind: 'scalar', type: 'null', value: null, at })
export const listNode = (items: Node[], at: Span): ListNode => ({ kind: 'list', items, at })

export function mapNode(entries: Iterable<readonly [string, Node]>, at: Span): MapNode {
  return { kind: 'map', entries: new Map(entries), at }
}

export const isNull = (node: Node | undefined): boolean => node?.kind === 'scalar' && node.type === 'null'

/** The text of a string scalar; undefined for anything else. */
export function textOf(node: Node | undefined): string | undefined {
  return node?.kind === 'scalar' && node.type === 'string' ? (node.value as string) : undefined
}

/** The map under `key`, if there is one and it is a map. */
export function mapAt(node: MapNode, key: string): MapNode | undefined {
  const child = node.entries.get(key)
  return child?.kind === 'map' ? child : undefined
}

/** The list under `key`, if there is one and it is a list. */
export function listAt(node: MapNode, key: string): ListNode | undefined {
  const child = node.entries.get(key)
  return child?.kind === 'list' ? child : undefined
}

/** Puts a node under a key, at the place of the node it replaces where it has no key of its own yet. */
export function put(map: MapNode, key: string, node: Node): void {
  node.keyAt ??= map.entries.get(key)?.keyAt
  map.entries.set(key, node)
}

export function cloneNode<T extends Node>(node: T): T
export function cloneNode(node: Node): Node {
  switch (node.kind) {
    case 'scalar':
      return { ...node }
    case 'list':
      return { ...node, items: node.items.map((item) => cloneNode(item)) }
    case 'map': {
      const entries = new Map<string, Node>()
      for (const [key, value] of node.entries) entries.set(key, cloneNode(value))
      return { ...node, entries }
    }
  }
}

/** How many values a tree has, and how many characters of text. */
export function sizeOf(node: Node): { nodes: number; text: number } {
  let nodes = 1
  let text = 0
  const add = (child: Node): void => {
    const size = sizeOf(child)
    nodes += size.nodes
    text += size.text
  }
  if (node.kind === 'list') for (const item of node.items) add(item)
  else if (node.kind === 'map') {
    for (const [key, value] of node.entries) {
      text += key.length
      add(value)
    }
  } else if (typeof node.value === 'string') text += node.value.length
  return { nodes, text }
}

/** Same type and same content, wherever they stand. */
export function sameNode(a: Node, b: Node): boolean {
  if (a.kind === 'scalar') return b.kind === 'scalar' && a.type === b.type && a.value === b.value
  if (a.kind === 'list') {
    return b.kind === 'list' && a.items.length === b.items.length && a.items.every((x, i) => sameNode(x, b.items[i]!))
  }
  if (b.kind !== 'map' || a.entries.size !== b.entries.size) return false
  for (const [key, value] of a.entries) {
    const other = b.entries.get(key)
    if (other === undefined || !sameNode(value, other)) return false
  }
  return true
}

/** As {@link sizeOf}, of plain data. */
export function sizeOfPlain(value: unknown): { nodes: number; text: number } {
  if (typeof value === 'string') return { nodes: 1, text: value.length }
  if (typeof value !== 'object' || value === null) return { nodes: 1, text: 0 }
  let nodes = 1
  let text = 0
  for (const key of Object.keys(value)) {
    const size = sizeOfPlain(value[key as keyof typeof value])
    nodes += size.nodes
    text += size.text + (Array.isArray(value) ? 0 : key.length)
  }
  return { nodes, text }
}

/** The same text for {@link sameNode} trees only: to find them in long lists. */
export function identityOf(node: Node): string {
  switch (node.kind) {
    case 'scalar':
      return `${node.type} ${JSON.stringify(String(node.value))}`
    case 'list':
      return `[${node.items.map(identityOf).join()}]`
    case 'map': {
      const entries = [...node.entries].map(([key, value]) => `${JSON.stringify(key)}:${identityOf(value)}`)
      return `{${entries.sort().join()}}`
    }
  }
}

/** A scalar as Go's `%v` writes it, which is how Compose turns numbers and booleans into environment values. */
export function formatScalar(node: ScalarNode): string {
  if (node.type === 'float') return goFloat(node.value as number)
  return node.value === null ? '<nil>' : String(node.value)
}

/** Plain JSON data. Dates become RFC 3339 text. */
export function toPlain(node: Node): unknown {
  switch (node.kind) {
    case 'scalar':
      if (typeof node.value === 'bigint') return Number(node.value)
      return node.type === 'time' ? rfc3339(String(node.value)) : node.value
    case 'list':
      return node.items.map(toPlain)
    case 'map': {
      const plain: Record<string, unknown> = {}
      for (const [key, value] of node.entries) setKey(plain, key, toPlain(value))
      return plain
    }
  }
}

/** Assignment that takes `__proto__` for the ordinary key that it is here. */
export function setKey(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  } else {
    target[key] = value
  }
}

/** `services.web.ports[0]` */
export function formatPath(path: KeyPath): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else text += text === '' ? part : `.${part}`
  }
  return text
}

function rfc3339(text: string): string {
  const match = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[Tt ]([\d:.]+)(Z|[+-]\d\d:\d\d)?)?$/.exec(text)
  if (match === null) return text
  const two = (part: string): string => part.padStart(2, '0')
  const [hours = '0', minutes = '0', seconds = '0'] = (match[4] ?? '').split(':').map((part) => part || '0')
  const [whole = '0', fraction] = seconds.split('.')
  const clock = `${two(hours)}:${two(minutes)}:${two(whole)}${fraction === undefined ? '' : `.${fraction}`}`
  return `${match[1]}-${two(match[2]!)}-${two(match[3]!)}T${clock}${match[5] ?? 'Z'}`
}

/** Where a node's key, or the node itself, stands. */
export function placedText(node: Node): { file: string; line: number } {
  const { source, start, end } = node.keyAt ?? node.at
  return source.place(start, end)
}
