/** Services: their replicas made, replaced, started, stopped and removed, in the order that `depends_on` asks for. */
import { dependencyOrder, isJob } from './dependencies.ts'
import type { DesiredService } from './desired.ts'
import type { Draft } from './draft.ts'
import { gateStarts } from './gates.ts'
import { matchService } from './match.ts'
import type { ObservedContainer } from './observed.ts'
import type { PlanInput } from './plan.ts'
import { removeContainer, removeInReverse } from './plan-down.ts'
import type { NetworkStage } from './plan-networks.ts'
import { ReplicaPlanner } from './plan-replica.ts'

export interface Stages {
  readonly images: Readonly<Record<string, readonly string[]>>
  readonly networks: NetworkStage
}

/** What the plan does to a service, for those that depend on it. */
export interface ServiceWork {
  readonly service: DesiredService
  /** Ids of the actions after which its replicas have been started. */
  readonly starts: string[]
  /** Ids of the actions that stop replicas for good (`stop`). */
  readonly stops: string[]
  /** Replicas that run and that nothing is done to. */
  readonly untouched: ObservedContainer[]
}

export function planServices(draft: Draft, input: PlanInput, stages: Stages): void {
  const { desired, observed } = input
  const dependencies = Object.fromEntries(Object.values(desired.services).map((s) => [s.service, s.dependsOn]))
  const order = dependencyOrder(Object.keys(desired.services), dependencies)
  const own = observed.containers.filter((container) => container.ownership === 'ours' && !container.oneOff)
  const work = new Map<string, ServiceWork>()

  for (const name of order) {
    const service = desired.services[name]!
    const planner = new ReplicaPlanner(draft, input, stages, service, isJob(name, dependencies))
    const match = matchService(
      service,
      own.filter((container) => container.service === name),
    )
    for (const container of match.excess) planner.remove(container, `${name} has ${service.replicas} replica(s)`)
    for (const replica of match.replicas) planner.plan(replica)
    work.set(name, planner.work)
  }
  gateStarts(draft, input, work)
  stopInReverse(draft, work, order)
  removeDropped(draft, input, own, dependencies)
  treatForeign(draft, input)
}

/** `stop`: a service stops after the services that depend on it. */
function stopInReverse(draft: Draft, work: ReadonlyMap<string, ServiceWork>, order: readonly string[]): void {
  for (const name of order) {
    for (const dependency of Object.keys(work.get(name)!.service.dependsOn)) {
      for (const stop of work.get(dependency)?.stops ?? []) draft.order(stop, work.get(name)!.stops)
    }
  }
}

/** Containers of services that a revision dropped go with that revision. A service whose profile is off is left alone. */
function removeDropped(
  draft: Draft,
  input: PlanInput,
  own: readonly ObservedContainer[],
  dependencies: Parameters<typeof dependencyOrder>[1],
): void {
  const kept = new Set([...Object.keys(input.desired.services), ...input.desired.disabled])
  const dropped = own.filter((container) => !kept.has(container.service))
  removeInReverse(draft, input, dropped, dependencies, {
    reason: `its service is no longer in the file (revision ${input.desired.revision})`,
    anonymousVolumes: 'keep',
  })
}

/** Containers of the same project that we did not make: reported, and removed only where that was asked for. */
function treatForeign(draft: Draft, input: PlanInput): void {
  const { desired, observed, policy } = input
  for (const container of observed.containers) {
    if (container.ownership === 'ours') continue
    const named = desired.services[container.service] !== undefined && !container.oneOff
    if (named && policy.lookAlikes === 'replace') continue
    if (policy.orphans === 'remove' && !named) {
      removeContainer(draft, container, {
        reason: 'it is an orphan, and --remove-orphans was given',
        anonymousVolumes: 'keep',
        after: [],
        force: policy.graceSeconds === 0,
      })
    } else {
      draft.warn(
        named
          ? `container ${container.name} looks like one of this stack and was not made here: it is left alone`
          : `container ${container.name} of this project is an orphan: --remove-orphans removes it`,
      )
    }
  }
}
