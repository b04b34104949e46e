/** Text over several lines after `|` (as it stands) or `>` (folded). */
import { type Cursor, isBlank, isBreak } from './cursor.ts'
import { YamlSyntaxError } from './syntax-error.ts'

const PLUS = 43
const MINUS = 45
const ZERO = 48
const NINE = 57
const HASH = 35
const SPACE = 32
const TAB = 9
const PIPE = 124

interface Header {
  readonly isLiteral: boolean
  /** What becomes of the line ends after the last line. */
  readonly end: 'clip' | 'strip' | 'keep'
  /** Spaces of indentation below the parent; zero where the first line tells. */
  readonly indentation: number
}

/** @param parent the indentation of the collection that holds the text. */
export function readBlock(cursor: Cursor, parent: number): string {
  const header = readHeader(cursor)
  const given = header.indentation === 0 ? 0 : Math.max(parent, 0) + header.indentation
  const lead = readBreaks(cursor, given, parent)
  const { indent } = lead
  let breaks = lead.text
  let text = ''
  let lineBreak = ''
  let wasIndented = false
  while (cursor.column === indent && !cursor.isAtEnd) {
    const isIndented = isBlank(cursor.code())
    if (!header.isLiteral && lineBreak === '\n' && !wasIndented && !isIndented) {
      if (breaks === '') text += ' '
    } else text += lineBreak
    text += breaks
    const start = cursor.at
    cursor.skipToLineEnd()
    text += cursor.text.slice(start, cursor.at)
    lineBreak = isBreak(cursor.code()) ? cursor.takeBreak() : ''
    breaks = readBreaks(cursor, indent, parent).text
    wasIndented = isIndented
  }
  if (header.end === 'strip') return text
  return header.end === 'keep' ? text + lineBreak + breaks : text + lineBreak
}

function readHeader(cursor: Cursor): Header {
  const isLiteral = cursor.code() === PIPE
  cursor.at += 1
  let end: Header['end'] = 'clip'
  let indentation = 0
  for (let part = 0; part < 2; part += 1) {
    const code = cursor.code()
    if ((code === PLUS || code === MINUS) && end === 'clip') end = code === PLUS ? 'keep' : 'strip'
    else if (code >= ZERO && code <= NINE && indentation === 0) {
      if (code === ZERO) throw new YamlSyntaxError('The indentation of a block cannot be 0', cursor.at)
      indentation = code - ZERO
    } else break
    cursor.at += 1
  }
  cursor.skipBlanks()
  if (cursor.code() === HASH) cursor.skipToLineEnd()
  if (isBreak(cursor.code())) cursor.takeBreak()
  else if (!cursor.isAtEnd) {
    throw new YamlSyntaxError(
      `Only a comment may follow ${isLiteral ? '|' : '>'} on its line`,
      cursor.at,
      cursor.at + 1,
      'The text begins on the next line.',
    )
  }
  return { isLiteral, end, indentation }
}

/** Empty lines, and the indentation of the line after them. `given` is 0 where that line shall tell the indentation. */
function readBreaks(cursor: Cursor, given: number, parent: number): { text: string; indent: number } {
  let text = ''
  let deepest = 0
  for (;;) {
    while ((given === 0 || cursor.column < given) && cursor.code() === SPACE) cursor.at += 1
    if (cursor.column > deepest) deepest = cursor.column
    if ((given === 0 || cursor.column < given) && cursor.code() === TAB) {
      throw new YamlSyntaxError('A tab cannot indent', cursor.at, cursor.at + 1, 'Indent with spaces.')
    }
    if (!isBreak(cursor.code())) break
    text += cursor.takeBreak()
  }
  return { text, indent: given === 0 ? Math.max(deepest, parent + 1, 1) : given }
}
