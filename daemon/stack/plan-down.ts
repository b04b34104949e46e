/** `down`: containers in reverse dependency order, then networks, and what else was asked for by name. */
import { dependencyOrder } from './dependencies.ts'
import type { Draft } from './draft.ts'
import type { ObservedContainer } from './observed.ts'
import type { PlanInput } from './plan-input.ts'

export function planDown(draft: Draft, input: PlanInput): void {
  const { desired, observed, memory, removal } = input
  const anonymousVolumes = removal?.volumes ?? 'keep'
  const ours = observed.containers.filter((container) => container.ownership === 'ours')
  const orphans = observed.containers.filter((container) => container.ownership === 'foreign')
  const gone = removal?.orphans === 'remove' ? [...ours, ...orphans] : ours
  if (orphans.length > 0 && removal?.orphans !== 'remove') {
    const names = orphans.map((container) => container.name).join(', ')
    draft.warn(`containers of this project that were not made here stay: ${names} (--remove-orphans removes them)`)
  }
  const dependencies = Object.fromEntries(Object.values(desired.services).map((s) => [s.service, s.dependsOn]))
  const going = removeInReverse(draft, input, gone, dependencies, {
    reason: 'the stack is taken down',
    anonymousVolumes,
  })
  const removals = going.map(({ removed }) => removed)
  // What does not run holds no endpoint: the Engine takes 200 ms for a network, while it removes its containers.
  const stops = going.map(({ stopped }) => stopped)
  const external = new Set(desired.networks.filter((network) => network.external).map((network) => network.name))
  const staying = observed.containers.filter((container) => !gone.includes(container))
  for (const network of observed.networks) {
    if (network.ownership !== 'ours' || external.has(network.name)) continue
    // It stays with the containers that stay, of which a word was said above.
    if (staying.some((container) => container.networks[network.name] !== undefined)) continue
    draft.add({
      body: { kind: 'remove-network', id: network.id, name: network.name },
      key: network.name,
      object: `Network ${network.name}`,
      effect: 'remove',
      reason: 'the stack is taken down',
      after: stops,
    })
  }
  if (removal?.volumes === 'remove') {
    const external = new Set(desired.volumes.filter((volume) => volume.external).map((volume) => volume.name))
    for (const volume of observed.volumes) {
      if (external.has(volume.name) || (volume.ownership !== 'ours' && volume.key === undefined)) continue
      if (memory.protected?.includes(volume.name)) {
        draft.warn(`volume ${volume.name} is protected and stays (${UNPROTECT} ${volume.name} lets it go)`)
        continue
      }
      draft.add({
        body: { kind: 'remove-volume', name: volume.name, sizeBytes: volume.sizeBytes },
        key: volume.name,
        object: `Volume ${volume.name}`,
        effect: 'remove',
        reason: '--volumes was given',
        after: removals,
      })
    }
  }
  for (const service of Object.keys(memory.routings?.published ?? {})) unpublish(draft, desired.stack, service, stops)
  for (const reference of removal?.images ?? []) {
    draft.add({
      body: { kind: 'remove-image', reference },
      key: reference,
      object: `Image ${reference}`,
      effect: 'remove',
      reason: '--rmi was given',
      after: removals,
    })
  }
}

/** The ingress lets go of all that it has of a service. */
export function unpublish(draft: Draft, stack: string, service: string, after: readonly string[]): string {
  return draft.add({
    body: { kind: 'unpublish-service', service },
    key: service,
    object: `Ingress ${stack}/${service}`,
    service,
    effect: 'remove',
    reason: 'nothing of it is served any more',
    after,
  })
}

/** The way out for whoever wants to remove a protected volume all the same. */
const UNPROTECT = 'evenkeel volume unprotect'

/**
 * Stops and removes containers, those of a service after those of the services that depend on it. With no grace at all
 * one call does both (`DELETE ?force`), which makes `down -t 0` of many cheap; of a few it is quicker to remove their
 * networks beside them.
 */
export function removeInReverse(
  draft: Draft,
  { policy }: PlanInput,
  containers: readonly ObservedContainer[],
  dependencies: Parameters<typeof dependencyOrder>[1],
  how: { readonly reason: string; readonly anonymousVolumes: 'keep' | 'remove' },
): Removed[] {
  const services = [...new Set(containers.map((container) => container.service))]
  const stops = new Map<string, string[]>()
  const removals: Removed[] = []
  const force = policy.graceSeconds === 0 && containers.length > FEW
  for (const service of dependencyOrder(services, dependencies).reverse()) {
    const dependents = services.filter((other) => dependencies[other]?.[service] !== undefined)
    const after = dependents.flatMap((other) => stops.get(other) ?? [])
    const own: string[] = []
    for (const container of containers.filter((candidate) => candidate.service === service)) {
      const [stopped, removed] = removeContainer(draft, container, { ...how, after, force })
      own.push(stopped)
      removals.push({ container, stopped, removed })
    }
    stops.set(service, own)
  }
  return removals
}

/** As many containers are stopped sooner, one by one, than a network takes to go. */
const FEW = 3

/** A container that goes: after `stopped` it holds no port any more, after `removed` no name. */
export interface Removed {
  readonly container: ObservedContainer
  readonly stopped: string
  readonly removed: string
}

/** Answers the ids of its first and its last action: after the first it no longer runs, after the last it is gone. */
export function removeContainer(
  draft: Draft,
  container: ObservedContainer,
  how: {
    readonly reason: string
    readonly anonymousVolumes: 'keep' | 'remove'
    readonly after: readonly (string | undefined)[]
    readonly force: boolean
    readonly effect?: 'replace' | 'remove'
    /** Set where the ingress has it, and it may finish what it has begun. */
    readonly drainMs?: number | undefined
  },
): [stopped: string, removed: string] {
  const object = `Container ${container.name}`
  const effect = how.effect ?? 'remove'
  const shared = { key: container.id, object, service: container.service, effect, reason: how.reason }
  const running = container.state === 'running' || container.state === 'restarting' || container.state === 'paused'
  const drained =
    running && how.drainMs !== undefined
      ? draft.add({
          ...shared,
          body: { kind: 'drain-replica', service: container.service, id: container.id, drainMs: how.drainMs },
          after: how.after,
        })
      : undefined
  const before = drained === undefined ? how.after : [drained]
  const stop =
    running && !how.force
      ? draft.add({
          ...shared,
          body: {
            kind: 'stop-container',
            service: container.service,
            id: container.id,
            purpose: effect === 'replace' ? 'replace' : 'remove',
          },
          after: before,
        })
      : undefined
  const removed = draft.add({
    ...shared,
    body: {
      kind: 'remove-container',
      service: container.service,
      id: container.id,
      mode: running && how.force ? 'force' : 'stopped',
      anonymousVolumes: how.anonymousVolumes,
    },
    after: stop === undefined ? before : [stop],
  })
  return [stop ?? removed, removed]
}
