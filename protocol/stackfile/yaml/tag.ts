/** `!name`, `!!name`, `!handle!name` and `!<address>`. */
import { type Cursor, isGap, isWordCharacter } from './cursor.ts'
import { YamlSyntaxError } from './syntax-error.ts'

export interface Tag {
  /** What `%TAG` may give a meaning to; empty where the suffix is the whole tag. */
  readonly handle: string
  readonly suffix: string
}

const EXCLAMATION = 33
const LESS = 60
const GREATER = 62
const PERCENT = 37
const ADDRESS_MARKS = new Set([...";/?:@&=+$,.!~*'()[]%"].map((character) => character.charCodeAt(0)))

export function readTag(cursor: Cursor): Tag {
  const start = cursor.at
  let tag: Tag
  if (cursor.code(1) === LESS) {
    cursor.at += 2
    const suffix = readAddress(cursor, '', start)
    if (cursor.code() !== GREATER) throw new YamlSyntaxError('This tag lacks its ">"', start, cursor.at)
    cursor.at += 1
    tag = { handle: '', suffix }
  } else {
    const handle = readHandle(cursor)
    if (handle.length > 1 && handle.endsWith('!')) tag = { handle, suffix: readAddress(cursor, '', start) }
    else {
      const suffix = readAddress(cursor, handle.slice(1), start, true)
      tag = suffix === '' ? { handle: '', suffix: '!' } : { handle: '!', suffix }
    }
  }
  if (!isGap(cursor.code())) throw new YamlSyntaxError('A space must follow the tag', cursor.at)
  return tag
}

/** `!`, `!name` or `!name!`. */
export function readHandle(cursor: Cursor): string {
  const start = cursor.at
  cursor.at += 1
  while (isWordCharacter(cursor.code())) cursor.at += 1
  if (cursor.code() === EXCLAMATION) cursor.at += 1
  return cursor.text.slice(start, cursor.at)
}

export function readAddress(cursor: Cursor, head: string, start: number, mayBeEmpty = false): string {
  let address = head
  let code = cursor.code()
  while (isWordCharacter(code) || ADDRESS_MARKS.has(code)) {
    if (code === PERCENT) address += readEscapes(cursor)
    else {
      address += String.fromCharCode(code)
      cursor.at += 1
    }
    code = cursor.code()
  }
  if (address === '' && !mayBeEmpty) throw new YamlSyntaxError('This tag has no name', start, cursor.at)
  return address
}

/** `%C3%A9`: bytes of UTF-8. */
function readEscapes(cursor: Cursor): string {
  const start = cursor.at
  const bytes: number[] = []
  while (cursor.code() === PERCENT) {
    const hex = cursor.text.slice(cursor.at + 1, cursor.at + 3)
    if (!/^[0-9a-fA-F]{2}$/.test(hex)) throw new YamlSyntaxError('"%" needs two hexadecimal digits', cursor.at)
    bytes.push(Number.parseInt(hex, 16))
    cursor.at += 3
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes))
  } catch {
    // The decoder has no more to say than that it failed.
    throw new YamlSyntaxError('The escapes of this tag are not UTF-8', start, cursor.at)
  }
}
