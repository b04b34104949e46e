/** Text in single or double quotes. */
import { type Cursor, foldBreaks, isBlank, isBreak, isGap } from './cursor.ts'
import { YamlSyntaxError } from './syntax-error.ts'

const BACKSLASH = 92
const SINGLE_QUOTE = 39
const DOUBLE_QUOTE = 34

const ESCAPES: Readonly<Record<string, string>> = {
  '0': '\0',
  a: '\x07',
  b: '\b',
  t: '\t',
  '\t': '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
  e: '\x1b',
  ' ': ' ',
  '"': '"',
  "'": "'",
  '\\': '\\',
  N: '\u0085',
  _: '\u00a0',
  L: '\u2028',
  P: '\u2029',
}

const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 }

const MOST_PARTS = 4096

/** A text put together from its pieces, of which there may be millions. */
class TextParts {
  #text = ''
  #parts: string[] = []

  add(part: string): void {
    this.#parts.push(part)
    if (this.#parts.length === MOST_PARTS) this.#text = this.join()
  }

  join(): string {
    const joined = this.#text + this.#parts.join('')
    this.#parts = []
    return joined
  }
}

/** The cursor stands on the opening quote, and afterwards behind the closing one. */
export function readQuoted(cursor: Cursor): string {
  const start = cursor.at
  const quote = cursor.code()
  cursor.at += 1
  const text = new TextParts()
  for (;;) {
    if (cursor.isAtDocumentMark()) {
      throw new YamlSyntaxError('A document ends inside of quotes', cursor.at, cursor.at + 3, 'Close the quote above.')
    }
    if (cursor.isAtEnd) throw new YamlSyntaxError('This quote is not closed', start)
    let isAfterBreak = false
    for (let code = cursor.code(); !isGap(code); code = cursor.code()) {
      if (code === quote) {
        if (quote === DOUBLE_QUOTE || cursor.code(1) !== SINGLE_QUOTE) break
        text.add("'")
        cursor.at += 2
      } else if (quote === DOUBLE_QUOTE && code === BACKSLASH) {
        if (isBreak(cursor.code(1))) {
          cursor.at += 1
          cursor.takeBreak()
          isAfterBreak = true
          break
        }
        text.add(readEscape(cursor))
      } else {
        text.add(takeRun(cursor, quote))
      }
    }
    if (cursor.code() === quote) break
    text.add(readGap(cursor, isAfterBreak))
  }
  cursor.at += 1
  return text.join()
}

/** Characters that stand for themselves, blanks among them unless the line ends with them. */
function takeRun(cursor: Cursor, quote: number): string {
  const { at: start, text } = cursor
  let at = start
  for (let code = text.charCodeAt(at); code !== quote; code = text.charCodeAt(at)) {
    if (code === BACKSLASH && quote === DOUBLE_QUOTE) break
    let next = at + 1
    if (isGap(code)) {
      if (!isBlank(code)) break
      while (isBlank(text.charCodeAt(next))) next += 1
      if (isGap(text.charCodeAt(next))) break
    }
    at = next
  }
  cursor.at = at
  return text.slice(start, at)
}

/** Blanks and breaks: blanks around a break are dropped, and breaks are folded. */
function readGap(cursor: Cursor, isAfterEscapedBreak: boolean): string {
  const start = cursor.at
  let blanksEnd = start
  let firstBreak = ''
  let moreBreaks = ''
  let isAfterBreak = isAfterEscapedBreak
  for (let code = cursor.code(); isBlank(code) || isBreak(code); code = cursor.code()) {
    if (isBlank(code)) {
      cursor.at += 1
      if (!isAfterBreak) blanksEnd = cursor.at
    } else if (isAfterBreak) moreBreaks += cursor.takeBreak()
    else {
      firstBreak = cursor.takeBreak()
      isAfterBreak = true
    }
  }
  return isAfterBreak ? foldBreaks(firstBreak, moreBreaks) : cursor.text.slice(start, blanksEnd)
}

function readEscape(cursor: Cursor): string {
  const start = cursor.at
  const letter = cursor.text[start + 1]!
  const plain = ESCAPES[letter]
  if (plain !== undefined) {
    cursor.at += 2
    return plain
  }
  const digits = HEX_DIGITS[letter]
  if (digits === undefined) {
    throw new YamlSyntaxError(
      letter === '\0' ? 'The text ends in an escape' : `\\${letter} is no escape`,
      start,
      start + 2,
      'Write \\\\ for a backslash, or use single quotes.',
    )
  }
  const hex = cursor.text.slice(start + 2, start + 2 + digits)
  const code = /^[0-9a-fA-F]+$/.test(hex) && hex.length === digits ? Number.parseInt(hex, 16) : Number.NaN
  if (Number.isNaN(code) || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
    throw new YamlSyntaxError(
      `\\${letter} needs ${digits} hexadecimal digits that name a character`,
      start,
      start + 2 + digits,
    )
  }
  cursor.at += 2 + digits
  return String.fromCodePoint(code)
}
