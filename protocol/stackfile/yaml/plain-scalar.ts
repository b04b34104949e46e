/** Text without quotes. It ends at `: `, at ` #`, at the end of its indentation, and in brackets at their punctuation. */
import { type Cursor, foldBreaks, isBlank, isBreak, isGap } from './cursor.ts'
import { YamlSyntaxError } from './syntax-error.ts'

const HASH = 35
const COLON = 58
const TAB = 9
const COMMA = 44
const QUESTION = 63
const OPEN_BRACKET = 91
const CLOSE_BRACKET = 93
const OPEN_BRACE = 123
const CLOSE_BRACE = 125

const endsInFlow = (code: number): boolean =>
  code === COMMA ||
  code === QUESTION ||
  code === OPEN_BRACKET ||
  code === CLOSE_BRACKET ||
  code === OPEN_BRACE ||
  code === CLOSE_BRACE

export interface PlainText {
  readonly text: string
  /** Where the last character of it ends. */
  readonly end: number
  /** Whether the line ended with it, so that a key may follow. */
  readonly endsLine: boolean
}

/** @param indent the least indentation of further lines. */
export function readPlain(cursor: Cursor, indent: number, inFlow: boolean): PlainText {
  let folded = ''
  let runStart = cursor.at
  let end = cursor.at
  let firstBreak = ''
  let moreBreaks = ''
  let isAfterBreak = false
  for (;;) {
    if (cursor.code() === HASH || cursor.isAtDocumentMark()) break
    const wordStart = cursor.at
    skipWord(cursor, inFlow)
    if (cursor.at > wordStart) {
      if (isAfterBreak) {
        folded += cursor.text.slice(runStart, end) + foldBreaks(firstBreak, moreBreaks)
        runStart = wordStart
        isAfterBreak = false
      }
      end = cursor.at
    }
    const code = cursor.code()
    if (!isBlank(code) && !isBreak(code)) break
    for (let next = code; isBlank(next) || isBreak(next); next = cursor.code()) {
      if (isBlank(next)) {
        if (isAfterBreak && next === TAB && cursor.column < indent) {
          throw new YamlSyntaxError('A tab cannot indent', cursor.at, cursor.at + 1, 'Indent with spaces.')
        }
        cursor.at += 1
      } else if (isAfterBreak) moreBreaks += cursor.takeBreak()
      else {
        firstBreak = cursor.takeBreak()
        moreBreaks = ''
        isAfterBreak = true
      }
    }
    if (!inFlow && cursor.column < indent) break
  }
  return { text: folded + cursor.text.slice(runStart, end), end, endsLine: isAfterBreak }
}

function skipWord(cursor: Cursor, inFlow: boolean): void {
  const { text } = cursor
  let { at } = cursor
  for (let code = text.charCodeAt(at); !isGap(code); code = text.charCodeAt(at)) {
    if (code === COLON && isGap(text.charCodeAt(at + 1))) break
    if (inFlow && endsInFlow(code)) break
    at += 1
  }
  cursor.at = at
}
