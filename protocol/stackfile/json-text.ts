/**
 * JSON as Go's encoder writes it: two spaces of indent or none, and `<`, `>`, `&` escaped. Maps keep the order they are
 * given in, which an object would not: it puts keys such as `10` first.
 */

import { Problem } from '../problems.ts'
import { goFloat } from './numbers.ts'

export function toJsonText(value: unknown, indent: '' | '  '): string {
  return write(value, indent, '').replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function write(value: unknown, indent: '' | '  ', margin: string): string {
  if (value instanceof Map) {
    const entries = [...value].map(([key, item]) => {
      const colon = indent === '' ? ':' : ': '
      return `${JSON.stringify(key)}${colon}${write(item, indent, margin + indent)}`
    })
    return enclose('{', entries, '}', indent, margin)
  }
  if (Array.isArray(value)) {
    const items = value.map((item) => write(item, indent, margin + indent))
    return enclose('[', items, ']', indent, margin)
  }
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new Problem('unsupported', `JSON has no value for ${goFloat(value)}`, { hint: 'print the stack as YAML' })
  }
  return JSON.stringify(value)
}

function enclose(open: string, parts: readonly string[], close: string, indent: '' | '  ', margin: string): string {
  if (parts.length === 0) return open + close
  if (indent === '') return `${open}${parts.join(',')}${close}`
  const inner = `\n${margin}${indent}`
  return `${open}${inner}${parts.join(`,${inner}`)}\n${margin}${close}`
}
