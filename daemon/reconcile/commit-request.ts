/** Makes what a request asks for the desired state, or puts it on trial beside that. Part of a transaction of its caller's. */
import type { ImagePin } from '../../protocol/resources/revision.ts'
import type { UpOptions } from '../../protocol/resources/stack.ts'
import type { StepsState } from '../stack/steps.ts'
import type { DeploymentRow } from '../store/deployments.ts'
import type { Store } from '../store/store.ts'
import { beginTrial } from './commit-trial.ts'
import type { Core } from './core.ts'
import { rememberReleases } from './decide-releases.ts'
import { goodState, rememberGood } from './go-back.ts'
import { owedSteps } from './owed-steps.ts'
import type { Pinned } from './pinned.ts'
import { type ChangeRequest, fillsVacancies, isOperation } from './requests.ts'
import type { AppliedState } from './stack-state.ts'

interface Commitment {
  readonly row: Pick<DeploymentRow, 'id' | 'stack' | 'requestedBy'>
  readonly request: ChangeRequest
  readonly applied: AppliedState
  readonly pins: readonly ImagePin[]
  readonly at: string
}

/** Answers what a person is to know of it. Throws where it cannot be tried. */
export function commitRequest(core: Pick<Core, 'store' | 'desired'>, commitment: Commitment): readonly string[] {
  const { store } = core
  const { row, request, applied, pins, at } = commitment
  const name = row.stack
  // From before there were good states: what is steady is one.
  if (goodState(store, name) === undefined && store.stacks.find(name)?.condition === 'steady') rememberGood(store, name)
  const before = store.stacks.services(name)
  const pinned = pinImages(store, name, applied, pins, at)
  store.deployments.applied(row.id, pinned.revision)
  if (request.kind === 'up' && request.options.trial !== undefined)
    return tryBeside(core, commitment, pinned, { ...request.options, trial: request.options.trial }, request.revision)
  rememberReleases(store, applied)
  saveDesired(store, applied, pinned)
  const isOperating = isOperation(request)
  for (const { service, run } of pinned.services) {
    if (applied.scope !== 'all' && !applied.scope.has(service)) continue
    store.memory.forget(name, 'paused', service)
    if (fillsVacancies(request)) fill(store, name, service)
    if (isOperating && run === 'running') continue
    if (run === 'running') store.memory.set(name, 'owed', service, true)
    else store.memory.forget(name, 'owed', service)
  }
  if (request.kind === 'up' || request.kind === 'promote') {
    markProtected(store, name, pinned.revision)
    oweSteps(store, name, {
      scope: applied.scope,
      before,
      isWayBack: request.kind === 'up' && request.images === 'pinned',
    })
  }
  return []
}

/** What serves stays what is desired of the stack. */
function tryBeside(
  core: Pick<Core, 'store' | 'desired'>,
  { row, applied: { stack }, at }: Commitment,
  pinned: Pinned,
  options: UpOptions & { readonly trial: NonNullable<UpOptions['trial']> },
  asked: number,
): readonly string[] {
  const trial = beginTrial(core, { stack, pinned, options, asked, by: row.requestedBy, at })
  if (trial === undefined) return ['nothing was put on trial: what serves is as the file says']
  core.store.trials.save(trial)
  core.store.stacks.setCondition(stack.name, 'converging', undefined, at)
  const { waiting } = trial
  return waiting.length === 0
    ? []
    : [`until it is promoted these stay as they were: ${waiting.join(', ')} (not behind the ingress)`]
}

function saveDesired({ stacks, trials }: Store, { stack, trial }: AppliedState, { revision, services }: Pinned): void {
  const { name } = stack
  stacks.save({ ...stack, revision })
  if (trial === undefined) trials.forget(name)
  else trials.save(trial)
  for (const state of stacks.services(name))
    if (!services.some(({ service }) => service === state.service)) stacks.removeService(name, state.service)
  for (const state of services) stacks.saveService(name, state)
}

function oweSteps(
  { stacks, memory, revisions }: Store,
  name: string,
  about: Pick<Parameters<typeof owedSteps>[0], 'scope' | 'before' | 'isWayBack'>,
): void {
  const remembered = memory.all(name, 'steps') as Record<string, StepsState>
  const owed = owedSteps({
    ...about,
    after: stacks.services(name),
    modelOf: (number) => revisions.find(name, number)!.model,
    remembered,
  })
  for (const service of Object.keys(remembered)) if (owed[service] === undefined) memory.forget(name, 'steps', service)
  for (const [service, state] of Object.entries(owed)) memory.set(name, 'steps', service, state)
}

/** Replicas that were left empty on purpose are wanted again. */
function fill({ memory }: Store, stack: string, service: string): void {
  for (const key of Object.keys(memory.all(stack, 'vacant')))
    if (key.startsWith(`${service} `)) memory.forget(stack, 'vacant', key)
}

/** The file's word on its volumes, renewed with each `up`. One that left the file keeps its mark. */
function markProtected({ memory, revisions }: Store, name: string, revision: number): void {
  const marks = memory.all(name, 'protected')
  for (const volume of Object.values(revisions.find(name, revision)?.model.volumes ?? {})) {
    if (volume === null || volume.external === true) continue
    if (volume['x-evenkeel']?.protect === true) memory.set(name, 'protected', volume.name, 'file')
    else if (marks[volume.name] === 'file') memory.forget(name, 'protected', volume.name)
  }
}

/**
 * A revision is pinned to images once; where a tag means another image by now, an explicit request makes a further revision
 * of the same model. `oneOffs` take the newest image, and leave the replicas of their services at the revision and image that
 * those have.
 */
function pinImages(store: Store, stack: string, applied: AppliedState, pins: readonly ImagePin[], at: string): Pinned {
  const services = new Map(applied.services.map((state) => [state.service, state]))
  const oneOffs = new Set(applied.oneOffs.map(({ service }) => service))
  let { revision } = applied.stack
  const known = new Map(store.revisions.pins(stack, revision).map((pin) => [pin.service, pin.imageId]))
  const moved = pins.some((pin) => {
    const before = known.get(pin.service)
    const isAt = oneOffs.has(pin.service) || services.get(pin.service)?.revision === revision
    return isAt && before !== undefined && before !== pin.imageId
  })
  if (moved) {
    const copy = store.revisions.latestNumber(stack) + 1
    const of = store.revisions.find(stack, revision)!
    store.revisions.add({ ...of, number: copy, createdAt: at, note: 'images were resolved again' })
    for (const pin of store.revisions.pins(stack, revision)) store.revisions.pin(stack, copy, pin)
    for (const [service, state] of services) {
      if (state.revision === revision && !oneOffs.has(service)) services.set(service, { ...state, revision: copy })
    }
    revision = copy
  }
  for (const pin of pins) {
    store.revisions.pin(stack, oneOffs.has(pin.service) ? revision : services.get(pin.service)!.revision, pin)
  }
  return { revision, services: [...services.values()] }
}
