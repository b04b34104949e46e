/** YAML as Go's library writes it: which text needs quotes, and of which kind, is decided by its rules. */
import { goFloat } from './numbers.ts'
import { resolvePlain } from './scalars.ts'

/** A date, which is written without quotes. */
export class DateText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** Maps are `Map`s, so that their order is kept. */
export function toYaml(value: unknown): string {
  const lines: string[] = []
  if (isFilled(value)) writeBlock(value, 0, '', lines)
  else lines.push(inline(value, 0))
  lines.push('')
  return lines.join('\n')
}

type Collection = ReadonlyMap<string, unknown> | readonly unknown[]

const isCollection = (value: unknown): value is Collection => value instanceof Map || Array.isArray(value)
const sizeOf = (value: Collection): number => ('size' in value ? value.size : value.length)
const isFilled = (value: unknown): value is Collection => isCollection(value) && sizeOf(value) > 0

/** @param lead stands before the first line in place of its indentation: `- ` for a collection in a list. */
function writeBlock(value: Collection, indent: number, lead: string, lines: string[]): void {
  const pad = ' '.repeat(indent)
  let margin = lead
  if ('size' in value) {
    for (const [key, item] of value) {
      writeEntry(key, item, indent, margin, lines)
      margin = pad
    }
    return
  }
  for (const item of value) {
    if (isFilled(item)) writeBlock(item, indent + 2, `${margin}- `, lines)
    else lines.push(`${margin}- ${inline(item, indent + 2)}`)
    margin = pad
  }
}

function writeEntry(key: string, item: unknown, indent: number, margin: string, lines: string[]): void {
  if (isSimpleKey(key)) {
    const name = `${margin}${inline(key, indent)}:`
    if (isFilled(item)) {
      lines.push(name)
      writeBlock(item, indent + 2, ' '.repeat(indent + 2), lines)
    } else lines.push(`${name} ${inline(item, indent + 2)}`)
    return
  }
  lines.push(`${margin}? ${inline(key, indent + 2)}`)
  const lead = `${' '.repeat(indent)}: `
  if (isFilled(item)) writeBlock(item, indent + 2, lead, lines)
  else lines.push(`${lead}${inline(item, indent + 2)}`)
}

const LONGEST_SIMPLE_KEY_BYTES = 128
const BREAK = /[\n\u2028\u2029]/
const BREAK_IN_KEY = /[\n\u0085\u2028\u2029]/

function isSimpleKey(key: string): boolean {
  if (key.length <= LONGEST_SIMPLE_KEY_BYTES / 4) return !BREAK_IN_KEY.test(key)
  return !BREAK_IN_KEY.test(key) && new TextEncoder().encode(key).length <= LONGEST_SIMPLE_KEY_BYTES
}

/** From here on a whole number cannot have been written as an integer, and prints as the float that it was. */
const TWO_TO_64 = 2 ** 64

function inline(value: unknown, indent: number): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'number') {
    return Number.isInteger(value) && Math.abs(value) < TWO_TO_64 ? String(value) : yamlFloat(value)
  }
  if (typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return '[]'
  if (value instanceof DateText) return value.text
  if (typeof value === 'object') return '{}'
  return quoted(String(value), indent)
}

function yamlFloat(value: number): string {
  if (Number.isNaN(value)) return '.nan'
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf'
  return goFloat(value)
}

/** Most text: a letter or slash, then nothing that means anything to YAML. */
const ORDINARY = /^[A-Za-z/][\w./@+-]*(?::[\w./@+-]+)*$/
const WORDS = /^(?:y|yes|on|n|no|off|true|false|null)$/i

function quoted(text: string, indent: number): string {
  if (ORDINARY.test(text) && !WORDS.test(text)) return text
  if (BREAK.test(text)) return textOfLines(text, indent)
  if (!isPrintable(text) || needsDoubleQuotes(text)) return doubleQuoted(text)
  return isPlain(text) ? text : singleQuoted(text)
}

function textOfLines(text: string, indent: number): string {
  const isClean = isPrintable(text.replace(/[\n\t]/g, '')) && !/ [\n\u2028\u2029]/.test(text) && !text.endsWith(' ')
  if (!isClean) return doubleQuoted(text)
  const hasSeparators = /[\u2028\u2029]/.test(text)
  if (!hasSeparators) return literal(text, indent)
  // Go writes a block even of both kinds of breaks; quotes say the same.
  if (text.includes('\n') || text.includes('\t') || /[\u2028\u2029] /.test(text)) return doubleQuoted(text)
  return singleQuoted(text).replace(/([\u2028\u2029])(?=[^\u2028\u2029']|'')/g, `$1${' '.repeat(indent)}`)
}

const singleQuoted = (text: string): string => `'${text.replaceAll("'", "''")}'`

function literal(text: string, indent: number): string {
  const hint = /^[ \n]/.test(text) ? '2' : ''
  const chomp = !text.endsWith('\n') ? '-' : /\n\n$/.test(text) || text === '\n' ? '+' : ''
  const pad = ' '.repeat(indent)
  const body = text.endsWith('\n') ? text.slice(0, -1) : text
  const lines = body.split('\n').map((line) => (line === '' ? '' : `${pad}${line}`))
  return [`|${hint}${chomp}`, ...lines].join('\n')
}

/** Text that would read as another type, in this or the older version of YAML. */
function needsDoubleQuotes(text: string): boolean {
  return (
    resolvePlain(text).type !== 'string' ||
    /^(y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF)$/.test(text) ||
    /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/.test(text)
  )
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must be escaped
const UNPRINTABLE = /[\x00-\x1f\x7f-\x9f\ufeff\ufffe\uffff]|[\ud800-\udfff]/

const isPrintable = (text: string): boolean => !UNPRINTABLE.test(text)

const ESCAPES: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\x1b': '\\e',
  '"': '\\"',
  '\\': '\\\\',
  '\u0085': '\\N',
  '\u2028': '\\L',
  '\u2029': '\\P',
}

function doubleQuoted(text: string): string {
  // Go takes every character of such a text for the mark that its first one is.
  const hasMark = text.startsWith('\ufeff')
  let quoted = ''
  for (const character of text) {
    const code = character.codePointAt(0)!
    const hex = code.toString(16).toUpperCase()
    if (ESCAPES[character] !== undefined) quoted += ESCAPES[character]
    else if (!hasMark && isPrintable(character)) quoted += character
    else if (code <= 0xff) quoted += `\\x${hex.padStart(2, '0')}`
    else quoted += code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
  }
  return `"${quoted}"`
}

function isPlain(text: string): boolean {
  if (text.startsWith('---') || text.startsWith('...')) return false
  if (/^[#,[\]{}&*!|>'"%@`]/.test(text) || /^[-?:]([ \t]|$)/.test(text)) return false
  return !(/:([ \t]|$)/.test(text) || /[ \t]#/.test(text) || /^ | $/.test(text))
}
