/** A place in a YAML text that moves forward, and the kinds of characters that YAML tells apart. */

const NUL = 0
const TAB = 9
const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const SPACE = 32
const DASH = 45
const DOT = 46
const DELETE = 0x7f
const NEXT_LINE = 0x85
const LINE_SEPARATOR = 0x2028
const PARAGRAPH_SEPARATOR = 0x2029

export const isBlank = (code: number): boolean => code === SPACE || code === TAB

export const isBreak = (code: number): boolean =>
  code === LINE_FEED ||
  code === CARRIAGE_RETURN ||
  code === NEXT_LINE ||
  code === LINE_SEPARATOR ||
  code === PARAGRAPH_SEPARATOR

/** A blank, the end of a line or the end of the text. */
export function isGap(code: number): boolean {
  // Nearly every character is one of these.
  if (code > SPACE && code < DELETE) return false
  return isBlank(code) || code === NUL || isBreak(code)
}

/** What a name of an anchor or of a tag is made of. */
export const isWordCharacter = (code: number): boolean =>
  (code >= 97 && code <= 122) ||
  (code >= 65 && code <= 90) ||
  (code >= 48 && code <= 57) ||
  code === 95 ||
  code === DASH

export class Cursor {
  /** The text, with a few NULs at its end: looking ahead needs no check for the end. YAML forbids NUL itself. */
  readonly text: string
  at = 0
  line = 0
  #lineStart = 0

  constructor(text: string) {
    this.text = `${text}\0\0\0\0`
  }

  get column(): number {
    return this.at - this.#lineStart
  }

  /** The character here, or `ahead` of here. */
  code(ahead = 0): number {
    return this.text.charCodeAt(this.at + ahead)
  }

  get isAtEnd(): boolean {
    return this.code() === NUL
  }

  /** Whether `---` or `...` stands here, at the start of a line and by itself. */
  isAtDocumentMark(): boolean {
    if (this.at !== this.#lineStart) return false
    const code = this.code()
    if (code !== DASH && code !== DOT) return false
    return this.code(1) === code && this.code(2) === code && isGap(this.code(3))
  }

  /** Goes past the break that stands here, and answers what it means in a value: most breaks are a line feed. */
  takeBreak(): string {
    const code = this.code()
    this.at += code === CARRIAGE_RETURN && this.code(1) === LINE_FEED ? 2 : 1
    this.line += 1
    this.#lineStart = this.at
    return code === LINE_SEPARATOR || code === PARAGRAPH_SEPARATOR ? String.fromCharCode(code) : '\n'
  }

  skipBlanks(): void {
    while (isBlank(this.code())) this.at += 1
  }

  skipToLineEnd(): void {
    while (!isBreak(this.code()) && !this.isAtEnd) this.at += 1
  }
}

/** Line ends inside of a value: one alone is a space, each further one a line feed. */
export function foldBreaks(first: string, more: string): string {
  if (first !== '\n') return first + more
  return more === '' ? ' ' : more
}
