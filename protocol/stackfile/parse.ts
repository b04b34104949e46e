/**
 * YAML text to trees. The `yaml` package finds the structure and the errors; types, aliases, merge keys and the tags
 * `!reset` and `!override` are resolved here, by the rules of Go's YAML library and within the budget.
 */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type ParsedNode,
  parseAllDocuments,
  type Scalar,
  type YAMLMap,
} from 'yaml'
import { type Budget, LIMITS } from './budget.ts'
import type { Findings } from './findings.ts'
import { resolvePlain } from './scalars.ts'
import type { SourceText, Span } from './source-text.ts'
import { listNode, type MapNode, type Node, nullNode, type ScalarNode } from './tree.ts'

/** One YAML document: its tree, and the paths that `!reset` and `!override` take away from what came before. */
export interface ParsedDocument {
  readonly root: Node
  readonly cleared: readonly (readonly string[])[]
}

/** Every document of the file; undefined where the YAML is broken, which is then among the findings. */
export function parseDocuments(source: SourceText, findings: Findings, budget: Budget): ParsedDocument[] | undefined {
  if (!isReadable(source, findings)) return undefined
  checkTokens(source, budget)
  let documents: Document.Parsed[]
  try {
    const parsed = parseAllDocuments(source.text, {
      schema: 'failsafe',
      uniqueKeys: false,
      merge: false,
      prettyErrors: false,
      strict: true,
      logLevel: 'silent',
    })
    documents = Array.isArray(parsed) ? (parsed as Document.Parsed[]) : []
  } catch (error) {
    // The composer recurses, so deep nesting overflows the stack before it can be counted.
    if (!(error instanceof RangeError)) throw error
    budget.checkDepth(Number.POSITIVE_INFINITY, start(source))
    return undefined
  }
  const before = findings.count
  for (const document of documents) {
    for (const error of document.errors) {
      const span = { source, start: error.pos[0], end: error.pos[1] }
      if (error.message.startsWith('Maximum call stack')) budget.checkDepth(Number.POSITIVE_INFINITY, span)
      findings.add(yamlMessage(error.message), span)
    }
    // Go's library knows no other, so a file that says 1.2 would not load in Compose.
    const { version, explicit } = document.directives?.yaml ?? {}
    if (explicit && version !== '1.1') {
      findings.add(`YAML version ${version} is not accepted`, start(source), { hint: 'Take the %YAML line away.' })
    }
  }
  if (findings.count > before) return undefined
  const trees: ParsedDocument[] = []
  for (const document of documents) {
    const converter = new Converter(source, findings, budget)
    const tree = converter.document(document)
    if (tree !== undefined) trees.push(tree)
  }
  return findings.count > before ? undefined : trees
}

/** Counts before anything is built: a hostile file of a few megabytes would take many seconds to compose. */
function checkTokens(source: SourceText, budget: Budget): void {
  let offset = 0
  let tokens = 0
  let open = 0
  let dashes = 0
  for (const token of new Lexer().lex(source.text)) {
    const first = token[0]
    if (token === '[' || token === '{') open += 1
    else if ((token === ']' || token === '}') && open > 0) open -= 1
    else if (token === '-' || token === '?') dashes += 1
    else if (first === '\n' || first === '\r') dashes = 0
    tokens += 1
    const at = { source, start: offset, end: offset + 1 }
    budget.checkDepth(Math.max(open, dashes), at)
    budget.checkTokens(tokens, at)
    offset += token.length
  }
}

const start = (source: SourceText): Span => ({ source, start: 0, end: 1 })

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that YAML forbids
const FORBIDDEN = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]/

function isReadable(source: SourceText, findings: Findings): boolean {
  const { text } = source
  // Characters are at most as many as bytes, so a file that passes the edge's own limit passes this one.
  if (text.length > LIMITS.fileBytes) {
    findings.add('The file is larger than 5 MB', start(source))
    return false
  }
  const control = FORBIDDEN.exec(text)
  if (control !== null) {
    const code = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')
    findings.add(`Control character U+${code} is not allowed in YAML`, {
      source,
      start: control.index,
      end: control.index + 1,
    })
    return false
  }
  const broken = text.indexOf('\uFFFD')
  if (broken !== -1) {
    findings.add(
      'The file is not valid UTF-8',
      { source, start: broken, end: broken + 1 },
      {
        hint: 'Save it as UTF-8.',
      },
    )
    return false
  }
  return true
}

const MAX_MESSAGE = 200

function yamlMessage(message: string): string {
  const line = message.split('\n')[0]!
  return `YAML: ${line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE)}...` : line}`
}

class Converter {
  readonly #source: SourceText
  readonly #findings: Findings
  readonly #budget: Budget
  readonly #targets = new Map<Alias, ParsedNode>()
  readonly #open = new Set<ParsedNode>()
  readonly #cleared: string[][] = []

  constructor(source: SourceText, findings: Findings, budget: Budget) {
    this.#source = source
    this.#findings = findings
    this.#budget = budget
  }

  document(document: Document.Parsed): ParsedDocument | undefined {
    const contents = document.contents as ParsedNode | null
    if (contents === null) return { root: nullNode(start(this.#source)), cleared: [] }
    this.#bindAliases(contents, new Map(), 0)
    this.#size(contents, new Map())
    if (this.#findings.count > 0 && this.#targets.size === 0 && isAlias(contents)) return undefined
    const root = this.#convert(contents, [], 0)
    return root === undefined ? undefined : { root, cleared: this.#cleared }
  }

  /** An alias means the anchor of its name that stands last before it, also where the name is used again later. */
  #bindAliases(node: ParsedNode, anchors: Map<string, ParsedNode>, depth: number): void {
    this.#budget.checkDepth(depth, this.#span(node))
    if (isAlias(node)) {
      const target = anchors.get(node.source)
      if (target === undefined) this.#findings.add(`There is no anchor "${node.source}"`, this.#span(node))
      else this.#targets.set(node, target)
      return
    }
    if (node.anchor !== undefined) anchors.set(node.anchor, node)
    if (isSeq(node)) {
      for (const item of node.items) this.#bindAliases(item as ParsedNode, anchors, depth + 1)
    } else if (isMap(node)) {
      for (const pair of node.items) {
        this.#bindAliases(pair.key as ParsedNode, anchors, depth + 1)
        if (pair.value !== null) this.#bindAliases(pair.value as ParsedNode, anchors, depth + 1)
      }
    }
  }

  /** How many values a node stands for, aliases expanded. Counting each target once refuses a bomb before it goes off. */
  #size(node: ParsedNode, sizes: Map<ParsedNode, number>): number {
    const known = sizes.get(node)
    if (known !== undefined) return known
    // A node that stands inside of itself counts as nothing here; the conversion reports it.
    sizes.set(node, 0)
    let size = 1
    if (isAlias(node)) {
      const target = this.#targets.get(node)
      if (target !== undefined) size += this.#size(target, sizes)
    } else if (isSeq(node)) {
      for (const item of node.items) size += this.#size(item as ParsedNode, sizes)
    } else if (isMap(node)) {
      for (const pair of node.items) if (pair.value !== null) size += this.#size(pair.value as ParsedNode, sizes)
    }
    sizes.set(node, size)
    this.#budget.checkNodes(size, this.#span(node))
    return size
  }

  /** Undefined where `!reset` took the node away or where it is in error. */
  #convert(node: ParsedNode, path: readonly string[], depth: number): Node | undefined {
    const at = this.#span(node)
    this.#budget.spendNode(at)
    this.#budget.checkDepth(depth, at)
    if (isAlias(node)) {
      const target = this.#targets.get(node)
      if (target === undefined) return undefined
      if (this.#open.has(target)) {
        this.#findings.add(`Alias "${node.source}" stands inside of what it refers to`, at)
        return undefined
      }
      return this.#convert(target, path, depth + 1)
    }
    if (node.tag === '!reset') {
      this.#cleared.push([...path])
      return undefined
    }
    if (node.tag === '!override') this.#cleared.push([...path])
    if (isScalar(node)) return this.#scalar(node as Scalar.Parsed, at)
    this.#open.add(node)
    try {
      if (isMap(node)) return this.#map(node as YAMLMap.Parsed, path, depth, at)
      const items: Node[] = []
      for (const [index, item] of node.items.entries()) {
        const converted = this.#convert(item as ParsedNode, [...path, String(index)], depth + 1)
        if (converted !== undefined) items.push(converted)
      }
      return listNode(items, at)
    } finally {
      this.#open.delete(node)
    }
  }

  #map(node: YAMLMap.Parsed, path: readonly string[], depth: number, at: Span): MapNode {
    const map: MapNode = { kind: 'map', entries: new Map(), at }
    const seen = new Map<string, Span>()
    let merged: ParsedNode | undefined
    for (const pair of node.items) {
      const keyNode = pair.key as ParsedNode
      const keyAt = this.#span(keyNode)
      const key = this.#key(keyNode, keyAt, path)
      if (key === undefined) continue
      const earlier = seen.get(key.text)
      if (earlier !== undefined) {
        const { line } = earlier.source.place(earlier.start, earlier.end)
        this.#findings.add(`Key "${key.text}" stands twice; it is already on line ${line}`, keyAt, {
          path: [...path, key.text],
        })
        continue
      }
      seen.set(key.text, keyAt)
      const value = pair.value as ParsedNode | null
      if (key.isMerge) {
        merged = value ?? undefined
        if (value === null) this.#mergeError(keyAt)
        continue
      }
      const converted =
        value === null ? nullNode({ ...keyAt, start: keyAt.end }) : this.#convert(value, [...path, key.text], depth + 1)
      if (converted === undefined) continue
      converted.keyAt = keyAt
      map.entries.set(key.text, converted)
    }
    if (merged !== undefined) this.#merge(map, merged, path, depth)
    return map
  }

  /** `<<`: keys of the map itself win, then those of the first map in the list. */
  #merge(map: MapNode, value: ParsedNode, path: readonly string[], depth: number): void {
    const target = isAlias(value) ? this.#targets.get(value) : value
    if (target === undefined) return
    if (this.#open.has(target)) {
      this.#findings.add('A merge key refers to the map that holds it', this.#span(value))
      return
    }
    if (isSeq(target)) {
      for (const item of target.items) {
        const resolved = isAlias(item) ? this.#targets.get(item) : (item as ParsedNode)
        if (resolved !== undefined && !isMap(resolved)) this.#mergeError(this.#span(item as ParsedNode))
        else this.#merge(map, item as ParsedNode, path, depth + 1)
      }
      return
    }
    if (!isMap(target)) {
      this.#mergeError(this.#span(value))
      return
    }
    const source = this.#convert(target as ParsedNode, path, depth + 1)
    if (source?.kind !== 'map') return
    for (const [key, node] of source.entries) if (!map.entries.has(key)) map.entries.set(key, node)
  }

  #mergeError(at: Span): void {
    this.#findings.add('A merge key "<<" takes a mapping or a list of mappings', at)
  }

  #key(node: ParsedNode, at: Span, path: readonly string[]): { text: string; isMerge: boolean } | undefined {
    const target = isAlias(node) ? this.#targets.get(node) : node
    if (target === undefined) return undefined
    if (!isScalar(target)) {
      this.#findings.add('A key must be text, not a list or a mapping', at, {
        path,
        hint: 'A value that begins with { or [ needs quotes.',
      })
      return undefined
    }
    const scalar = this.#scalar(target as Scalar.Parsed, at)
    if (scalar.type !== 'string') {
      const shown = this.#source.text.slice(at.start, at.end)
      this.#findings.add(`Key ${shown === '' ? '(empty)' : shown} is not text`, at, {
        path,
        hint: `Put it in quotes: "${shown}".`,
      })
      return undefined
    }
    const isMerge = scalar.value === '<<' && target.type === 'PLAIN' && target.tag === undefined
    return { text: scalar.value as string, isMerge }
  }

  #scalar(node: Scalar.Parsed, at: Span): ScalarNode {
    const text = node.source ?? String(node.value ?? '')
    const tag = node.tag === '!override' ? undefined : shortTag(node.tag)
    if (tag === undefined && (node.type === 'PLAIN' || node.type === undefined)) {
      return { kind: 'scalar', ...resolvePlain(text), at }
    }
    if (tag !== undefined && CORE_TAGS.has(tag)) {
      const resolved = resolvePlain(text)
      if (tag === 'str') return { kind: 'scalar', type: 'string', value: text, at }
      if (resolved.type === tag) return { kind: 'scalar', ...resolved, at }
      if (tag === 'float' && resolved.type === 'int') {
        return { kind: 'scalar', type: 'float', value: Number(resolved.value), at }
      }
      this.#findings.add(`"${text}" is not of type !!${tag}`, at)
    }
    return { kind: 'scalar', type: 'string', value: text, at }
  }

  #span(node: ParsedNode): Span {
    const [from, to] = node.range
    return { source: this.#source, start: from, end: Math.max(to, from + 1) }
  }
}

const CORE_TAGS = new Set(['str', 'bool', 'int', 'float', 'null'])

function shortTag(tag: string | undefined): string | undefined {
  if (tag === undefined) return undefined
  return tag.startsWith('tag:yaml.org,2002:') ? tag.slice('tag:yaml.org,2002:'.length) : tag
}
