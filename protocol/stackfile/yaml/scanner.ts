/**
 * YAML text to tokens. It follows the scanner of libyaml as Go's YAML library has it, in what it takes, in what it
 * refuses, and in its oddities: Compose reads stack files with that library.
 */
import { readBlock } from './block-scalar.ts'
import { Cursor, isBlank, isBreak, isGap, isWordCharacter } from './cursor.ts'
import { readPlain } from './plain-scalar.ts'
import { readQuoted } from './quoted-scalar.ts'
import { YamlSyntaxError } from './syntax-error.ts'
import { readAddress, readHandle, readTag, type Tag } from './tag.ts'
import type { Token, TokenKind } from './token.ts'

/** A token that turns out to be a key if a `:` follows on its line. */
interface SimpleKey {
  isPossible: boolean
  /** It can only be a key, since the line begins with it. */
  isRequired: boolean
  /** The number of its token in the stream. */
  tokenNumber: number
  start: number
  line: number
  column: number
}

const LONGEST_KEY = 1024
const NAME_ENDS = new Set([...'?:,]}%@`'].map((character) => character.charCodeAt(0)))
/** What no plain scalar begins with; `-`, `?` and `:` may, where no gap follows. */
const INDICATORS = new Set([...'-?:,[]{}#&*!|>\'"%@`'].map((character) => character.charCodeAt(0)))

export class Scanner {
  readonly #cursor: Cursor
  #tokens: Token[] = []
  #head = 0
  /** Whether the first token is sure to stay the first. */
  #isReady = false
  /** How many tokens were handed out. */
  #taken = 0
  #indent = -1
  readonly #indents: number[] = []
  #flowLevel = 0
  #mayBeKey = true
  readonly #simpleKeys: SimpleKey[] = [noKey()]
  #hasEnded = false

  constructor(text: string) {
    this.#cursor = new Cursor(text)
  }

  /** The next token, which stays. */
  peek(): Token {
    if (!this.#isReady) {
      while (this.#needsMore()) this.#fetch()
      this.#isReady = true
    }
    return this.#tokens[this.#head]!
  }

  take(): Token {
    const token = this.peek()
    this.#isReady = false
    this.#head += 1
    this.#taken += 1
    if (this.#head > 64 && this.#head * 2 > this.#tokens.length) {
      this.#tokens = this.#tokens.slice(this.#head)
      this.#head = 0
    }
    return token
  }

  /** The first token may still get a `key` before it. */
  #needsMore(): boolean {
    if (this.#head === this.#tokens.length) return !this.#hasEnded
    const keys = this.#simpleKeys
    for (let at = 0; at < keys.length; at += 1) {
      const key = keys[at]!
      if (key.isPossible && key.tokenNumber === this.#taken && this.#isStillPossible(key)) return true
    }
    return false
  }

  #fetch(): void {
    const cursor = this.#cursor
    this.#skipToToken()
    this.#closeBlocks(cursor.column)
    const code = cursor.code()
    if (cursor.isAtEnd) {
      this.#endStream()
      return
    }
    if (code === 37 && cursor.column === 0) {
      this.#directive()
      return
    }
    if (cursor.isAtDocumentMark()) {
      this.#documentMark(code === 45 ? 'document-start' : 'document-end')
      return
    }
    const next = cursor.code(1)
    switch (code) {
      case 91: // [
        this.#openFlow('flow-sequence-start')
        return
      case 123: // {
        this.#openFlow('flow-mapping-start')
        return
      case 93: // ]
        this.#closeFlow('flow-sequence-end')
        return
      case 125: // }
        this.#closeFlow('flow-mapping-end')
        return
      case 44: // ,
        this.#forgetKey()
        this.#mayBeKey = true
        this.#mark('flow-entry', 1)
        return
      case 45: // -
        if (!isGap(next)) break
        this.#blockEntry()
        return
      case 63: // ?
        if (this.#flowLevel === 0 && !isGap(next)) break
        this.#key()
        return
      case 58: // :
        if (this.#flowLevel === 0 && !isGap(next)) break
        this.#value()
        return
      case 42: // *
        this.#name('alias')
        return
      case 38: // &
        this.#name('anchor')
        return
      case 33: // !
        this.#tag()
        return
      case 124: // |
      case 62: // >
        if (this.#flowLevel > 0) break
        this.#block()
        return
      case 39: // '
      case 34: // "
        this.#quoted()
        return
    }
    const mayBegin =
      !INDICATORS.has(code) ||
      (code === 45 && !isBlank(next)) ||
      (this.#flowLevel === 0 && (code === 63 || code === 58) && !isGap(next))
    if (isBlank(code) || !mayBegin) this.#refuseCharacter(code)
    this.#plain()
  }

  #refuseCharacter(code: number): never {
    const { at, text } = this.#cursor
    if (code === 9) throw new YamlSyntaxError('A tab cannot indent', at, at + 1, 'Indent with spaces.')
    throw new YamlSyntaxError(`A value cannot begin with ${text[at]}`, at, at + 1, 'Put it in quotes.')
  }

  #skipToToken(): void {
    const cursor = this.#cursor
    for (;;) {
      let code = cursor.code()
      while (code === 32 || (code === 9 && (this.#flowLevel > 0 || !this.#mayBeKey))) {
        cursor.at += 1
        code = cursor.code()
      }
      if (code === 35) {
        cursor.skipToLineEnd()
        code = cursor.code()
      }
      if (!isBreak(code)) return
      cursor.takeBreak()
      if (this.#flowLevel === 0) this.#mayBeKey = true
    }
  }

  #add(kind: TokenKind, start: number, end: number, text = '', isPlain = false, tag?: Tag): void {
    this.#tokens.push({ kind, start, end, text, isPlain, tag })
  }

  /** A token of `length` marks, past which the cursor goes. */
  #mark(kind: TokenKind, length: number): void {
    const start = this.#cursor.at
    this.#cursor.at += length
    this.#add(kind, start, start + length)
  }

  #isStillPossible(key: SimpleKey): boolean {
    const { line, at, text } = this.#cursor
    const isTooFar = key.line < line || (at - key.start > LONGEST_KEY && codePoints(text, key.start, at) > LONGEST_KEY)
    if (!isTooFar) return true
    if (key.isRequired) this.#refuseKey(key)
    key.isPossible = false
    return false
  }

  #refuseKey({ start }: SimpleKey): never {
    const { text } = this.#cursor
    let end = start
    while (!isBreak(text.charCodeAt(end)) && text.charCodeAt(end) !== 0) end += 1
    throw new YamlSyntaxError('This line has no ":"', start, end, 'A line of a mapping is written KEY: VALUE.')
  }

  #rememberKey(): void {
    if (!this.#mayBeKey) return
    const { at, line, column } = this.#cursor
    this.#forgetKey()
    const key = this.#simpleKeys.at(-1)!
    key.isPossible = true
    key.isRequired = this.#flowLevel === 0 && this.#indent === column
    key.tokenNumber = this.#taken + this.#tokens.length - this.#head
    key.start = at
    key.line = line
    key.column = column
  }

  #forgetKey(): void {
    const key = this.#simpleKeys.at(-1)!
    if (key.isPossible && key.isRequired) this.#refuseKey(key)
    key.isPossible = false
  }

  /** Opens a block collection where the column is deeper than the one that is open; `before` is the token it begins with. */
  #openBlock(column: number, kind: TokenKind, at: number, before?: number): void {
    if (this.#flowLevel > 0 || this.#indent >= column) return
    this.#indents.push(this.#indent)
    this.#indent = column
    this.#insert({ kind, start: at, end: at, text: '', isPlain: false, tag: undefined }, before)
  }

  #insert(token: Token, before: number | undefined): void {
    if (before === undefined) this.#tokens.push(token)
    else this.#tokens.splice(this.#head + before - this.#taken, 0, token)
  }

  #closeBlocks(column: number): void {
    if (this.#flowLevel > 0) return
    while (this.#indent > column) {
      this.#add('block-end', this.#cursor.at, this.#cursor.at)
      this.#indent = this.#indents.pop()!
    }
  }

  #endStream(): void {
    this.#closeBlocks(-1)
    for (const key of this.#simpleKeys) {
      if (key.isPossible && key.isRequired) this.#refuseKey(key)
      key.isPossible = false
    }
    this.#mayBeKey = false
    this.#mark('stream-end', 0)
    this.#hasEnded = true
  }

  #documentMark(kind: 'document-start' | 'document-end'): void {
    this.#closeBlocks(-1)
    this.#forgetKey()
    this.#mayBeKey = false
    this.#mark(kind, 3)
  }

  #openFlow(kind: 'flow-sequence-start' | 'flow-mapping-start'): void {
    this.#rememberKey()
    this.#simpleKeys.push(noKey())
    this.#flowLevel += 1
    this.#mayBeKey = true
    this.#mark(kind, 1)
  }

  #closeFlow(kind: 'flow-sequence-end' | 'flow-mapping-end'): void {
    this.#forgetKey()
    if (this.#flowLevel > 0) {
      this.#flowLevel -= 1
      this.#simpleKeys.pop()
    }
    this.#mayBeKey = false
    this.#mark(kind, 1)
  }

  #blockEntry(): void {
    const { at, column } = this.#cursor
    if (this.#flowLevel === 0) {
      if (!this.#mayBeKey) {
        throw new YamlSyntaxError('A list cannot begin here', at, at + 1, 'Begin it on a line of its own.')
      }
      this.#openBlock(column, 'block-sequence-start', at)
    }
    this.#forgetKey()
    this.#mayBeKey = true
    this.#mark('block-entry', 1)
  }

  #key(): void {
    const { at, column } = this.#cursor
    if (this.#flowLevel === 0) {
      if (!this.#mayBeKey) throw new YamlSyntaxError('A key cannot begin here', at)
      this.#openBlock(column, 'block-mapping-start', at)
    }
    this.#forgetKey()
    this.#mayBeKey = this.#flowLevel === 0
    this.#mark('key', 1)
  }

  #value(): void {
    const key = this.#simpleKeys.at(-1)!
    if (key.isPossible && this.#isStillPossible(key)) {
      const { start, column, tokenNumber } = key
      this.#insert({ kind: 'key', start, end: start, text: '', isPlain: false, tag: undefined }, tokenNumber)
      this.#openBlock(column, 'block-mapping-start', start, tokenNumber)
      key.isPossible = false
      this.#mayBeKey = false
    } else {
      if (this.#flowLevel === 0) {
        const { at, column } = this.#cursor
        if (!this.#mayBeKey) {
          throw new YamlSyntaxError(
            'A ":" cannot stand here: it would begin a mapping inside of a value',
            at,
            at + 1,
            'Put text that holds ": " in quotes, and check the indentation.',
          )
        }
        this.#openBlock(column, 'block-mapping-start', at)
      }
      this.#mayBeKey = this.#flowLevel === 0
    }
    this.#mark('value', 1)
  }

  #name(kind: 'alias' | 'anchor'): void {
    this.#rememberKey()
    this.#mayBeKey = false
    const cursor = this.#cursor
    const start = cursor.at
    cursor.at += 1
    while (isWordCharacter(cursor.code())) cursor.at += 1
    const name = cursor.text.slice(start + 1, cursor.at)
    if (name === '' || !(isGap(cursor.code()) || NAME_ENDS.has(cursor.code()))) {
      throw new YamlSyntaxError(
        `The name after ${kind === 'alias' ? '*' : '&'} is made of letters, digits, "-" and "_"`,
        start,
        cursor.at + 1,
        kind === 'alias' ? 'Put it in quotes where text is meant.' : undefined,
      )
    }
    this.#add(kind, start, cursor.at, name)
  }

  #tag(): void {
    this.#rememberKey()
    this.#mayBeKey = false
    const start = this.#cursor.at
    const tag = readTag(this.#cursor)
    this.#add('tag', start, this.#cursor.at, '', false, tag)
  }

  #block(): void {
    this.#forgetKey()
    this.#mayBeKey = true
    const start = this.#cursor.at
    const text = readBlock(this.#cursor, this.#indent)
    this.#add('scalar', start, this.#cursor.at, text)
  }

  #quoted(): void {
    this.#rememberKey()
    this.#mayBeKey = false
    const start = this.#cursor.at
    const text = readQuoted(this.#cursor)
    this.#add('scalar', start, this.#cursor.at, text)
  }

  #plain(): void {
    this.#rememberKey()
    this.#mayBeKey = false
    const start = this.#cursor.at
    const { text, end, endsLine } = readPlain(this.#cursor, this.#indent + 1, this.#flowLevel > 0)
    if (endsLine) this.#mayBeKey = true
    this.#add('scalar', start, end, text, true)
  }

  #directive(): void {
    this.#closeBlocks(-1)
    this.#forgetKey()
    this.#mayBeKey = false
    const cursor = this.#cursor
    const start = cursor.at
    cursor.at += 1
    while (isWordCharacter(cursor.code())) cursor.at += 1
    const name = cursor.text.slice(start + 1, cursor.at)
    cursor.skipBlanks()
    if (name === 'YAML') {
      const from = cursor.at
      while (!isGap(cursor.code())) cursor.at += 1
      this.#add('version-directive', start, cursor.at, cursor.text.slice(from, cursor.at))
    } else if (name === 'TAG') {
      const handle = cursor.code() === 33 ? readHandle(cursor) : ''
      cursor.skipBlanks()
      const suffix = readAddress(cursor, '', start)
      this.#add('tag-directive', start, cursor.at, '', false, { handle, suffix })
    } else {
      throw new YamlSyntaxError(
        `There is no directive %${name}`,
        start,
        cursor.at,
        'Put text that begins with % in quotes.',
      )
    }
    cursor.skipBlanks()
    if (cursor.code() === 35) cursor.skipToLineEnd()
    if (!isBreak(cursor.code()) && !cursor.isAtEnd) {
      throw new YamlSyntaxError('Only a comment may follow a directive', cursor.at)
    }
  }
}

function noKey(): SimpleKey {
  return { isPossible: false, isRequired: false, tokenNumber: 0, start: 0, line: 0, column: 0 }
}

function codePoints(text: string, start: number, end: number): number {
  let count = 0
  for (let at = start; at < end; at += 1) if ((text.charCodeAt(at) & 0xfc00) !== 0xdc00) count += 1
  return count
}
