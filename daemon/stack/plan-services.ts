/** Services: their replicas made, replaced, started, stopped and removed, in the order that `depends_on` asks for. */
import { dependencyOrder, jobsOf } from './dependencies.ts'
import type { Draft } from './draft.ts'
import { gateStarts } from './gates.ts'
import { matchService } from './match.ts'
import type { ObservedContainer } from './observed.ts'
import { type Removed, removeContainer, removeInReverse } from './plan-down.ts'
import type { PlanInput } from './plan-input.ts'
import { freePorts, refuseKeptPorts } from './plan-ports.ts'
import { ReplicaPlanner } from './plan-replica.ts'
import { planRouting } from './plan-routing.ts'
import { planSteps } from './plan-steps.ts'
import type { ServiceWork, Stages } from './service-work.ts'

/** Answers what is done to each. */
export function planServices(draft: Draft, input: PlanInput, stages: Stages): ReadonlyMap<string, ServiceWork> {
  const { desired, observed } = input
  const dependencies = Object.fromEntries(Object.values(desired.services).map((s) => [s.service, s.dependsOn]))
  const order = dependencyOrder(Object.keys(desired.services), dependencies)
  const jobs = jobsOf(dependencies)
  const own = observed.containers.filter((container) => container.ownership === 'ours' && !container.oneOff)
  const work = new Map<string, ServiceWork>()

  for (const name of order) {
    const service = desired.services[name]!
    const planner = new ReplicaPlanner(draft, input, stages, service, jobs.has(name))
    const match = matchService(
      service,
      own.filter((container) => container.service === name),
      observed,
    )
    for (const container of match.excess) planner.remove(container, `${name} has ${service.replicas} replica(s)`)
    for (const replica of match.replicas) planner.plan(replica)
    planner.finish()
    work.set(name, planner.work)
  }
  gateStarts(draft, input, work)
  stopInReverse(draft, work, order)
  const removed = [...removeDropped(draft, input, own, dependencies), ...treatForeign(draft, input)]
  planRouting(draft, input, work)
  planSteps(draft, input, work, stages)
  freeNames(draft, removed)
  freePorts(draft, input, work)
  refuseKeptPorts(draft, input, work)
  freeNetworks(draft, input, stages)
  replaceTogether(draft, input, stages)
  return work
}

/**
 * A network is made anew for all of its services or for none: where one of them is refused, the containers of the others
 * stay, for the network would stay as well, and nothing would come in their place.
 */
function replaceTogether(draft: Draft, { desired, observed }: PlanInput, { networks }: Stages): void {
  const isReplaced = (name: string): boolean => networks.replaced[name] !== undefined
  const refusals = draft.actions
    .filter(({ body }) => body.kind === 'refuse')
    .filter(({ service }) => desired.services[service ?? '']?.networks.some(isReplaced))
    .map(({ id }) => id)
  if (refusals.length === 0) return
  for (const { id, body, effect } of draft.actions) {
    if ((body.kind !== 'stop-container' && body.kind !== 'remove-container') || effect !== 'replace') continue
    const container = observed.containers.find((candidate) => candidate.id === body.id)
    if (Object.keys(container?.networks ?? {}).some(isReplaced)) draft.order(id, refusals)
  }
}

/** Whoever takes the name of a container that goes waits until that has gone. */
function freeNames(draft: Draft, removed: readonly Removed[]): void {
  for (const { container, removed: gone } of removed) {
    for (const { id, body } of draft.actions) {
      if ((body.kind === 'create-container' || body.kind === 'rename-container') && body.name === container.name) {
        draft.order(id, [gone])
      }
    }
  }
}

/** A network that is made anew can go only when every container that leaves it has left. */
function freeNetworks(draft: Draft, { observed }: PlanInput, stages: Stages): void {
  for (const [name, { removal }] of Object.entries(stages.networks.replaced)) {
    for (const { id, body } of draft.actions) {
      if (body.kind !== 'remove-container') continue
      const container = observed.containers.find((candidate) => candidate.id === body.id)
      if (container?.networks[name] !== undefined) draft.order(removal, [id])
    }
  }
}

/** `stop`: a service stops after the services that depend on it, as far as they are no circle. */
function stopInReverse(draft: Draft, work: ReadonlyMap<string, ServiceWork>, order: readonly string[]): void {
  const before = new Set<string>()
  for (const name of order) {
    for (const dependency of Object.keys(work.get(name)!.service.dependsOn)) {
      if (!before.has(dependency)) continue
      for (const stop of work.get(dependency)?.stops ?? []) draft.order(stop, work.get(name)!.stops)
    }
    before.add(name)
  }
}

/** Containers of services that a revision dropped go with that revision. A service whose profile is off is left alone. */
function removeDropped(
  draft: Draft,
  input: PlanInput,
  own: readonly ObservedContainer[],
  dependencies: Parameters<typeof dependencyOrder>[1],
): Removed[] {
  const kept = new Set([...Object.keys(input.desired.services), ...input.desired.disabled])
  const dropped = own.filter((container) => !kept.has(container.service))
  return removeInReverse(draft, input, dropped, dependencies, {
    reason: `its service is no longer in the file (revision ${input.desired.revision})`,
    anonymousVolumes: 'keep',
  })
}

/** Containers of the same project that are none of its replicas: reported, and removed only where that was asked for. */
function treatForeign(draft: Draft, input: PlanInput): Removed[] {
  const { desired, observed, policy } = input
  const removed: Removed[] = []
  const remove = (container: ObservedContainer, reason: string): void => {
    const how = { reason, anonymousVolumes: 'keep' as const, after: [], force: policy.graceSeconds === 0 }
    const [stopped, gone] = removeContainer(draft, container, how)
    removed.push({ container, stopped, removed: gone })
  }
  for (const container of observed.containers) {
    // By Compose's rule a one-off that has ended is an orphan, whoever made it; one that runs is nobody's affair.
    if (container.oneOff ? !hasEnded(container) : container.ownership === 'ours') continue
    const named = desired.services[container.service] !== undefined && !container.oneOff
    if (named && policy.lookAlikes === 'replace') {
      // Those whose place is wanted and free are replaced where that place is planned.
      if (!isHolder(container, input)) remove(container, 'it is taken over (--take-over), and its place is not wanted')
    } else if (policy.orphans === 'remove' && !named) {
      remove(container, 'it is an orphan, and --remove-orphans was given')
    } else {
      draft.warn(
        named
          ? `container ${container.name} looks like one of this stack and was not made here: it is left alone`
          : `container ${container.name} of this project is an orphan: --remove-orphans removes it`,
      )
    }
  }
  return removed
}

const hasEnded = ({ state }: ObservedContainer): boolean => state === 'exited' || state === 'dead'

function isHolder(container: ObservedContainer, { desired, observed }: PlanInput): boolean {
  const service = desired.services[container.service]
  if (service === undefined || service.run === 'removed' || container.replica > service.replicas) return false
  return !observed.containers.some(
    (other) =>
      other.ownership === 'ours' &&
      !other.oneOff &&
      other.service === container.service &&
      other.replica === container.replica,
  )
}
