/** The keys of the language as paths (`services.healthcheck.test`): all that there are, and those that a file uses. */
import type { Rule } from '../../../protocol/stackfile/rules.ts'
import { STACK_FILE } from '../../../protocol/stackfile/schema.ts'

export function allKeys(rule: Rule = STACK_FILE, path = ''): Set<string> {
  switch (rule.kind) {
    case 'scalar':
      return new Set()
    case 'list':
    case 'dict':
      return allKeys(rule.item, path)
    case 'either':
      return new Set(rule.forms.flatMap((form) => [...allKeys(form, path)]))
    case 'fields': {
      const keys = [...rule.fields].flatMap(([key, value]) => [below(path, key), ...allKeys(value, below(path, key))])
      return new Set(keys)
    }
  }
}

export function keysOf(value: unknown, rule: Rule = STACK_FILE, path = ''): Set<string> {
  if (typeof value !== 'object' || value === null || rule.kind === 'scalar') return new Set()
  if (rule.kind === 'either') return new Set(rule.forms.flatMap((form) => [...keysOf(value, form, path)]))
  if (rule.kind === 'list') {
    return new Set(Array.isArray(value) ? value.flatMap((item) => [...keysOf(item, rule.item, path)]) : [])
  }
  if (Array.isArray(value)) return new Set()
  const found = Object.entries(value).flatMap(([key, item]) => {
    if (rule.kind === 'dict') return [...keysOf(item, rule.item, path)]
    const field = rule.fields.get(key)
    return field === undefined ? [] : [below(path, key), ...keysOf(item, field, below(path, key))]
  })
  return new Set(found)
}

const below = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`)
