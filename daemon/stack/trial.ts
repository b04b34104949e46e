/**
 * A revision on trial: of some services replicas of it stand beside those that serve, and get a part of what is new, until a
 * person decides (canary), or all of it at once (blue-green). Pure.
 */
import type { DesiredService, DesiredStack, Strategy } from './desired.ts'
import type { Observed, ObservedContainer } from './observed.ts'
import type { PlanInput } from './plan-input.ts'
import { NO_ROUTINGS, type Routed } from './routing.ts'

/** What names of replicas on trial end in: two containers of one replica are there at a time. */
export const SUFFIX: Readonly<Record<Strategy, string>> = { canary: '.canary', 'blue-green': '.green' }

/** How many replicas it takes, so that none of them gets much more than one of the others does. */
export const triedReplicas = (strategy: Strategy, share: number, serving: number, declared: number): number =>
  strategy === 'blue-green' ? declared : Math.min(Math.max(Math.ceil((serving * share) / 100), 1), declared)

export function isOnTrial(container: ObservedContainer, { services, trial }: DesiredStack): boolean {
  const tried = trial?.services[container.service]
  if (tried?.specHash === undefined || container.ownership !== 'ours' || container.oneOff) return false
  return container.specHash === tried.specHash && container.specHash !== services[container.service]?.specHash
}

/** What a container is to be one of. */
export const declarationOf = (container: ObservedContainer, desired: DesiredStack): DesiredService | undefined =>
  isOnTrial(container, desired) ? desired.trial!.services[container.service] : desired.services[container.service]

interface Side {
  readonly desired: DesiredStack
  readonly observed: Observed
}

/** What serves, as if there were no trial; and what is on trial, as if it were all that there is of its services. */
export function sidesOf(desired: DesiredStack, observed: Observed): { readonly rest: Side; readonly tried?: Side } {
  const { trial } = desired
  if (trial === undefined) return { rest: { desired, observed } }
  const { containers } = observed
  const rest = containers.filter((container) => !isOnTrial(container, desired))
  const tried = containers.filter(
    (container) => isOnTrial(container, desired) || trial.services[container.service] === undefined,
  )
  return {
    rest: { desired, observed: { ...observed, containers: rest } },
    tried: {
      desired: { ...desired, services: { ...desired.services, ...trial.services }, trial: undefined },
      observed: { ...observed, containers: tried },
    },
  }
}

/** The same for the planner: each side knows of what the ingress has of it, and of nothing else. */
export function inputSides(input: PlanInput): { readonly rest: PlanInput; readonly tried?: PlanInput } {
  const { trial } = input.desired
  const { rest, tried } = sidesOf(input.desired, input.observed)
  if (trial === undefined || tried === undefined) return { rest: input }
  const routings = input.memory.routings ?? NO_ROUTINGS
  const there = new Map(input.observed.containers.map((container) => [container.id, container]))
  const isTried = ([id, { service, revision }]: [string, Routed]): boolean => {
    const container = there.get(id)
    if (container !== undefined) return isOnTrial(container, input.desired)
    return trial.services[service] !== undefined && revision === trial.revision
  }
  const entries = Object.entries(routings.routed)
  const having = (routed: [string, Routed][]) => ({ ...routings, routed: Object.fromEntries(routed) })
  return {
    rest: {
      ...input,
      ...rest,
      memory: { ...input.memory, routings: having(entries.filter((entry) => !isTried(entry))) },
    },
    tried: { ...input, ...tried, memory: { ...input.memory, routings: having(entries.filter(isTried)) } },
  }
}
