/** YAML as Go's library writes it: which text needs quotes, and of which kind, is decided by its rules. */
import { goFloat } from './numbers.ts'
import { resolvePlain } from './scalars.ts'

/** Maps are `Map`s, so that their order is kept. */
export function toYaml(value: unknown): string {
  if (isCollection(value) && sizeOf(value) > 0) return `${block(value, 0).join('\n')}\n`
  return `${inline(value, 0)}\n`
}

type Collection = ReadonlyMap<string, unknown> | readonly unknown[]

const isCollection = (value: unknown): value is Collection => value instanceof Map || Array.isArray(value)
const sizeOf = (value: Collection): number => ('size' in value ? value.size : value.length)

function block(value: Collection, indent: number): string[] {
  const pad = ' '.repeat(indent)
  if ('size' in value) {
    return [...value].flatMap(([key, item]) => {
      const name = `${pad}${inline(key, indent)}:`
      return isCollection(item) && sizeOf(item) > 0
        ? [name, ...block(item, indent + 2)]
        : [`${name} ${inline(item, indent + 2)}`]
    })
  }
  return value.flatMap((item) => {
    if (!isCollection(item) || sizeOf(item) === 0) return [`${pad}- ${inline(item, indent + 2)}`]
    const [first = '', ...rest] = block(item, indent + 2)
    return [`${pad}- ${first.slice(indent + 2)}`, ...rest]
  })
}

function inline(value: unknown, indent: number): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : goFloat(value)
  if (typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return '[]'
  if (typeof value === 'object') return '{}'
  return quoted(String(value), indent)
}

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

function quoted(text: string, indent: number): string {
  // Dates of extensions have become text in the model; Compose prints them as dates.
  if (TIMESTAMP.test(text)) return text
  if (text.includes('\n') && isPrintable(text.replace(/[\n\t]/g, '')) && !/ \n/.test(text) && !text.endsWith(' ')) {
    return literal(text, indent)
  }
  if (text.includes('\n') || !isPrintable(text) || needsDoubleQuotes(text)) return doubleQuoted(text)
  return isPlain(text) ? text : `'${text.replaceAll("'", "''")}'`
}

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
}

function doubleQuoted(text: string): string {
  let quoted = ''
  for (const character of text) {
    const code = character.codePointAt(0)!
    const hex = code.toString(16).toUpperCase()
    if (ESCAPES[character] !== undefined) quoted += ESCAPES[character]
    else if (isPrintable(character)) quoted += character
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
