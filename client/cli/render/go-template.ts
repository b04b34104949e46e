/**
 * Go's text/template, as far as `--format` of Docker's commands reaches: fields, methods, variables, pipelines, `if`, `with`,
 * `range`, comments, trim markers, Go's own functions and those of Docker's formatter. Not here: `define`, `template`,
 * `block`, `break`, `continue`. Source: https://pkg.go.dev/text/template and https://docs.docker.com/go/formatting/.
 */
import { Problem } from '../../../protocol/problems.ts'
import { FUNCTIONS, isTrue, shown } from './go-template-functions.ts'

/** Fields, and methods as functions of strings: `{{.Label "a.b"}}`. */
export type TemplateData = Readonly<Record<string, unknown>>

type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly pipeline: Pipeline }
  | { readonly kind: 'if' | 'with'; readonly pipeline: Pipeline; readonly then: Node[]; readonly otherwise: Node[] }
  | {
      readonly kind: 'range'
      readonly pipeline: Pipeline
      readonly key: string | undefined
      readonly item: string | undefined
      readonly then: Node[]
      readonly otherwise: Node[]
    }

/** Each command gets what the one before it answered as its last argument. */
interface Pipeline {
  readonly at: string
  readonly assign: string | undefined
  readonly commands: readonly (readonly Operand[])[]
}

type Operand =
  | { readonly kind: 'literal'; readonly value: unknown }
  | { readonly kind: 'function'; readonly name: string }
  /** A chain of fields from the dot, a variable or a pipeline in parentheses. */
  | { readonly kind: 'chain'; readonly from: 'dot' | Variable | Pipeline; readonly fields: readonly string[] }

interface Variable {
  readonly variable: string
}

/** Where a `range` goes through more than this, or a text grows beyond it, the template is refused: bytes or items. */
const OUTPUT_LIMIT = 16 * 1024 ** 2

export interface Template {
  /** `missing`: a field that is not there is an error, or Go's `<no value>`. */
  render(data: TemplateData, missing?: 'error' | 'no-value'): string
}

/** Problems: `bad-request` with Go's words, as Docker's commands print them. `type` is Go's name for the data. */
export function parseTemplate(source: string, type: string): Template {
  const parser = new Parser(source)
  const nodes = parser.parse()
  return { render: (data, missing = 'error') => new Run(data, type, missing).render(nodes) }
}

const wrong = (words: string): Problem => new Problem('bad-request', `template parsing error: template: ${words}`)

interface Token {
  readonly kind: 'word' | 'field' | 'variable' | 'string' | 'number' | 'punctuation'
  readonly text: string
  /** A field or parenthesis directly after what it belongs to. */
  readonly joined: boolean
}

type Piece = { readonly text: string } | { readonly tokens: readonly Token[]; readonly at: string }

const TOKEN =
  /(?<space>\s+)|(?<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?<char>'(?:[^'\\\n]|\\.)+')|(?<variable>\$[A-Za-z0-9_]*)|(?<field>\.[A-Za-z_][A-Za-z0-9_]*)|(?<number>[+-]?\d+(?:\.\d+)?)|(?<word>[A-Za-z_][A-Za-z0-9_]*)|(?<punctuation>:=|[.()|,=])/y

class Parser {
  readonly #pieces: Piece[] = []
  #next = 0

  constructor(source: string) {
    let line = 1
    let from = 0
    let trimsNext = false
    const count = (text: string) => {
      line += text.split('\n').length - 1
    }
    for (;;) {
      const open = source.indexOf('{{', from)
      let text = source.slice(from, open < 0 ? undefined : open)
      if (trimsNext) text = text.trimStart()
      count(source.slice(from, open < 0 ? undefined : open))
      if (open < 0) {
        this.#pieces.push({ text })
        return
      }
      let inside = open + 2
      const trims = /^-\s/.test(source.slice(inside, inside + 2))
      if (trims) {
        text = text.trimEnd()
        inside += 1
      }
      this.#pieces.push({ text })
      const comment = /^\s*\/\*[\s\S]*?\*\/\s*?(?<trim>\s-)?\}\}/.exec(source.slice(inside))
      if (comment !== null) {
        trimsNext = comment.groups?.trim !== undefined
        from = inside + comment[0].length
        continue
      }
      const { tokens, end, trim } = tokensFrom(source, inside, line)
      const column = open - source.lastIndexOf('\n', open - 1) - 1
      this.#pieces.push({ tokens, at: `:${line}:${column + 2}` })
      trimsNext = trim
      count(source.slice(open, end))
      from = end
    }
  }

  parse(): Node[] {
    const { nodes, end } = this.#list()
    if (end !== undefined) throw wrong(`${end.at}: unexpected {{${end.word}}}`)
    return nodes
  }

  /** Until the end of the text, or an `else` or `end`, which it takes. */
  #list(): { nodes: Node[]; end?: { word: 'else' | 'end'; rest: readonly Token[]; at: string } } {
    const nodes: Node[] = []
    while (this.#next < this.#pieces.length) {
      const piece = this.#pieces[this.#next]!
      this.#next += 1
      if ('text' in piece) {
        if (piece.text !== '') nodes.push({ kind: 'text', text: piece.text })
        continue
      }
      const [first, ...rest] = piece.tokens
      const word = first?.kind === 'word' ? first.text : ''
      if (word === 'else' || word === 'end') return { nodes, end: { word, rest, at: piece.at } }
      if (word === 'if' || word === 'with' || word === 'range') nodes.push(this.#branch(word, rest, piece.at))
      else if (UNSUPPORTED.has(word)) throw wrong(`${piece.at}: {{${word}}} is not known here`)
      else nodes.push({ kind: 'print', pipeline: new PipelineParser(piece.tokens, piece.at).parse() })
    }
    return { nodes }
  }

  #branch(kind: 'if' | 'with' | 'range', tokens: readonly Token[], at: string): Node {
    const names = kind === 'range' ? rangeNames(tokens) : { rest: tokens, key: undefined, item: undefined }
    const pipeline = new PipelineParser(names.rest, at).parse()
    const { nodes: then, end } = this.#list()
    if (end === undefined) throw wrong(`${at}: unexpected EOF: {{${kind}}} has no {{end}}`)
    let otherwise: Node[] = []
    if (end.word === 'else') {
      const [next, ...rest] = end.rest
      if (next?.kind === 'word' && (next.text === 'if' || next.text === 'with')) {
        // `{{else if}}` shares the one `{{end}}`.
        otherwise = [this.#branch(next.text, rest, end.at)]
      } else {
        const last = this.#list()
        if (last.end?.word !== 'end') throw wrong(`${end.at}: {{else}} has no {{end}}`)
        otherwise = last.nodes
      }
    }
    return kind === 'range'
      ? { kind, pipeline, key: names.key, item: names.item, then, otherwise }
      : { kind, pipeline, then, otherwise }
  }
}

const UNSUPPORTED = new Set(['define', 'template', 'block', 'break', 'continue'])

/** The tokens of an action up to its `}}`. */
function tokensFrom(source: string, from: number, line: number): { tokens: Token[]; end: number; trim: boolean } {
  const tokens: Token[] = []
  let joined = false
  for (let at = from; ; ) {
    const close = /^(\s-)?\}\}/.exec(source.slice(at, at + 4))
    if (close !== null) return { tokens, end: at + close[0].length, trim: close[1] !== undefined }
    TOKEN.lastIndex = at
    const groups = TOKEN.exec(source)?.groups
    if (groups === undefined) {
      if (at >= source.length) throw wrong(`:${line}: unclosed action`)
      throw wrong(`:${line}: unexpected "${source[at]}" in action`)
    }
    at = TOKEN.lastIndex
    if (groups.space !== undefined) {
      joined = false
      continue
    }
    const [kind, text] = Object.entries(groups).find(([, value]) => value !== undefined) as [string, string]
    if (kind === 'char') tokens.push({ kind: 'number', text: String(unquote(text).codePointAt(0)), joined })
    else tokens.push({ kind: kind as Token['kind'], text, joined })
    joined = true
  }
}

/** `$index, $item := pipeline` */
function rangeNames(tokens: readonly Token[]) {
  const [first, second, third, fourth] = tokens
  if (first?.kind === 'variable' && second?.text === ':=') {
    return { rest: tokens.slice(2), key: undefined, item: first.text }
  }
  if (
    first?.kind === 'variable' &&
    second?.text === ',' &&
    third?.kind === 'variable' &&
    (fourth?.text === ':=' || fourth?.text === '=')
  ) {
    return { rest: tokens.slice(4), key: first.text, item: third.text }
  }
  return { rest: tokens, key: undefined, item: undefined }
}

class PipelineParser {
  readonly #tokens: readonly Token[]
  readonly #at: string
  #next = 0

  constructor(tokens: readonly Token[], at: string) {
    this.#tokens = tokens
    this.#at = at
  }

  parse(): Pipeline {
    const [first, second] = this.#tokens
    const assign =
      first?.kind === 'variable' && (second?.text === ':=' || second?.text === '=') ? first.text : undefined
    if (assign !== undefined) this.#next = 2
    const pipeline = { ...this.#pipeline(), assign }
    if (this.#next < this.#tokens.length) throw this.#unexpected()
    return pipeline
  }

  #pipeline(): Pipeline {
    const commands: Operand[][] = []
    for (;;) {
      const command: Operand[] = []
      for (let operand = this.#operand(); operand !== undefined; operand = this.#operand()) command.push(operand)
      if (command.length === 0) throw wrong(`${this.#at}: missing value for command`)
      commands.push(command)
      if (this.#tokens[this.#next]?.text !== '|' || this.#tokens[this.#next]?.kind !== 'punctuation') break
      this.#next += 1
    }
    return { at: this.#at, assign: undefined, commands }
  }

  #operand(): Operand | undefined {
    const token = this.#tokens[this.#next]
    if (token === undefined) return undefined
    this.#next += 1
    switch (token.kind) {
      case 'string':
        return { kind: 'literal', value: unquote(token.text) }
      case 'number':
        return { kind: 'literal', value: Number(token.text) }
      case 'variable':
        return { kind: 'chain', from: { variable: token.text }, fields: this.#fields() }
      case 'field':
        return { kind: 'chain', from: 'dot', fields: [token.text.slice(1), ...this.#fields()] }
      case 'word':
        if (token.text === 'true' || token.text === 'false') return { kind: 'literal', value: token.text === 'true' }
        if (token.text === 'nil') return { kind: 'literal', value: undefined }
        if (!FUNCTIONS.has(token.text))
          throw wrong(`${this.#at.split(':').slice(0, 2).join(':')}: function "${token.text}" not defined`)
        return { kind: 'function', name: token.text }
      case 'punctuation':
        if (token.text === '.') return { kind: 'chain', from: 'dot', fields: [] }
        if (token.text === '(') {
          const inner = this.#pipeline()
          if (this.#tokens[this.#next]?.text !== ')') throw wrong(`${this.#at}: unclosed left paren`)
          this.#next += 1
          return { kind: 'chain', from: inner, fields: this.#fields() }
        }
        this.#next -= 1
        if (token.text === '|' || token.text === ')') return undefined
        throw this.#unexpected()
    }
  }

  /** Fields that follow without a space. */
  #fields(): string[] {
    const fields: string[] = []
    for (;;) {
      const token = this.#tokens[this.#next]
      if (token?.kind !== 'field' || !token.joined) return fields
      fields.push(token.text.slice(1))
      this.#next += 1
    }
  }

  #unexpected(): Problem {
    return wrong(`${this.#at}: unexpected "${this.#tokens[this.#next]?.text}" in operand`)
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' }

function unquote(literal: string): string {
  const inside = literal.slice(1, -1)
  if (literal.startsWith('`')) return inside
  return inside.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/g,
    (_, x?: string, u?: string, U?: string, other?: string) => {
      const code = x ?? u ?? U
      if (code === undefined) return ESCAPES[other!] ?? other!
      const point = Number.parseInt(code, 16)
      return point > 0x10ffff ? '\ufffd' : String.fromCodePoint(point)
    },
  )
}

class Run {
  readonly #root: TemplateData
  readonly #type: string
  readonly #missing: 'error' | 'no-value'
  readonly #scopes: Map<string, unknown>[] = []
  /** Where the present action stands: `:LINE:COLUMN`. */
  #at = ''
  #output = ''

  constructor(data: TemplateData, type: string, missing: 'error' | 'no-value') {
    this.#root = data
    this.#type = type
    this.#missing = missing
    this.#scopes.push(new Map<string, unknown>([['$', data]]))
  }

  render(nodes: readonly Node[]): string {
    this.#walk(nodes, this.#root)
    return this.#output
  }

  #walk(nodes: readonly Node[], dot: unknown): void {
    this.#scopes.push(new Map())
    for (const node of nodes) this.#node(node, dot)
    this.#scopes.pop()
  }

  #node(node: Node, dot: unknown): void {
    switch (node.kind) {
      case 'text':
        this.#write(node.text)
        return
      case 'print': {
        const value = this.#evaluate(node.pipeline, dot)
        if (node.pipeline.assign === undefined) this.#write(shown(value))
        return
      }
      case 'if':
      case 'with': {
        this.#scopes.push(new Map())
        const value = this.#evaluate(node.pipeline, dot)
        this.#walk(isTrue(value) ? node.then : node.otherwise, node.kind === 'with' && isTrue(value) ? value : dot)
        this.#scopes.pop()
        return
      }
      case 'range':
        this.#range(node, dot)
    }
  }

  #range(node: Extract<Node, { kind: 'range' }>, dot: unknown): void {
    const value = this.#evaluate(node.pipeline, dot)
    const entries = Array.isArray(value)
      ? value.map((item, index) => [index, item] as const)
      : typeof value === 'object' && value !== null
        ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
        : undefined
    if (entries === undefined && value !== undefined && value !== null) {
      throw wrong(`${this.#at}: executing "": range can't iterate over ${shown(value)}`)
    }
    if (entries === undefined || entries.length === 0) {
      this.#walk(node.otherwise, dot)
      return
    }
    for (const [key, item] of entries) {
      const scope = new Map<string, unknown>()
      if (node.key !== undefined) scope.set(node.key, key)
      if (node.item !== undefined) scope.set(node.item, item)
      this.#scopes.push(scope)
      this.#walk(node.then, item)
      this.#scopes.pop()
    }
  }

  #write(text: string): void {
    if (this.#output.length + text.length > OUTPUT_LIMIT) {
      throw new Problem('bad-request', `the template prints more than ${OUTPUT_LIMIT / 1024 ** 2} MiB`)
    }
    this.#output += text
  }

  #evaluate(pipeline: Pipeline, dot: unknown): unknown {
    let value: unknown
    this.#at = pipeline.at
    pipeline.commands.forEach((command, index) => {
      value = this.#command(command, dot, index === 0 ? [] : [value])
    })
    if (pipeline.assign !== undefined) this.#assign(pipeline.assign, value)
    return value
  }

  #assign(name: string, value: unknown): void {
    const scope = this.#scopes.findLast((candidate) => candidate.has(name)) ?? this.#scopes.at(-1)!
    scope.set(name, value)
  }

  #command([head, ...rest]: readonly Operand[], dot: unknown, piped: readonly unknown[]): unknown {
    if (head === undefined) return undefined
    const given = () => [...rest.map((operand) => this.#value(operand, dot, [])), ...piped]
    if (head.kind === 'function') {
      if (head.name === 'and' || head.name === 'or') return this.#shortCut(head.name, rest, dot, piped)
      try {
        return FUNCTIONS.get(head.name)!(...given())
      } catch (error) {
        if (error instanceof Problem) throw error
        throw wrong(`${this.#at}: executing "": error calling ${head.name}: ${(error as Error).message}`)
      }
    }
    return this.#value(head, dot, given())
  }

  /** Go looks no further than it must. */
  #shortCut(name: 'and' | 'or', rest: readonly Operand[], dot: unknown, piped: readonly unknown[]): unknown {
    let value: unknown
    for (const operand of rest) {
      value = this.#value(operand, dot, [])
      if (isTrue(value) === (name === 'or')) return value
    }
    return piped.length > 0 ? piped[0] : value
  }

  /** A method takes what stands after it. */
  #value(operand: Operand, dot: unknown, given: readonly unknown[]): unknown {
    if (operand.kind === 'literal') return operand.value
    if (operand.kind === 'function') return FUNCTIONS.get(operand.name)!()
    const { from, fields } = operand
    let value = from === 'dot' ? dot : 'variable' in from ? this.#variable(from.variable) : this.#evaluate(from, dot)
    fields.forEach((field, index) => {
      const owner = value
      value = this.#field(owner, field)
      if (typeof value === 'function') value = value.apply(owner, index === fields.length - 1 ? given : [])
    })
    return value
  }

  #variable(name: string): unknown {
    const scope = this.#scopes.findLast((candidate) => candidate.has(name))
    if (scope === undefined) throw wrong(`${this.#at}: undefined variable "${name}"`)
    return scope.get(name)
  }

  #field(owner: unknown, field: string): unknown {
    if (typeof owner === 'object' && owner !== null && Object.hasOwn(owner, field)) {
      return (owner as Record<string, unknown>)[field]
    }
    if (this.#missing === 'no-value') return undefined
    const type = owner === this.#root ? this.#type : typeof owner === 'string' ? 'string' : 'interface {}'
    throw wrong(`${this.#at}: executing "" at <.${field}>: can't evaluate field ${field} in type ${type}`)
  }
}
