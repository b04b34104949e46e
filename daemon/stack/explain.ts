/** What differs between two definitions of a service, by key. Names of keys only: values may be secret. */
import type { Service } from '../../protocol/stackfile/model.ts'

/** Keys that change nothing about a container: changing them replaces none. */
const WITHOUT_EFFECT = new Set([
  'build',
  'depends_on',
  'develop',
  'profiles',
  'pull_policy',
  'scale',
  'attach',
  'post_start',
  'pre_stop',
  'x-evenkeel',
])
/** Keys whose parts say more than the whole: `environment.VERSION`. */
const BY_PART = new Set(['environment', 'labels', 'networks', 'logging', 'healthcheck'])

export function differingKeys(before: Service, after: Service): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  const found: string[] = []
  for (const key of [...keys].sort()) {
    if (WITHOUT_EFFECT.has(key)) continue
    const a = felt(key, before)
    const b = felt(key, after)
    if (canonical(a) === canonical(b)) continue
    if (BY_PART.has(key) && isRecord(a ?? {}) && isRecord(b ?? {})) {
      found.push(...differingParts(key, (a ?? {}) as Record<string, unknown>, (b ?? {}) as Record<string, unknown>))
    } else found.push(key)
  }
  return found
}

/** Of `deploy`, a container feels its resources and its restart policy. */
function felt(key: string, spec: Service): unknown {
  if (key !== 'deploy') return spec[key as keyof Service]
  const { resources, restart_policy } = spec.deploy ?? {}
  return { resources, restart_policy }
}

function differingParts(key: string, a: Record<string, unknown>, b: Record<string, unknown>): string[] {
  const parts = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...parts].sort().flatMap((part) => (canonical(a[part]) === canonical(b[part]) ? [] : [`${key}.${part}`]))
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** JSON with sorted keys, so that the order in a file makes no difference. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    isRecord(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  )
}
