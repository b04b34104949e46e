/** How traffic is divided: while a revision is on trial, and until nothing is left of the side that goes after it. */
import type { DesiredService, DesiredTrial } from './desired.ts'
import type { Draft } from './draft.ts'
import type { PlanInput } from './plan-input.ts'
import { NO_ROUTINGS, type Routed, type Split } from './routing.ts'
import { isOnTrial } from './trial.ts'

/** After all replicas are planned, on both sides. */
export function planSplits(draft: Draft, input: PlanInput): void {
  const { desired, memory } = input
  const { splits = {}, published } = memory.routings ?? NO_ROUTINGS
  const { trial } = desired
  for (const [service, split] of Object.entries(splits))
    if (trial?.services[service] === undefined && published[service] !== undefined) settle(draft, input, service, split)
  if (trial !== undefined) divide(draft, input, trial)
}

/**
 * Until all of its replicas count, what is on trial gets nothing; then all of its services get their part at once. More
 * than before comes after the replicas that are to bear it, less at once.
 */
function divide(draft: Draft, input: PlanInput, trial: DesiredTrial): void {
  const splits = input.memory.routings?.splits ?? {}
  const services = Object.values(trial.services).filter(({ run }) => run === 'running')
  const shareOf = ({ service }: DesiredService): number | undefined =>
    splits[service]?.revision === trial.revision ? splits[service].share : undefined
  const admits = draft.actions.filter(({ body, set }) => body.kind === 'admit-replica' && set === 'trial')

  const fresh = services.filter((service) => shareOf(service) === undefined)
  const held = split(draft, input, { key: 'none yet', services: fresh, share: 0, reason: 'until all of it counts' })
  for (const { id } of admits) draft.order(id, held)

  const reason = `${trial.share} % goes to revision ${trial.revision}`
  const less = services.filter((service) => (shareOf(service) ?? 0) > trial.share)
  split(draft, input, { key: 'less', services: less, share: trial.share, reason })
  const more = services.filter((service) => (shareOf(service) ?? 0) < trial.share)
  if (!more.every((service) => isComplete(draft, input, service))) return
  const after = [...held, ...admits.map(({ id }) => id)]
  split(draft, input, { key: 'share', services: more, share: trial.share, reason, after })
}

/** Each of its replicas on trial is in the ingress, or will be by this plan. */
function isComplete({ actions }: Draft, { desired, observed, memory }: PlanInput, service: DesiredService): boolean {
  const { routed } = memory.routings ?? NO_ROUTINGS
  const counting = new Set<number>()
  for (const { body, set } of actions)
    if (body.kind === 'admit-replica' && set === 'trial' && body.service === service.service) counting.add(body.replica)
  for (const container of observed.containers)
    if (container.service === service.service && isOnTrial(container, desired))
      if (container.state === 'running' && routed[container.id]?.state === 'ready') counting.add(container.replica)
  return counting.size >= service.replicas
}

/**
 * The trial is over: the side that goes gets nothing new before anything of it drains, or no more than its part of what is
 * there. Once nothing is left of it there is nothing to divide.
 */
function settle(draft: Draft, input: PlanInput, name: string, before: Split): void {
  const service = input.desired.services[name]
  if (service?.routing === undefined || service.run !== 'running') return
  const isPromoted = service.revision === before.revision
  const leaving = Object.entries(input.memory.routings?.routed ?? {})
    .filter(([, routed]: [string, Routed]) => routed.service === name)
    .filter(([, { revision }]) => (revision === before.revision) !== isPromoted)
    .map(([id]) => id)
  const goes = (id: string): boolean => draft.has(`remove-container ${id}`)
  // A promotion that is taken back: there are containers of both, as in any rollout.
  if (leaving.length === 0 || (before.isPromoted === true && !isPromoted)) {
    merge(draft, input, name, [])
    return
  }
  const isSaid = isPromoted ? before.isPromoted === true : before.share === 0
  if (!isSaid) {
    const share = isPromoted ? before.share : 0
    const reason = isPromoted ? 'it takes over' : 'it goes'
    const of = { revision: before.revision, isPromoted }
    const told = split(draft, input, { key: name, services: [service], share, reason, of })
    for (const id of leaving)
      for (const kind of ['drain-replica', 'stop-container', 'remove-container']) draft.order(`${kind} ${id}`, told)
  }
  if (leaving.every(goes)) merge(draft, input, name, leaving)
}

/** Answers its id; nothing where it is about no service. */
function split(
  draft: Draft,
  { desired }: PlanInput,
  how: {
    readonly key: string
    readonly services: readonly DesiredService[]
    readonly share: number
    readonly reason: string
    readonly after?: readonly string[]
    readonly of?: { readonly revision: number; readonly isPromoted: boolean }
  },
): string[] {
  const services = how.services.map(({ service }) => service)
  if (services.length === 0) return []
  const { revision, isPromoted } = how.of ?? { revision: desired.trial!.revision, isPromoted: false }
  const body = { kind: 'split-traffic' as const, services, revision, share: how.share, isPromoted }
  const object = `Ingress ${desired.stack}/${services.join(',')}`
  const { key, reason, after } = how
  return [draft.add({ body, key, object, effect: 'change', reason, ...(after && { after }) })]
}

function merge(draft: Draft, { desired }: PlanInput, service: string, gone: readonly string[]): void {
  draft.add({
    body: { kind: 'merge-traffic', services: [service] },
    key: service,
    object: `Ingress ${desired.stack}/${service}`,
    service,
    effect: 'change',
    reason: 'nothing is on trial any more',
    after: gone.map((id) => `remove-container ${id}`),
  })
}
