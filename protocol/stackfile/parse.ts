/**
 * YAML text to trees: types, aliases, merge keys and the tags `!reset` and `!override` are resolved here, by the rules of
 * Go's YAML library and within the budget.
 */
import { type Budget, LIMITS } from './budget.ts'
import type { Findings } from './findings.ts'
import { resolvePlain } from './scalars.ts'
import type { SourceText, Span } from './source-text.ts'
import { listNode, type MapNode, type Node, nullNode, type ScalarNode } from './tree.ts'
import { parseYaml, type YamlMap, type YamlNode, type YamlScalar } from './yaml/parser.ts'
import { YamlSyntaxError } from './yaml/syntax-error.ts'

/** One YAML document: its tree, and the paths that `!reset` and `!override` take away from what came before. */
export interface ParsedDocument {
  readonly root: Node
  readonly cleared: readonly (readonly string[])[]
}

/** Every document of the file; undefined where the YAML is broken, which is then among the findings. */
export function parseDocuments(source: SourceText, findings: Findings, budget: Budget): ParsedDocument[] | undefined {
  if (!isReadable(source, findings)) return undefined
  const before = findings.count
  const trees: ParsedDocument[] = []
  for (const document of readYaml(source, findings, budget)) {
    const tree = new Converter(source, findings, budget).document(document)
    if (tree !== undefined) trees.push(tree)
  }
  return findings.count > before ? undefined : trees
}

function readYaml(source: SourceText, findings: Findings, budget: Budget): YamlNode[] {
  let nodes = 0
  try {
    return parseYaml(source.text, {
      document: (start) => budget.spendDocument({ source, start, end: start + 1 }),
      node(start) {
        nodes += 1
        if (nodes > LIMITS.writtenNodes) budget.refuseWritten({ source, start, end: start + 1 })
      },
      inside: (start, depth, flowDepth) => budget.checkDepth(depth, flowDepth, { source, start, end: start + 1 }),
    })
  } catch (error) {
    if (!(error instanceof YamlSyntaxError)) throw error
    const { message, start, end, hint } = error
    findings.add(`YAML: ${message}`, { source, start, end }, { hint })
    return []
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that YAML forbids
const FORBIDDEN = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]/
/** Half a character, which is what {@link decodeText} makes of bytes that are no text. */
const BROKEN = /\p{Cs}/u

function isReadable(source: SourceText, findings: Findings): boolean {
  const { text } = source
  const control = FORBIDDEN.exec(text)
  if (control !== null) {
    const code = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')
    const { index } = control
    findings.add(`Control character U+${code} is not allowed in YAML`, { source, start: index, end: index + 1 })
    return false
  }
  const broken = BROKEN.exec(text)
  if (broken !== null) {
    const { index } = broken
    findings.add('The file is not valid UTF-8', { source, start: index, end: index + 1 }, { hint: 'Save it as UTF-8.' })
    return false
  }
  return true
}

class Converter {
  readonly #source: SourceText
  readonly #findings: Findings
  readonly #budget: Budget
  readonly #open = new Set<YamlNode>()
  readonly #path: string[] = []
  readonly #cleared: string[][] = []
  #depth = 0
  #flowDepth = 0
  /** The alias that is being expanded, which is what an error about its size is about. */
  #expanding: Span | undefined

  constructor(source: SourceText, findings: Findings, budget: Budget) {
    this.#source = source
    this.#findings = findings
    this.#budget = budget
  }

  document(document: YamlNode): ParsedDocument | undefined {
    const root = this.#convert(document)
    return root === undefined ? undefined : { root, cleared: this.#cleared }
  }

  /** Undefined where `!reset` took the node away or where it is in error. */
  #convert(node: YamlNode): Node | undefined {
    const at = this.#span(node)
    const blamed = this.#expanding ?? at
    this.#budget.spendNode(blamed)
    if (node.kind === 'alias') {
      const { target, name } = node
      if (target === undefined) this.#findings.add(`There is no anchor "${name}"`, at)
      else if (this.#open.has(target)) this.#findings.add(`Alias "${name}" stands inside of what it refers to`, at)
      else return this.#expand(target, at)
      return undefined
    }
    if (node.tag === '!reset') {
      this.#cleared.push([...this.#path])
      return undefined
    }
    if (node.tag === '!override') this.#cleared.push([...this.#path])
    if (node.kind === 'scalar') {
      const scalar = this.#scalar(node, at)
      if (typeof scalar.value === 'string') this.#budget.spendText(scalar.value.length, blamed)
      return scalar
    }
    this.#open.add(node)
    this.#enter(node.isFlow, blamed)
    let converted: Node
    if (node.kind === 'map') converted = this.#map(node, at)
    else {
      const items: Node[] = []
      for (const [index, item] of node.items.entries()) {
        const inner = this.#at(String(index), item)
        if (inner !== undefined) items.push(inner)
      }
      converted = listNode(items, at)
    }
    this.#leave(node.isFlow)
    this.#open.delete(node)
    return converted
  }

  /** What an alias stands for, as a tree of its own. */
  #expand(target: YamlNode, at: Span): Node | undefined {
    const outer = this.#expanding
    this.#expanding ??= at
    this.#enter(true, this.#expanding)
    const node = this.#convert(target)
    this.#leave(true)
    this.#expanding = outer
    return node
  }

  #enter(isFlow: boolean, blamed: Span): void {
    this.#depth += 1
    if (isFlow) this.#flowDepth += 1
    this.#budget.checkDepth(this.#depth, this.#flowDepth, blamed)
  }

  #leave(isFlow: boolean): void {
    this.#depth -= 1
    if (isFlow) this.#flowDepth -= 1
  }

  #at(key: string, node: YamlNode): Node | undefined {
    this.#path.push(key)
    const converted = this.#convert(node)
    this.#path.pop()
    return converted
  }

  #map(node: YamlMap, at: Span): MapNode {
    const map: MapNode = { kind: 'map', entries: new Map(), at }
    /** Where the keys stand that have no entry: merge keys, and what `!reset` took away. */
    let withoutEntry: Map<string, Span> | undefined
    let merged: YamlNode | undefined
    for (const { key: keyNode, value } of node.pairs) {
      const keyAt = this.#span(keyNode)
      const key = this.#key(keyNode, keyAt)
      if (key === undefined) continue
      const earlier = map.entries.get(key.text)?.keyAt ?? withoutEntry?.get(key.text)
      if (earlier !== undefined) {
        const { line } = earlier.source.place(earlier.start, earlier.end)
        this.#findings.add(`Key "${shortened(key.text)}" stands twice; it is already on line ${line}`, keyAt, {
          path: [...this.#path, key.text],
        })
        continue
      }
      const converted = key.isMerge ? undefined : this.#at(key.text, value)
      if (key.isMerge) merged = value
      if (converted === undefined) {
        withoutEntry ??= new Map()
        withoutEntry.set(key.text, keyAt)
        continue
      }
      converted.keyAt = keyAt
      map.entries.set(key.text, converted)
    }
    if (merged !== undefined) this.#merge(map, merged)
    return map
  }

  /** `<<`: keys of the map itself win, then those of the first map in the list. */
  #merge(map: MapNode, value: YamlNode): void {
    const at = this.#span(value)
    const target = value.kind === 'alias' ? value.target : value
    if (target === undefined) {
      this.#convert(value)
      return
    }
    if (this.#open.has(target)) {
      this.#findings.add('A merge key refers to the map that holds it', at)
      return
    }
    if (target.kind === 'list') {
      for (const item of target.items) {
        const resolved = item.kind === 'alias' ? item.target : item
        if (resolved !== undefined && resolved.kind !== 'map') this.#mergeError(this.#span(item))
        else this.#merge(map, item)
      }
      return
    }
    if (target.kind !== 'map') {
      this.#mergeError(at)
      return
    }
    const source = value.kind === 'alias' ? this.#expand(target, at) : this.#convert(target)
    if (source?.kind !== 'map') return
    for (const [key, node] of source.entries) if (!map.entries.has(key)) map.entries.set(key, node)
  }

  #mergeError(at: Span): void {
    this.#findings.add('A merge key "<<" takes a mapping or a list of mappings', at)
  }

  #key(node: YamlNode, at: Span): { text: string; isMerge: boolean } | undefined {
    const target = node.kind === 'alias' ? node.target : node
    const details = { path: this.#path }
    if (target === undefined) {
      this.#convert(node)
      return undefined
    }
    if (target.kind !== 'scalar') {
      this.#findings.add('A key must be text, not a list or a mapping', at, {
        ...details,
        hint: 'A value that begins with { or [ needs quotes.',
      })
      return undefined
    }
    const scalar = this.#scalar(target, at)
    if (scalar.type !== 'string') {
      const shown = shortened(this.#source.text.slice(at.start, node.end))
      this.#findings.add(`Key ${shown === '' ? '(empty)' : shown} is not text`, at, {
        ...details,
        hint: `Put it in quotes: "${shown}".`,
      })
      return undefined
    }
    const text = scalar.value as string
    this.#budget.spendText(text.length, this.#expanding ?? at)
    const isMerge = text === '<<' && (target.tag === undefined ? target.isPlain : shortTag(target.tag) === 'merge')
    return { text, isMerge }
  }

  #scalar(node: YamlScalar, at: Span): ScalarNode {
    const { text } = node
    const tag = node.tag === '!override' ? undefined : shortTag(node.tag)
    if (tag === undefined && node.isPlain) {
      if (text === '') return nullNode(at)
      const { type, value } = resolvePlain(text)
      return { kind: 'scalar', type, value, at }
    }
    const typed = tag === undefined ? undefined : TYPES[tag]
    if (typed === undefined) return { kind: 'scalar', type: 'string', value: text, at }
    const value = typed(text)
    if (value !== undefined) return { kind: 'scalar', ...value, at }
    this.#findings.add(`"${shortened(text)}" is not of type !!${tag}`, at)
    return { kind: 'scalar', type: 'string', value: text, at }
  }

  #span(node: YamlNode): Span {
    return { source: this.#source, start: node.start, end: Math.max(node.end, node.start + 1) }
  }
}

type TypedScalar = Pick<ScalarNode, 'type' | 'value'>

const resolvesTo =
  (type: ScalarNode['type']) =>
  (text: string): TypedScalar | undefined => {
    const resolved = resolvePlain(text)
    return resolved.type === type ? resolved : undefined
  }

/** What the tags of YAML's own types make of a text. Other tags, such as `!foo`, say nothing. */
const TYPES: Readonly<Record<string, (text: string) => TypedScalar | undefined>> = {
  str: (text) => ({ type: 'string', value: text }),
  bool: resolvesTo('bool'),
  int: resolvesTo('int'),
  null: resolvesTo('null'),
  timestamp: resolvesTo('time'),
  float: (text) => {
    const resolved = resolvePlain(text)
    if (resolved.type === 'int') return { type: 'float', value: Number(resolved.value) }
    return resolved.type === 'float' ? resolved : undefined
  },
  binary: (text) => {
    const base64 = text.replace(/[\r\n]/g, '')
    if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) return undefined
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
    return { type: 'string', value: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) }
  },
}

const CORE = 'tag:yaml.org,2002:'

const shortTag = (tag: string | undefined): string | undefined =>
  tag?.startsWith(CORE) === true ? tag.slice(CORE.length) : tag

const shortened = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}...` : text)
