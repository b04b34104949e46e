/** What a request would do, without doing it: the same pure functions over a state that is not stored. */
import { Problem } from '../../protocol/problems.ts'
import type { Plan } from '../../protocol/resources/plan.ts'
import type { ImagePin } from '../../protocol/resources/revision.ts'
import type { Trial } from '../../protocol/resources/trial.ts'
import type { StackPlan } from '../stack/actions.ts'
import { type Adopted, withAdopted } from '../stack/adopted.ts'
import { containerName } from '../stack/container-name.ts'
import type { DesiredStack } from '../stack/desired.ts'
import { COMPOSE } from '../stack/labels.ts'
import { plan as planStack } from '../stack/plan.ts'
import { HEAL } from '../stack/policy.ts'
import { withEveryRelease } from '../stack/release.ts'
import type { ServiceRouting } from '../stack/routing.ts'
import type { RevisionRow } from '../store/revisions.ts'
import { applyRequest } from './apply-request.ts'
import { changeReason } from './change-reason.ts'
import { trialOf } from './commit-trial.ts'
import type { Core } from './core.ts'
import { decideReleases } from './decide-releases.ts'
import { driftOf } from './drift.ts'
import { type ImageStageInput, imageWork, resolvePins } from './image-stage.ts'
import { drawImages, ImageTable } from './images.ts'
import { owedSteps } from './owed-steps.ts'
import { imageOptionsOf, policyOf, type StackRequest } from './requests.ts'
import { memoryOf, prepareRound } from './run-plan.ts'
import type { AppliedState, StackState } from './stack-state.ts'
import { trialAt, trialOfRow } from './views.ts'

export async function previewRequest(
  core: Core,
  before: StackState | undefined,
  request: Extract<StackRequest, { kind: 'up' }>,
  candidate: RevisionRow,
  signal: AbortSignal,
  /** What would be adopted before it, and images that the candidate is pinned to already. */
  given: { readonly adopted?: readonly Adopted[]; readonly pins?: readonly ImagePin[] } = {},
): Promise<Plan> {
  const { store } = core
  const stack = candidate.stack
  const revision = (number: number) => (number === candidate.number ? candidate : store.revisions.find(stack, number))
  const now = core.clock.now()
  const applied = applyRequest(stack, before, request, (number) => revision(number)!.model, now.toISOString())
  const table = new ImageTable(core.engine)
  const pinsOf = (number: number) =>
    number === candidate.number && given.pins !== undefined ? given.pins : store.revisions.pins(stack, number)
  const unpinned = core.desired.compose(applied.stack, applied.services, revision, pinsOf)
  const input: ImageStageInput = {
    desired: unpinned,
    scope: applied.scope,
    options: imageOptionsOf(request),
    table,
    revisionOf: (service) => revision(unpinned.services[service]!.revision)!,
    now,
  }
  const work = await imageWork(input, signal)
  const pending = new Set(work.map((item) => item.service))
  const resolved = (await resolvePins(input, 'skip', signal)).filter((pin) => !pending.has(pin.service))
  const pins = [
    ...resolved,
    ...(given.pins ?? []).filter((pin) => !resolved.some(({ service }) => service === pin.service)),
  ]
  const pinsThen = (number: number) => [
    ...resolved,
    ...pinsOf(number).filter((pin) => !resolved.some((other) => other.service === pin.service)),
  ]
  const released = decideReleases(core, { before, applied, revision, pins })
  const next = core.desired.compose(applied.stack, released.services, revision, pinsThen)
  const asked = { before, applied: released, request, next, at: now.toISOString() }
  const { desired: declared, trial } = tried(core, asked, revision, pinsThen)
  const observed = withAdopted(await core.observer.observe(declared, signal), given.adopted ?? [])
  const desired = withEveryRelease(declared, observed)
  const memory = memoryOf(core, stack, observed)
  const planned = planStack({
    nowMs: now.getTime(),
    desired,
    observed,
    memory: {
      ...memory,
      // An `up` fills what was left empty on purpose.
      steps: owedSteps({
        scope: applied.scope,
        before: before?.services ?? [],
        after: applied.services,
        modelOf: (number) => revision(number)!.model,
        remembered: memory.steps,
        isWayBack: request.images === 'pinned',
      }),
      vacant: memory.vacant.filter((key) => applied.scope !== 'all' && !applied.scope.has(key.split(' ')[0]!)),
    },
    policy: policyOf(request, applied.scope),
    imageActions: (draft) => {
      const ids = drawImages(work)(draft)
      return Object.fromEntries(Object.keys(desired.services).map((service) => [service, ids]))
    },
    explain: (container) => changeReason(container, desired, revision),
  })
  const unknown = [...pending].filter((service) =>
    observed.containers.some((container) => container.ownership === 'ours' && container.service === service),
  )
  const words = unknown.map(
    (service) => `whether ${service} is replaced is known once its image has been pulled or built`,
  )
  return toPlan(stack, planned, { words, trial, drift: await drifted(core, stack, signal) })
}

/** Where a trial is asked for, what serves stays, and has that beside it; `next` is what it would be without. */
function tried(
  core: Core,
  {
    before,
    applied,
    request,
    next,
    at,
  }: {
    readonly before: StackState | undefined
    readonly applied: AppliedState
    readonly request: Extract<StackRequest, { kind: 'up' }>
    readonly next: DesiredStack
    readonly at: string
  },
  revision: (number: number) => RevisionRow | undefined,
  pins: (number: number) => readonly ImagePin[],
): { readonly desired: DesiredStack; readonly trial?: Trial } {
  const { options, revision: asked } = request
  if (before === undefined || options.trial === undefined) return { desired: next }
  const { stack, services } = applied
  const serving = core.desired.compose(before.stack, before.services, revision)
  const published = core.store.memory.all(stack.name, 'published') as Record<string, ServiceRouting>
  const pinned = { revision: stack.revision, services }
  const trial = trialOf(serving, next, published, {
    stack,
    pinned,
    options: { ...options, trial: options.trial },
    asked,
    by: '',
    at,
  })
  if (trial === undefined) return { desired: serving }
  return { desired: core.desired.withTrial(serving, trial, revision, pins), trial: trialOfRow(trial) }
}

/** What the loop would do by itself now. */
export async function previewDrift(core: Core, stack: string, signal: AbortSignal): Promise<Plan> {
  const desired = core.desired.read(stack)
  if (desired === undefined) throw new Problem('stack-not-found', `there is no stack ${stack}`)
  const { plan } = await prepareRound(core, desired, { policy: HEAL }, signal)
  const trial = trialAt(core.store, stack)
  return toPlan(stack, plan, { words: [], trial, drift: await drifted(core, stack, signal) })
}

async function drifted(core: Core, stack: string, signal: AbortSignal): Promise<Plan['drift']> {
  const summaries = await core.observer.containers(stack, signal)
  const drift = await driftOf(core, stack, summaries, signal)
  return summaries.flatMap((summary) => {
    const fields = drift.get(summary.Id)
    return fields === undefined
      ? []
      : [{ container: containerName(summary), service: summary.Labels[COMPOSE.service] ?? '', fields }]
  })
}

function toPlan(
  stack: string,
  plan: StackPlan,
  {
    words,
    trial,
    drift,
  }: { readonly words: readonly string[]; readonly trial?: Trial | undefined } & Pick<Plan, 'drift'>,
): Plan {
  if (plan.blocked !== undefined) throw new Problem('stack-blocked', plan.blocked.reason, { hint: plan.blocked.hint })
  const objects = new Map<string, string>()
  for (const action of plan.actions) {
    if (action.effect !== 'wait') objects.set(action.object, stronger(objects.get(action.object), action.effect))
  }
  const count = (effect: string) => [...objects.values()].filter((other) => other === effect).length
  return {
    stack,
    actions: plan.actions.map(({ id, body, object, service, effect, reason, after }) => ({
      id,
      action: body.kind,
      object,
      ...(service === undefined ? {} : { service }),
      effect,
      reason,
      after: [...after],
    })),
    counts: {
      create: count('create'),
      change: count('change'),
      replace: count('replace'),
      remove: count('remove'),
      unchanged: plan.unchanged,
    },
    rollouts: [...plan.rollouts],
    warnings: [...plan.warnings, ...plan.concerns, ...words],
    ...(trial === undefined ? {} : { trial }),
    drift,
  }
}

const STRENGTH = ['change', 'create', 'remove', 'replace']

function stronger(a: string | undefined, b: string): string {
  return a === undefined || STRENGTH.indexOf(b) > STRENGTH.indexOf(a) ? b : a
}
