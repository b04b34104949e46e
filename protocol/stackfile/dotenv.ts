/**
 * `.env` files in Compose's dialect: `export K=V` and `K: V`, single quotes literal, double quotes with escapes and
 * variables, values over several lines, comments after white space, a bare `K` that takes the value of the environment.
 */
import type { SourceText, Span } from './source-text.ts'
import { type Filling, substitute, TemplateError } from './template.ts'

/** What is wrong with an env file, and where. */
export class EnvFileError extends Error {
  override readonly name = 'EnvFileError'
  readonly at: Span
  readonly hint: string | undefined

  constructor(message: string, at: Span, hint?: string) {
    super(message)
    this.at = at
    this.hint = hint
  }
}

/**
 * Adds the variables of a file to `variables`. `filling.lookup` comes first when a value refers to another variable, then
 * what the file itself said before. Throws {@link EnvFileError}.
 */
export function readDotenv(source: SourceText, variables: Map<string, string>, filling: Filling): void {
  new DotenvReader(source, variables, filling).read()
}

// Unicode white space without the line break.
const BLANK = new Set(['\t', '\v', '\f', '\r', ' ', '\u0085', '\u00A0'])
const isKeyCharacter = (character: string): boolean =>
  (character >= 'A' && character <= 'Z') ||
  (character >= 'a' && character <= 'z') ||
  (character >= '0' && character <= '9') ||
  /^[\p{L}\p{N}_.\-[\]]$/u.test(character)

class DotenvReader {
  readonly #source: SourceText
  readonly #text: string
  readonly #variables: Map<string, string>
  readonly #filling: Filling
  #at = 0

  constructor(source: SourceText, variables: Map<string, string>, filling: Filling) {
    this.#source = source
    this.#text = source.text
    this.#variables = variables
    this.#filling = filling
  }

  read(): void {
    while (this.#toNextStatement()) {
      const keyStart = this.#at
      this.#filling.budget.spendNode(this.#span(keyStart, keyStart + 1))
      const key = this.#key()
      if (key.name.includes(' ')) {
        throw new EnvFileError('A variable name cannot contain a space', this.#span(keyStart, this.#at))
      }
      if (key.isBare) {
        const inherited = this.#filling.lookup(key.name)
        if (inherited !== undefined) this.#variables.set(key.name, inherited)
      } else {
        this.#variables.set(key.name, this.#value())
      }
    }
  }

  #toNextStatement(): boolean {
    for (;;) {
      while (this.#at < this.#text.length && /\s/u.test(this.#text[this.#at]!)) this.#at += 1
      if (this.#at >= this.#text.length) return false
      if (this.#text[this.#at] !== '#') return true
      const lineEnd = this.#text.indexOf('\n', this.#at)
      if (lineEnd === -1) return false
      this.#at = lineEnd
    }
  }

  #key(): { name: string; isBare: boolean } {
    const exported = /^export\s+/.exec(this.#text.slice(this.#at, this.#at + 64))
    if (exported !== null) {
      this.#at += 'export'.length
      this.#skipBlanks()
    }
    const start = this.#at
    for (let i = start; i < this.#text.length; i++) {
      const character = String.fromCodePoint(this.#text.codePointAt(i)!)
      if (character === '=' || character === ':' || character === '\n') {
        this.#at = i + 1
        this.#skipBlanks()
        return { name: this.#text.slice(start, i).trimEnd(), isBare: character === '\n' }
      }
      if (!BLANK.has(character) && !isKeyCharacter(character)) {
        const line = this.#text.slice(start).split('\n', 1)[0]!
        throw new EnvFileError(
          `Unexpected character "${character}" in variable name "${line.slice(0, 60).trimEnd()}"`,
          this.#span(i, i + 1),
        )
      }
      i += character.length - 1
    }
    // The last line, with a name and no line break: Compose takes the name for a value; here it is a bare name.
    this.#at = this.#text.length
    return { name: this.#text.slice(start).trimEnd(), isBare: true }
  }

  #skipBlanks(): void {
    while (this.#at < this.#text.length && BLANK.has(this.#text[this.#at]!)) this.#at += 1
  }

  #value(): string {
    const quote = this.#text[this.#at]
    if (quote === '"' || quote === "'") return this.#quoted(quote)
    const lineEnd = this.#text.indexOf('\n', this.#at)
    const end = lineEnd === -1 ? this.#text.length : lineEnd
    const start = this.#at
    const line = this.#text.slice(start, end)
    this.#at = Math.min(end + 1, this.#text.length)
    const comment = line.indexOf(' #')
    return this.#expand((comment === -1 ? line : line.slice(0, comment)).trimEnd(), start, end)
  }

  #quoted(quote: string): string {
    const start = this.#at
    const parts: string[] = []
    for (let i = start + 1; i < this.#text.length; i++) {
      const character = this.#text[i]!
      if (character === '\\') {
        const next = this.#text[i + 1]
        if (next === undefined) break
        parts.push(next === quote ? quote : `\\${next}`)
        i += 1
      } else if (character === quote) {
        this.#at = i + 1
        const value = parts.join('')
        return quote === '"' ? this.#expand(unescapeQuoted(value), start, i + 1) : value
      } else {
        parts.push(character)
      }
    }
    const line = this.#text.slice(start).split('\n', 1)[0]!
    throw new EnvFileError(`The quote in ${line.slice(0, 60)} is not closed`, this.#span(start, start + line.length))
  }

  #expand(value: string, start: number, end: number): string {
    if (!value.includes('$')) return value
    try {
      return substitute(value, {
        ...this.#filling,
        at: this.#span(start, end),
        lookup: (name) => this.#filling.lookup(name) ?? this.#variables.get(name),
      })
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      throw new EnvFileError(error.message, this.#span(start, end), error.hint)
    }
  }

  #span(start: number, end: number): Span {
    return { source: this.#source, start, end }
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '"': '"',
  '\\': '\\',
  // The doubled sign stays one dollar sign when variables are filled in.
  $: '$$',
}

function unescapeQuoted(text: string): string {
  return text.replace(/\\(?:([abcfnrtv$"\\])|0(\d{0,3}))/g, (match, letter: string | undefined, octal: string) => {
    if (letter !== undefined) return ESCAPES[letter] ?? match
    return /^[0-3][0-7]{2}$/.test(octal) ? String.fromCharCode(Number.parseInt(octal, 8)) : `\\${octal}`
  })
}

/** `format: raw`: one `K=V` a line, nothing quoted, nothing filled in. Throws {@link EnvFileError}. */
export function readRawEnv(
  source: SourceText,
  variables: Map<string, string>,
  filling: Pick<Filling, 'lookup' | 'budget'>,
): void {
  const { text } = source
  for (let start = 0, end = 0; start < text.length; start = end + 1) {
    end = text.indexOf('\n', start)
    if (end === -1) end = text.length
    const line = text.slice(start, end).replace(/\r$/, '').trimStart()
    if (line === '' || line.startsWith('#')) continue
    const span = { source, start, end }
    filling.budget.spendNode(span)
    const equals = line.indexOf('=')
    const name = equals === -1 ? line : line.slice(0, equals)
    if (name === '') throw new EnvFileError(`No variable name on line "${line}"`, span)
    if (/[ \t]/.test(name)) throw new EnvFileError(`Variable "${name}" contains white space`, span)
    const value = equals === -1 ? filling.lookup(name) : line.slice(equals + 1)
    if (value !== undefined) variables.set(name, value)
  }
}
