/** Whether what is on trial fails, and whether its time is over. Pure. */
import type { TrialFailure } from './actions.ts'
import type { DesiredTrial } from './desired.ts'
import type { ObservedContainer } from './observed.ts'
import type { PlanInput } from './plan-input.ts'
import { tolerates } from './rollout.ts'
import type { Split } from './routing.ts'

/** `rest`: what serves; `tried`: what is on trial. */
export function trialFailure(rest: PlanInput, tried: PlanInput): TrialFailure | undefined {
  for (const service of Object.values(rest.desired.trial?.services ?? {})) {
    if (service.run !== 'running') continue
    const own = (input: PlanInput): ObservedContainer[] =>
      input.observed.containers.filter(
        (one) => one.service === service.service && one.ownership === 'ours' && !one.oneOff,
      )
    // What the Engine has not brought back after it was away is down on both sides, and says nothing of a version.
    const isServing = own(rest).some(({ state }) => state === 'running')
    const failed = own(tried).filter((container) => hasFailed(container, tried, isServing))
    const update = service.rollouts?.update
    if (failed.length === 0 || update === undefined || tolerates(update, failed.length, service.replicas)) continue
    const remedy = update.failureAction === 'pause' ? 'pause' : 'abort'
    const ids = failed.map(({ id }) => id)
    return { kind: 'failed', service: service.service, failed: ids, why: failed.map(words).join(', '), remedy }
  }
  return undefined
}

function hasFailed(container: ObservedContainer, { memory }: PlanInput, isServing: boolean): boolean {
  if (container.health === 'unhealthy' || container.state === 'dead') return true
  if (memory.crashed?.includes(container.id) === true) return true
  if (memory.halted?.[container.id] !== undefined || !isServing) return false
  return container.state === 'exited' || container.state === 'restarting'
}

const words = ({ name, state, health, exitCode }: ObservedContainer): string => {
  if (state === 'running') return `container ${name} ${health === 'unhealthy' ? 'is unhealthy' : 'has ended by itself'}`
  return `container ${name} exited (${exitCode ?? '?'})`
}

/** When the others have been kept for long enough: Unix milliseconds. Undefined: that is for a person to say. */
export function trialOverAtMs(
  { revision, keepMs, services }: Pick<DesiredTrial, 'revision' | 'keepMs'> & { readonly services: readonly string[] },
  splits: Readonly<Record<string, Split>> = {},
): number | undefined {
  if (keepMs === undefined) return undefined
  const served = services.map((service) => splits[service])
  if (served.some((split) => split?.revision !== revision || split.share < 100)) return undefined
  return Math.max(...served.map((split) => split!.sinceMs)) + keepMs
}
