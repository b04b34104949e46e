/** YAML tokens to nodes, by the grammar of libyaml. Aliases are bound, not expanded; tags are resolved, not applied. */
import { Scanner } from './scanner.ts'
import { YamlSyntaxError } from './syntax-error.ts'
import type { Token, TokenKind } from './token.ts'

interface Placed {
  readonly start: number
  end: number
  readonly tag: string | undefined
}

export interface YamlScalar extends Placed {
  readonly kind: 'scalar'
  readonly text: string
  readonly isPlain: boolean
}

export interface YamlList extends Placed {
  readonly kind: 'list'
  readonly isFlow: boolean
  readonly items: YamlNode[]
}

export interface YamlMap extends Placed {
  readonly kind: 'map'
  readonly isFlow: boolean
  readonly pairs: { readonly key: YamlNode; readonly value: YamlNode }[]
}

export interface YamlAlias extends Placed {
  readonly kind: 'alias'
  readonly name: string
  /** The anchor of that name that stands last before it; undefined where there is none. */
  readonly target: YamlNode | undefined
}

export type YamlNode = YamlScalar | YamlList | YamlMap | YamlAlias

/** Told of what comes; throws where it is too much. */
export interface NodeGuard {
  document(start: number): void
  node(start: number): void
  /** A list or a mapping begins, `depth` deep, and `flowDepth` deep in brackets. */
  inside(start: number, depth: number, flowDepth: number): void
}

/** The documents of a text, as many as there are; none where it is empty. Throws {@link YamlSyntaxError}. */
export function parseYaml(text: string, guard: NodeGuard): YamlNode[] {
  return new Parser(text, guard).documents()
}

type Block = 'block' | 'block-or-indentless' | 'flow'

const CORE = 'tag:yaml.org,2002:'

class Parser {
  readonly #scanner: Scanner
  readonly #guard: NodeGuard
  /** They outlive their document, in Go's library. */
  readonly #anchors = new Map<string, YamlNode>()
  #handles = new Map<string, string>()
  #depth = 0
  #flowDepth = 0

  constructor(text: string, guard: NodeGuard) {
    this.#scanner = new Scanner(text)
    this.#guard = guard
  }

  documents(): YamlNode[] {
    const documents: YamlNode[] = []
    for (let isFirst = true; ; isFirst = false) {
      if (!isFirst) while (this.#is('document-end')) this.#scanner.take()
      if (this.#is('stream-end')) return documents
      this.#guard.document(this.#scanner.peek().start)
      this.#handles = new Map([
        ['!', '!'],
        ['!!', CORE],
      ])
      const isBare =
        isFirst && !this.#is('document-start') && !this.#is('version-directive') && !this.#is('tag-directive')
      if (!isBare) this.#documentStart()
      documents.push(this.#documentContent())
      if (this.#is('document-end')) this.#scanner.take()
    }
  }

  #is(kind: TokenKind): boolean {
    return this.#scanner.peek().kind === kind
  }

  #isOneOf(kinds: ReadonlySet<TokenKind>): boolean {
    return kinds.has(this.#scanner.peek().kind)
  }

  #documentStart(): void {
    let hasVersion = false
    for (;;) {
      const token = this.#scanner.peek()
      if (token.kind === 'version-directive') {
        if (hasVersion) throw new YamlSyntaxError('%YAML stands twice', token.start, token.end)
        hasVersion = true
        // Go's library knows no other, so a file that says 1.2 would not load in Compose.
        if (token.text !== '1.1') {
          throw new YamlSyntaxError(
            `YAML version ${token.text} is not accepted`,
            token.start,
            token.end,
            'Take the %YAML line away.',
          )
        }
      } else if (token.kind === 'tag-directive') {
        const { handle, suffix } = token.tag!
        if (!/^!(?:[\w-]*!)?$/.test(handle)) {
          throw new YamlSyntaxError('%TAG takes a handle such as !e!', token.start, token.end)
        }
        this.#handles.set(handle, suffix)
      } else break
      this.#scanner.take()
    }
    const token = this.#scanner.peek()
    if (token.kind !== 'document-start') {
      throw new YamlSyntaxError('A document begins with ---', token.start, token.start + 1)
    }
    this.#scanner.take()
  }

  #documentContent(): YamlNode {
    const token = this.#scanner.peek()
    return DOCUMENT_ENDS.has(token.kind) ? empty(token.start) : this.#node('block')
  }

  #node(context: Block): YamlNode {
    const first = this.#scanner.peek()
    this.#guard.node(first.start)
    if (first.kind === 'alias') {
      this.#scanner.take()
      const { text: name, start, end } = first
      return { kind: 'alias', name, target: this.#anchors.get(name), start, end, tag: undefined }
    }
    let anchor: string | undefined
    let tag: string | undefined
    let { end } = first
    for (let token = first; ; token = this.#scanner.peek()) {
      if (token.kind === 'anchor' && anchor === undefined) anchor = token.text
      else if (token.kind === 'tag' && tag === undefined) tag = this.#resolveTag(token)
      else break
      end = token.end
      this.#scanner.take()
    }
    const token = this.#scanner.peek()
    // `!` alone says nothing that the scalar itself does not say.
    const isUntagged = tag === '!'
    if (isUntagged) tag = undefined
    if (token.kind === 'scalar') {
      this.#scanner.take()
      const isPlain = token.isPlain || isUntagged
      return this.#bind(anchor, { kind: 'scalar', text: token.text, isPlain, start: token.start, end: token.end, tag })
    }
    const { start } = token
    if (context === 'block-or-indentless' && token.kind === 'block-entry') {
      return this.#indentlessList(
        this.#bind(anchor, { kind: 'list', isFlow: false, items: [], start, end: start, tag }),
      )
    }
    if (token.kind === 'flow-sequence-start') {
      return this.#flowList(this.#bind(anchor, { kind: 'list', isFlow: true, items: [], start, end: start, tag }))
    }
    if (token.kind === 'flow-mapping-start') {
      return this.#flowMap(this.#bind(anchor, { kind: 'map', isFlow: true, pairs: [], start, end: start, tag }))
    }
    if (context !== 'flow' && token.kind === 'block-sequence-start') {
      return this.#blockList(this.#bind(anchor, { kind: 'list', isFlow: false, items: [], start, end: start, tag }))
    }
    if (context !== 'flow' && token.kind === 'block-mapping-start') {
      return this.#blockMap(this.#bind(anchor, { kind: 'map', isFlow: false, pairs: [], start, end: start, tag }))
    }
    if (anchor !== undefined || tag !== undefined || isUntagged) {
      return this.#bind(anchor, { kind: 'scalar', text: '', isPlain: true, start: first.start, end, tag })
    }
    throw new YamlSyntaxError(
      token.kind === 'stream-end' ? 'The file ends where a value should stand' : 'A value should stand here',
      token.start,
      Math.max(token.end, token.start + 1),
    )
  }

  /** An anchor names its node from its start on, so that an alias inside of it finds it. */
  #bind<T extends YamlNode>(anchor: string | undefined, node: T): T {
    if (anchor !== undefined) this.#anchors.set(anchor, node)
    return node
  }

  #resolveTag({ tag, start, end }: Token): string {
    const { handle, suffix } = tag!
    if (handle === '') return suffix
    const prefix = this.#handles.get(handle)
    if (prefix === undefined) throw new YamlSyntaxError(`There is no tag handle ${handle}`, start, end)
    return prefix + suffix
  }

  /** Goes down by one level while `read` reads what is inside. */
  #inside<T extends YamlList | YamlMap>(node: T, read: () => void): T {
    this.#depth += 1
    if (node.isFlow) this.#flowDepth += 1
    this.#guard.inside(node.start, this.#depth, this.#flowDepth)
    read()
    this.#depth -= 1
    if (node.isFlow) this.#flowDepth -= 1
    return node
  }

  #blockList(list: YamlList): YamlList {
    return this.#inside(list, () => {
      this.#scanner.take()
      while (this.#is('block-entry')) {
        const { end } = this.#scanner.take()
        list.items.push(this.#isOneOf(ENTRY_ENDS) ? this.#empty(end) : this.#node('block'))
        list.end = list.items.at(-1)!.end
      }
      const token = this.#scanner.take()
      if (token.kind === 'block-end') return
      throw misplaced('A list goes on with "-"', token)
    })
  }

  /** A list that is indented no deeper than the key that holds it. */
  #indentlessList(list: YamlList): YamlList {
    return this.#inside(list, () => {
      while (this.#is('block-entry')) {
        const { end } = this.#scanner.take()
        list.items.push(this.#isOneOf(INDENTLESS_ENTRY_ENDS) ? this.#empty(end) : this.#node('block'))
        list.end = list.items.at(-1)!.end
      }
    })
  }

  #blockMap(map: YamlMap): YamlMap {
    return this.#inside(map, () => {
      this.#scanner.take()
      while (this.#is('key')) {
        const mark = this.#scanner.take()
        const key = this.#isOneOf(PART_ENDS) ? this.#empty(mark.end) : this.#node('block-or-indentless')
        let value: YamlNode
        if (this.#is('value')) {
          this.#scanner.take()
          value = this.#isOneOf(PART_ENDS) ? this.#empty(key.end) : this.#node('block-or-indentless')
        } else value = this.#empty(key.end)
        map.pairs.push({ key, value })
        map.end = value.end
      }
      const token = this.#scanner.take()
      if (token.kind === 'block-end') return
      throw misplaced('A mapping goes on with a key at the indentation of its first one', token)
    })
  }

  #flowList(list: YamlList): YamlList {
    return this.#inside(list, () => {
      this.#scanner.take()
      while (this.#goesOn(list, 'flow-sequence-end', '"," or "]"')) {
        list.items.push(this.#is('key') ? this.#pairInList() : this.#node('flow'))
      }
      list.end = this.#scanner.take().end
    })
  }

  /** `[a: b]` is a list of one mapping. */
  #pairInList(): YamlMap {
    const mark = this.#scanner.take()
    this.#guard.node(mark.start)
    const map: YamlMap = { kind: 'map', isFlow: true, pairs: [], start: mark.start, end: mark.end, tag: undefined }
    return this.#inside(map, () => {
      const key = this.#isOneOf(PAIR_ENDS) ? this.#empty(mark.end) : this.#node('flow')
      const value = this.#flowValue(key.end, LIST_VALUE_ENDS)
      map.pairs.push({ key, value })
      map.end = value.end
    })
  }

  #flowMap(map: YamlMap): YamlMap {
    return this.#inside(map, () => {
      this.#scanner.take()
      while (this.#goesOn(map, 'flow-mapping-end', '"," or "}"')) {
        if (this.#is('key')) {
          const mark = this.#scanner.take()
          const key = this.#isOneOf(FLOW_KEY_ENDS) ? this.#empty(mark.end) : this.#node('flow')
          map.pairs.push({ key, value: this.#flowValue(key.end, MAP_VALUE_ENDS) })
        } else {
          const key = this.#node('flow')
          map.pairs.push({ key, value: this.#empty(key.end) })
        }
      }
      map.end = this.#scanner.take().end
    })
  }

  /** Takes the comma before a further item; false at the end of the collection. */
  #goesOn(node: YamlList | YamlMap, end: TokenKind, wanted: string): boolean {
    if (this.#is(end)) return false
    const isFirst = node.kind === 'list' ? node.items.length === 0 : node.pairs.length === 0
    if (!isFirst && this.#is('flow-entry')) {
      this.#scanner.take()
      if (this.#is(end)) return false
    } else if (!isFirst && !this.#isOneOf(DOCUMENT_ENDS)) {
      const token = this.#scanner.peek()
      throw new YamlSyntaxError(`${wanted} should stand here`, token.start, Math.max(token.end, token.start + 1))
    }
    if (this.#isOneOf(DOCUMENT_ENDS)) {
      throw new YamlSyntaxError(`This ${node.kind === 'list' ? '[' : '{'} is not closed`, node.start)
    }
    return true
  }

  #flowValue(at: number, ends: ReadonlySet<TokenKind>): YamlNode {
    if (!this.#is('value')) return this.#empty(at)
    this.#scanner.take()
    return this.#isOneOf(ends) ? this.#empty(at) : this.#node('flow')
  }

  #empty(at: number): YamlScalar {
    this.#guard.node(at)
    return empty(at)
  }
}

const empty = (at: number): YamlScalar => ({
  kind: 'scalar',
  text: '',
  isPlain: true,
  start: at,
  end: at,
  tag: undefined,
})

function misplaced(what: string, token: Token): YamlSyntaxError {
  const end = Math.max(token.end, token.start + 1)
  return new YamlSyntaxError(what, token.start, end, 'Check the indentation and the quotes.')
}

const kinds = (...names: TokenKind[]): ReadonlySet<TokenKind> => new Set(names)

const DOCUMENT_ENDS = kinds('version-directive', 'tag-directive', 'document-start', 'document-end', 'stream-end')
const ENTRY_ENDS = kinds('block-entry', 'block-end')
const INDENTLESS_ENTRY_ENDS = kinds('block-entry', 'key', 'value', 'block-end')
const PART_ENDS = kinds('key', 'value', 'block-end')
const PAIR_ENDS = kinds('value', 'flow-entry', 'flow-sequence-end')
const LIST_VALUE_ENDS = kinds('flow-entry', 'flow-sequence-end')
const FLOW_KEY_ENDS = kinds('value', 'flow-entry', 'flow-mapping-end')
const MAP_VALUE_ENDS = kinds('flow-entry', 'flow-mapping-end')
