/**
 * The language of variables: `$NAME`, `${NAME}`, `${NAME:-default}` and its five sisters, `$$` for a dollar sign. Braces
 * count, so a default may hold variables in turn. A dollar sign that begins none of this stands for itself.
 */
import type { Budget } from './budget.ts'
import type { Span } from './source-text.ts'

export type Operator = ':-' | '-' | ':?' | '?' | ':+' | '+'

export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'variable'
      readonly name: string
      readonly operator: Operator | undefined
      readonly argument: string
      readonly raw: string
    }
  | { readonly kind: 'invalid'; readonly raw: string }

const NAME = /[_a-zA-Z][_a-zA-Z0-9]*/y
const OPERATOR = /:?[-+?]/y

/** The parts of a template. Compose's rule for the end: the last `}` of the line bounds, the first balanced one ends. */
export function* pieces(template: string): Generator<Piece> {
  let literal = 0
  let at = template.indexOf('$')
  // Both are looked for once a line: a line may hold a hundred thousand variables.
  let lineEnd = -1
  let lastBrace = -1
  while (at !== -1) {
    const next = template[at + 1]
    let end = at + 1
    let piece: Piece | undefined
    if (next === '$') {
      piece = { kind: 'text', text: '$' }
      end = at + 2
    } else if (next === '{') {
      if (at > lineEnd) {
        lineEnd = template.indexOf('\n', at)
        if (lineEnd === -1) lineEnd = template.length
        lastBrace = template.lastIndexOf('}', lineEnd)
      }
      piece = braced(template, at, lastBrace)
      end = at + (piece.kind === 'invalid' ? 2 : piece.kind === 'variable' ? piece.raw.length : 0)
    } else {
      const name = matchAt(NAME, template, at + 1)
      if (name !== undefined) {
        end = at + 1 + name.length
        piece = { kind: 'variable', name, operator: undefined, argument: '', raw: template.slice(at, end) }
      }
    }
    if (piece !== undefined) {
      if (at > literal) yield { kind: 'text', text: template.slice(literal, at) }
      yield piece
      // Nothing after it can be made sense of, and looking would take a scan of the rest for each brace.
      if (piece.kind === 'invalid') return
      literal = end
    }
    at = template.indexOf('$', end)
  }
  if (literal < template.length) yield { kind: 'text', text: template.slice(literal) }
}

/** @param last the last closing brace of the line. */
function braced(template: string, at: number, last: number): Piece {
  const name = matchAt(NAME, template, at + 2)
  if (name === undefined) return invalid(template, at)
  const afterName = at + 2 + name.length
  if (template[afterName] === '}') {
    const raw = template.slice(at, afterName + 1)
    return { kind: 'variable', name, operator: undefined, argument: '', raw }
  }
  const operator = matchAt(OPERATOR, template, afterName) as Operator | undefined
  if (operator === undefined) return invalid(template, at)
  if (last < afterName + operator.length) return invalid(template, at)
  const end = closingBrace(template, at + 1, last) ?? last
  return {
    kind: 'variable',
    name,
    operator,
    argument: template.slice(afterName + operator.length, end),
    raw: template.slice(at, end + 1),
  }
}

/** Compose skips the character after an opening brace when it counts. */
function closingBrace(template: string, from: number, last: number): number | undefined {
  let open = 0
  for (let i = from; i <= last; i++) {
    if (template[i] === '}') {
      open -= 1
      if (open === 0) return i
    } else if (template[i] === '{') {
      open += 1
      i += 1
    }
  }
  return undefined
}

function invalid(template: string, at: number): Piece {
  const lineEnd = template.indexOf('\n', at)
  const line = template.slice(at, lineEnd === -1 ? at + 80 : Math.min(lineEnd, at + 80))
  const close = line.indexOf('}')
  return { kind: 'invalid', raw: close === -1 ? line : line.slice(0, close + 1) }
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

/** Why a template cannot be filled in; `raw` is the part of it that is meant. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError'
  readonly raw: string
  readonly hint: string | undefined

  constructor(message: string, raw: string, hint?: string) {
    super(message)
    this.raw = raw
    this.hint = hint
  }
}

export interface Filling {
  readonly lookup: (name: string) => string | undefined
  /** Called for each variable that is not set and has no default. */
  readonly unset: (name: string) => void
  readonly budget: Budget
  readonly at?: Span | undefined
}

const MAX_NESTING = 1000
const SILENT = (): void => {}

/** Fills variables in. Throws {@link TemplateError}. Unused defaults are filled in too: an error in one is an error. */
export function substitute(template: string, filling: Filling, depth = 0): string {
  if (!template.includes('$')) return template
  if (depth > MAX_NESTING) throw new TemplateError('Variables nest too deeply', template.slice(0, 40))
  filling.budget.spendInterpolated(template.length, filling.at)
  const parts: string[] = []
  for (const piece of pieces(template)) {
    if (piece.kind === 'invalid') {
      throw new TemplateError(
        `"${piece.raw}" is no valid variable`,
        piece.raw,
        'Write $$ where a dollar sign is meant.',
      )
    }
    const text = piece.kind === 'text' ? piece.text : fillVariable(piece, filling, depth)
    filling.budget.spendInterpolated(text.length, filling.at)
    parts.push(text)
  }
  return parts.join('')
}

function fillVariable(piece: Extract<Piece, { kind: 'variable' }>, filling: Filling, depth: number): string {
  const value = filling.lookup(piece.name)
  const { operator } = piece
  if (operator === undefined) {
    if (value === undefined) filling.unset(piece.name)
    return value ?? ''
  }
  const present = value !== undefined && (operator[0] !== ':' || value !== '')
  const isDefault = operator.endsWith('-')
  const isUsed = isDefault || operator.endsWith('?') ? !present : present
  const argument = substitute(piece.argument, isUsed ? filling : { ...filling, unset: SILENT }, depth + 1)
  if (operator.endsWith('?')) {
    if (present) return value
    const reason = argument === '' ? '' : `: ${argument}`
    throw new TemplateError(
      `Required variable ${piece.name} is missing a value${reason}`,
      piece.raw,
      `Set ${piece.name} in the environment or in the .env file.`,
    )
  }
  return isUsed ? argument : (value ?? '')
}
