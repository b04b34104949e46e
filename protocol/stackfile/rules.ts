/** The small vocabulary in which {@link STACK_FILE} says what a stack file may hold. */

export type ScalarKind = 'string' | 'number' | 'integer' | 'boolean' | 'null'

export interface ScalarRule {
  readonly kind: 'scalar'
  readonly types: readonly ScalarKind[]
  readonly values?: readonly string[]
  readonly pattern?: RegExp
  /** The pattern in words. */
  readonly patternText?: string
  /** What to do where the type is wrong. */
  readonly hint?: string
  readonly minimum?: number
  readonly maximum?: number
}

export interface ListRule {
  readonly kind: 'list'
  readonly item: Rule
  readonly unique: boolean
}

/** A mapping whose keys the language gives. */
export interface FieldsRule {
  readonly kind: 'fields'
  readonly fields: ReadonlyMap<string, Rule>
  readonly required: readonly string[]
  /** `closed` refuses unknown keys, `extensible` allows those that begin with `x-`, `open` allows any. */
  readonly others: 'closed' | 'extensible' | 'open'
}

/** A mapping whose keys the user gives. */
export interface DictRule {
  readonly kind: 'dict'
  readonly item: Rule
  readonly key: RegExp
  /** What becomes of keys that do not match. */
  readonly others: 'refused' | 'unchecked'
}

/** One of several forms, told apart by whether the value is a scalar, a list or a mapping. */
export interface EitherRule {
  readonly kind: 'either'
  readonly forms: readonly Rule[]
}

export type Rule = ScalarRule | ListRule | FieldsRule | DictRule | EitherRule

type ScalarLimits = Omit<ScalarRule, 'kind' | 'types'>

export const scalar = (types: readonly ScalarKind[], limits: ScalarLimits = {}): ScalarRule => ({
  kind: 'scalar',
  types,
  ...limits,
})
export const list = (item: Rule): ListRule => ({ kind: 'list', item, unique: false })
export const set = (item: Rule): ListRule => ({ kind: 'list', item, unique: true })
export const either = (...forms: Rule[]): EitherRule => ({ kind: 'either', forms })

export function fields(
  table: Readonly<Record<string, Rule>>,
  more: { required?: readonly string[]; others?: FieldsRule['others'] } = {},
): FieldsRule {
  return {
    kind: 'fields',
    fields: new Map(Object.entries(table)),
    required: more.required ?? [],
    others: more.others ?? 'extensible',
  }
}

export function dict(item: Rule, more: { key?: RegExp; others?: DictRule['others'] } = {}): DictRule {
  return { kind: 'dict', item, key: more.key ?? /./su, others: more.others ?? 'refused' }
}
