/** Holds a tree against the schema and reports every deviation at its place, with what to do about it. */
import type { Findings } from './findings.ts'
import type { DictRule, EitherRule, FieldsRule, ListRule, Rule, ScalarKind, ScalarRule } from './rules.ts'
import { SERVICE_KEYS, STACK_FILE } from './schema.ts'
import { didYouMean } from './suggest.ts'
import { formatScalar, identityOf, type KeyPath, type MapNode, type Node, type ScalarNode } from './tree.ts'

export function validateStackFile(root: MapNode, findings: Findings): void {
  check(STACK_FILE, root, [], findings)
}

/** Where the check is: steps are put on and taken off, since a path of its own for each value would cost more than all else. */
type Steps = (string | number)[]

function checkAt(step: string | number, rule: Rule, node: Node, path: Steps, findings: Findings): void {
  path.push(step)
  check(rule, node, path, findings)
  path.pop()
}

function check(rule: Rule, node: Node, path: Steps, findings: Findings): void {
  switch (rule.kind) {
    case 'scalar':
      checkScalar(rule, node, path, findings)
      return
    case 'list':
      checkList(rule, node, path, findings)
      return
    case 'fields':
      checkFields(rule, node, path, findings)
      return
    case 'dict':
      checkDict(rule, node, path, findings)
      return
    case 'either':
      checkEither(rule, node, path, findings)
      return
  }
}

function checkScalar(rule: ScalarRule, node: Node, path: KeyPath, findings: Findings): void {
  if (node.kind !== 'scalar' || !hasType(node, rule.types)) {
    wrongType([rule], node, path, findings)
    return
  }
  if (typeof node.value === 'string') {
    if (rule.values !== undefined && !rule.values.includes(node.value)) {
      findings.add(`${subject(path)} must be one of ${rule.values.join(', ')}`, node, {
        path,
        hint: didYouMean(node.value, rule.values),
      })
    }
    if (rule.pattern !== undefined && !rule.pattern.test(node.value)) {
      findings.add(`${subject(path)} must be ${rule.patternText}, not "${node.value}"`, node, { path })
    }
    return
  }
  const value = Number(node.value)
  if (rule.minimum !== undefined && value < rule.minimum) {
    findings.add(`${subject(path)} must be ${rule.minimum} or more`, node, { path })
  }
  if (rule.maximum !== undefined && value > rule.maximum) {
    findings.add(`${subject(path)} must be ${rule.maximum} or less`, node, { path })
  }
}

function checkList(rule: ListRule, node: Node, path: Steps, findings: Findings): void {
  if (node.kind !== 'list') {
    wrongType([rule], node, path, findings)
    return
  }
  const seen = new Map<string, number>()
  for (let index = 0; index < node.items.length; index += 1) {
    const item = node.items[index]!
    checkAt(index, rule.item, item, path, findings)
    if (!rule.unique) continue
    const identity = identityOf(item)
    const twin = seen.get(identity)
    if (twin === undefined) seen.set(identity, index)
    else {
      findings.add(`${subject(path)} holds the same item twice (at ${twin} and ${index})`, item, {
        path: [...path, index],
      })
    }
  }
}

function checkFields(rule: FieldsRule, node: Node, path: Steps, findings: Findings): void {
  if (node.kind !== 'map') {
    wrongType([rule], node, path, findings)
    return
  }
  for (const [key, value] of node.entries) {
    const field = rule.fields.get(key)
    if (field !== undefined) checkAt(key, field, value, path, findings)
    else if (rule.others === 'open' || (rule.others === 'extensible' && key.startsWith('x-'))) continue
    else {
      findings.addAtKey(`Unknown key "${key}"${path.length === 0 ? ' at the top level' : ''}`, value, {
        path: [...path, key],
        hint: unknownKeyHint(rule, key, value, path),
      })
    }
  }
  for (const key of rule.required) {
    if (!node.entries.has(key)) findings.addAtKey(`${subject(path)} needs the key "${key}"`, node, { path })
  }
}

function unknownKeyHint(rule: FieldsRule, key: string, value: Node, path: KeyPath): string | undefined {
  const near = didYouMean(key, rule.fields.keys())
  if (near !== undefined) return near
  if (path.length > 0) return undefined
  if (SERVICE_KEYS.has(key)) return `"${key}" belongs to a service, under "services".`
  if (value.kind === 'map' && (value.entries.has('image') || value.entries.has('build'))) {
    return 'A service stands under "services".'
  }
  return undefined
}

function checkDict(rule: DictRule, node: Node, path: Steps, findings: Findings): void {
  if (node.kind !== 'map') {
    wrongType([rule], node, path, findings)
    return
  }
  for (const [key, value] of node.entries) {
    if (rule.key.test(key)) checkAt(key, rule.item, value, path, findings)
    else if (rule.others === 'refused') {
      findings.addAtKey(`"${key}" is no valid name in ${path.join('.') || 'the file'}`, value, {
        path: [...path, key],
        hint: 'Names are made of letters, digits, ".", "_" and "-"; variables are not filled in.',
      })
    }
  }
}

function checkEither(rule: EitherRule, node: Node, path: Steps, findings: Findings): void {
  const form = rule.forms.find((candidate) => fits(candidate, node))
  if (form === undefined) wrongType(rule.forms, node, path, findings)
  else check(form, node, path, findings)
}

/** Whether a value has the outer form of a rule, so that errors inside of it are errors against this rule. */
function fits(rule: Rule, node: Node): boolean {
  switch (rule.kind) {
    case 'scalar':
      return node.kind === 'scalar' && hasType(node, rule.types)
    case 'list':
      return node.kind === 'list'
    case 'fields':
    case 'dict':
      return node.kind === 'map'
    case 'either':
      return rule.forms.some((form) => fits(form, node))
  }
}

function hasType(node: ScalarNode, types: readonly ScalarKind[]): boolean {
  switch (node.type) {
    case 'string':
      return types.includes('string')
    case 'bool':
      return types.includes('boolean')
    case 'null':
      return types.includes('null')
    case 'int':
      return types.includes('integer') || types.includes('number')
    case 'float':
      return types.includes('number') || (types.includes('integer') && Number.isInteger(node.value))
    case 'time':
      return false
  }
}

function wrongType(rules: readonly Rule[], node: Node, path: KeyPath, findings: Findings): void {
  const wanted = [...new Set(rules.flatMap(formsOf))]
  const last = wanted.pop()!
  const wantedText = wanted.length === 0 ? last : `${wanted.join(', ')} or ${last}`
  const message = `${subject(path)} must be ${wantedText}, not ${describe(node)}`
  const details = { path, hint: typeHint(rules, node) }
  if (node.kind === 'scalar' && node.type !== 'null') findings.add(message, node, details)
  else findings.addAtKey(message, node, details)
}

function formsOf(rule: Rule): string[] {
  switch (rule.kind) {
    case 'scalar':
      return rule.types.map((type) => SCALAR_NAMES[type])
    case 'list':
      return ['a list']
    case 'fields':
    case 'dict':
      return ['a mapping']
    case 'either':
      return rule.forms.flatMap(formsOf)
  }
}

const SCALAR_NAMES: Readonly<Record<ScalarKind, string>> = {
  string: 'text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  null: 'empty',
}

function describe(node: Node): string {
  if (node.kind !== 'scalar') return node.kind === 'list' ? 'a list' : 'a mapping'
  switch (node.type) {
    case 'null':
      return 'empty'
    case 'bool':
      return `the boolean ${String(node.value)}`
    case 'time':
      return 'a date'
    case 'string':
      return `the text "${(node.value as string).slice(0, 40)}"`
    default:
      return `the number ${formatScalar(node)}`
  }
}

function typeHint(rules: readonly Rule[], node: Node): string | undefined {
  const forms = rules.flatMap((rule) => (rule.kind === 'either' ? rule.forms : [rule]))
  const given = forms.find((form) => form.kind === 'scalar' && form.hint !== undefined)
  if (given?.kind === 'scalar') return given.hint
  const takesText = forms.some((form) => form.kind === 'scalar' && form.types.includes('string'))
  if (node.kind === 'scalar' && node.type !== 'null') {
    if (takesText && node.type !== 'string') {
      const written = node.at.source.text.slice(node.at.start, node.at.end)
      return written.includes('\n') || written.length > 60 ? 'Put it in quotes.' : `Put it in quotes: "${written}".`
    }
    const listOfText = forms.some((form) => form.kind === 'list')
    if (listOfText && node.type === 'string') return `Write it as a list: ["${String(node.value)}"].`
    return undefined
  }
  return node.kind === 'scalar' ? 'Give it a value or take the key away.' : undefined
}

const subject = (path: KeyPath): string => {
  const last = path.at(-1)
  if (last === undefined) return 'The file'
  return typeof last === 'number' ? `Item ${last} of ${String(path.at(-2) ?? 'the list')}` : `"${last}"`
}
