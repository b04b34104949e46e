/** Which container is which replica: pairs what is there with what is wanted, crash leftovers included. */
import type { DesiredService } from './desired.ts'
import type { Observed, ObservedContainer } from './observed.ts'

export interface ReplicaMatch {
  readonly replica: number
  /** As desired, whatever its state. */
  readonly current: ObservedContainer | undefined
  /** Of an older spec: replaced by a new one, or by `current` where a crash left both. */
  readonly outdated: readonly ObservedContainer[]
  /** More of the same: removed. */
  readonly surplus: readonly ObservedContainer[]
}

export interface ServiceMatch {
  readonly replicas: readonly ReplicaMatch[]
  /** Of numbers above the scale. */
  readonly excess: readonly ObservedContainer[]
}

const RANK: Record<ObservedContainer['state'], number> = {
  running: 0,
  paused: 1,
  restarting: 2,
  exited: 3,
  created: 4,
  dead: 5,
  removing: 6,
}

export function isCurrent(container: ObservedContainer, service: DesiredService): boolean {
  if (container.state === 'dead' || container.state === 'removing' || container.unstartable === true) return false
  if (container.recreate < service.recreate) return false
  if (service.outdated === 'keep' || service.specHash === undefined) return true
  return container.specHash === service.specHash && container.release === service.release
}

/** It has an endpoint in a network of that name which is gone: the Engine would refuse to start it. */
export function lostNetwork(
  container: ObservedContainer,
  service: DesiredService,
  observed: Observed,
): string | undefined {
  const lender = /^container:(.+)$/.exec(container.networkMode ?? '')?.[1]
  if (lender !== undefined && service.sharesWith.length > 0 && !observed.containers.some(({ id }) => id === lender)) {
    return `of ${service.sharesWith[0]}`
  }
  return service.networks.find((name) => {
    const id = container.networks[name]
    return id !== undefined && id !== '' && !observed.networks.some((network) => network.id === id)
  })
}

export function matchService(
  service: DesiredService,
  own: readonly ObservedContainer[],
  observed: Observed,
): ServiceMatch {
  const fits = (container: ObservedContainer): boolean =>
    isCurrent(container, service) && lostNetwork(container, service, observed) === undefined
  const count = service.run === 'removed' ? 0 : service.replicas
  const replicas: ReplicaMatch[] = []
  for (let replica = 1; replica <= count; replica += 1) {
    const candidates = own
      .filter((container) => container.replica === replica)
      .sort((a, b) => RANK[a.state] - RANK[b.state] || a.created - b.created || (a.id < b.id ? -1 : 1))
    const fitting = candidates.filter(fits)
    replicas.push({
      replica,
      current: fitting[0],
      outdated: candidates.filter((container) => !fits(container)),
      surplus: fitting.slice(1),
    })
  }
  const excess = own
    .filter((container) => container.replica > count || container.replica < 1)
    .sort((a, b) => b.replica - a.replica)
  return { replicas, excess }
}
