/** `x-evenkeel.release` of a stack, and what `dns` of its services says of it. */
import type { Model } from './model.ts'
import { isMap, type PolicyFinding, unknownKeys } from './policy-finding.ts'

const RELEASES = ['atomic', 'rolling']

/** Below `x-evenkeel` of the stack. */
export function stackPolicyFindings(policy: unknown): PolicyFinding[] {
  if (!isMap(policy))
    return [{ message: 'x-evenkeel is to be a mapping', path: [], hint: 'Such as {release: atomic}.' }]
  const found = unknownKeys(policy, ['release'], [])
  if (policy.release !== undefined && !RELEASES.includes(String(policy.release)))
    found.push({ message: `release is to be one of ${RELEASES.join(', ')}`, path: ['release'] })
  return found
}

/** All that changes is switched at once, or nothing of it. */
export function isAtomic(model: Pick<Model, `x-${string}`>): boolean {
  const policy = model['x-evenkeel']
  return isMap(policy) && policy.release === 'atomic'
}

/** It is switched with the rest of its stack; its name knows its version. */
export const isReleased = (model: Model, service: string): boolean =>
  isAtomic(model) && model.services[service]?.['x-evenkeel']?.dns !== 'shared'

/** What does not go together with how the stack is released, below the service. */
export function releaseFindings(model: Model, name: string): PolicyFinding[] {
  const service = model.services[name]!
  const path = ['x-evenkeel', 'dns']
  if (!isAtomic(model) && isMap(service['x-evenkeel']) && service['x-evenkeel'].dns !== undefined)
    return [{ message: 'dns needs "x-evenkeel: {release: atomic}" on the stack: else no name knows a version', path }]
  if (!isReleased(model, name)) return []
  const hint =
    'An atomic release is switched as a whole, or not at all. "x-evenkeel: {dns: shared}" leaves a service out.'
  return (['update_config', 'rollback_config'] as const).flatMap((key) => {
    const config: unknown = service.deploy?.[key]
    if (!isMap(config)) return []
    const refuse = (word: string, value: unknown): PolicyFinding => ({
      message: `${word}: ${value} cannot be had in a stack with "release: atomic"`,
      path: ['deploy', key, word],
      hint,
    })
    const { order, failure_action: action, max_failure_ratio: ratio } = config
    return [
      ...(order === 'stop-first' ? [refuse('order', order)] : []),
      ...(action === 'pause' || action === 'continue' ? [refuse('failure_action', action)] : []),
      ...(typeof ratio === 'number' && ratio > 0 ? [refuse('max_failure_ratio', ratio)] : []),
    ]
  })
}
