/** Steps of a deployment: what runs before anything is switched to the new revision of a service, and what after. */
import { withDependencies } from './dependencies.ts'
import type { DesiredService } from './desired.ts'
import type { Draft } from './draft.ts'
import { awaitReady, gatesOf } from './gates.ts'
import type { PlanInput } from './plan-input.ts'
import { ReplicaActions } from './replica-actions.ts'
import type { ServiceWork, Stages } from './service-work.ts'
import type { StepsState, StepTime } from './steps.ts'

export function planSteps(
  draft: Draft,
  input: PlanInput,
  work: ReadonlyMap<string, ServiceWork>,
  stages: Stages,
): void {
  const dependencies = Object.fromEntries([...work].map(([name, { service }]) => [name, service.dependsOn]))
  for (const own of work.values()) {
    const { service } = own
    const state = input.memory.steps?.[service.service]
    if (service.steps === undefined || state?.revision !== service.revision || service.run !== 'running') continue
    if (waitsForPerson(state, input)) {
      draft.concern(
        `a step ${state.stage} revision ${service.revision} of ${service.service} has failed: evenkeel up tries it again, evenkeel rollback goes back`,
      )
      continue
    }
    if (state.stage === 'before' && !hasNew(draft, input, service)) continue
    let last: string[] = []
    if (state.stage === 'before' && service.steps.before.length > 0) {
      const needed = new ReplicaActions(draft, input, stages, service, false).needs()
      const step = addSteps(draft, input, service, 'before', [...needed, ...gatesOf(draft, input, work, service)])
      holdBack(draft, step, withDependencies([service.service], dependencies), service.service)
      last = [step]
    }
    if (service.steps.after.length > 0)
      addSteps(draft, input, service, 'after', [...last, awaitReady(draft, input, own)])
  }
}

/** One that failed is not run again by the loop itself, and nothing is switched to what it was to prepare. */
export const waitsForPerson = (state: StepsState | undefined, { policy }: PlanInput): boolean =>
  policy.mode === 'heal' && state?.hasFailed === true

/** A container of it is made, or was by an earlier run that did not get to start it. */
function hasNew(draft: Draft, { observed }: PlanInput, { service }: DesiredService): boolean {
  return (
    draft.actions.some(({ body }) => body.kind === 'create-container' && body.service === service) ||
    observed.containers.some(
      (one) => one.ownership === 'ours' && !one.oneOff && one.service === service && one.state === 'created',
    )
  )
}

function addSteps(
  draft: Draft,
  { desired }: PlanInput,
  { service, steps }: DesiredService,
  when: StepTime,
  after: readonly string[],
): string {
  return draft.add({
    body: { kind: 'run-steps', service, when },
    key: `${service} ${when}`,
    object: `Steps ${desired.stack}/${service} ${when}`,
    service,
    effect: 'wait',
    reason: (steps?.[when] ?? []).map((words) => words.join(' ')).join('; '),
    after,
  })
}

/**
 * Nothing is switched before the step: not the service, and none other but those that it depends on. What the step itself
 * waits for comes first in any case.
 */
function holdBack(draft: Draft, step: string, dependencies: ReadonlySet<string>, service: string): void {
  const first = ancestorsOf(draft, step)
  for (const { id, body, service: of } of draft.actions) {
    if (!SWITCHING.has(body.kind) || first.has(id)) continue
    if (of === service || of === undefined || !dependencies.has(of)) draft.order(id, [step])
  }
}

const SWITCHING: ReadonlySet<string> = new Set([
  'start-container',
  'stop-container',
  'restart-container',
  'remove-container',
  'admit-replica',
  'drain-replica',
  'unpublish-service',
])

function ancestorsOf(draft: Draft, id: string): ReadonlySet<string> {
  const actions = new Map(draft.actions.map((action) => [action.id, action]))
  const found = new Set<string>()
  const visit = (one: string): void => {
    if (found.has(one)) return
    found.add(one)
    for (const before of actions.get(one)?.after ?? []) visit(before)
  }
  visit(id)
  return found
}
