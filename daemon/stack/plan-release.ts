/**
 * A stack that is released as a whole: what is new comes up beside what is there, all of it counts, then the ingress is
 * switched once, and only then does anything go. Drawn over a plan that has each service for itself.
 */
import type { Action, ActionBody } from './actions.ts'
import type { DesiredService } from './desired.ts'
import type { Draft } from './draft.ts'
import { isCurrent } from './match.ts'
import type { ObservedContainer } from './observed.ts'
import type { PlanInput } from './plan-input.ts'
import { homeNetworks, neverServed } from './release.ts'
import type { ServiceWork, Stages } from './service-work.ts'

export function planRelease(
  draft: Draft,
  input: PlanInput,
  work: ReadonlyMap<string, ServiceWork>,
  stages: Stages,
): void {
  const members = new Map(
    Object.values(input.desired.services)
      .filter(({ releasing, run }) => releasing === 'atomic' && run === 'running')
      .map((service) => [service.service, service]),
  )
  const leaving = leavingOf(input, members)
  const isAwaited = draft.actions.some(({ body }) => body.kind === 'await-replica' && members.has(body.service))
  // What the loop makes anew by itself is for each service to have as soon as it can.
  if (leaving.length > 0 || (isAwaited && input.policy.mode === 'request')) {
    refuseWhatCannotStandTwice(draft, input, members, leaving, stages)
    const switched = drawSwitch(draft, input, members)
    const dropped = new Set(input.observed.containers.flatMap((one) => (isDropped(input, one) ? one.id : [])))
    const gone = new Set([...leaving.map(({ id }) => id), ...dropped])
    outliveTheSwitch(draft, switched, gone, work)
  }
  tellOfForeignNetworks(draft, input, members)
  joinFirst(draft, input)
  removeNetworks(draft, input)
}

/** Those that serve until it is switched. */
function leavingOf(
  { observed, memory }: PlanInput,
  members: ReadonlyMap<string, DesiredService>,
): readonly ObservedContainer[] {
  return observed.containers.filter((container) => {
    const service = members.get(container.service)
    if (service === undefined || container.ownership !== 'ours' || container.oneOff) return false
    const runs = ['running', 'paused', 'restarting'].includes(container.state)
    return runs && !isCurrent(container, service) && !neverServed(container, memory.switched)
  })
}

const isDropped = (
  { desired, memory }: PlanInput,
  { service, ownership, oneOff, release }: ObservedContainer,
): boolean =>
  ownership === 'ours' &&
  !oneOff &&
  desired.services[service] === undefined &&
  !desired.disabled.includes(service) &&
  !neverServed({ release }, memory.switched)

/** On the way back, and by the loop itself, what can be done is done. */
function refuseWhatCannotStandTwice(
  draft: Draft,
  { policy, observed }: PlanInput,
  members: ReadonlyMap<string, DesiredService>,
  leaving: readonly ObservedContainer[],
  { networks }: Stages,
): void {
  if (policy.mode !== 'request' || policy.rollout === 'rollback') return
  const found: string[] = []
  const add = (service: string, why: string): void => {
    found.push(`${service}: ${why}`)
  }
  for (const { service, order, why } of draft.rollouts)
    if (order === 'stop-first' && leaving.some((container) => container.service === service)) add(service, why)
  for (const { service, id } of leaving) {
    const ports = members.get(service)?.routing?.ports ?? []
    const held = observed.ports.find((one) => one.containerId === id && ports.some(({ port }) => port === one.port))
    if (held !== undefined)
      add(
        service,
        `the Engine has port ${held.port} for the container that is there: let the ingress have it first, by an \`up\` without \`release: atomic\` and with deploy.update_config.order: start-first`,
      )
  }
  for (const name of Object.keys(networks.replaced))
    for (const { service } of leaving.filter((one) => one.networks[name] !== undefined))
      add(service, `network ${name} is made anew, and its containers are on it`)
  if (found.length === 0) return
  draft.block({
    reason: `not all of the release can be there beside what runs: ${[...new Set(found)].join('; ')}`,
    hint: 'nothing was touched. `x-evenkeel: {dns: shared}` on such a service leaves it out of the release: it is replaced by itself, before the rest is switched',
  })
}

/** What the ingress is told of all services goes into one action, after all that the new ones are proved by. */
function drawSwitch(
  draft: Draft,
  { desired, memory }: PlanInput,
  members: ReadonlyMap<string, DesiredService>,
): string {
  const isOne = (name: string): boolean => members.has(name) || desired.services[name] === undefined
  const told = draft.actions.filter(
    (action): action is Told => TOLD.has(action.body.kind) && isOne((action as Told).body.service),
  )
  const drained = draft.actions.flatMap(({ body }) =>
    body.kind === 'drain-replica' && isOne(body.service) ? body : [],
  )
  const ids = told.map(({ id }) => id)
  const proofs = draft.actions.filter(
    ({ id, body }) =>
      PROVING.has(body.kind) && !(body.kind === 'run-steps' && body.when === 'after') && !ids.includes(id),
  )
  draft.detach(
    proofs.map(({ id }) => id),
    ids,
  )
  const inherited = told.flatMap(({ after }) => after)
  const before = [...proofs.map(({ id }) => id), ...inherited].filter(
    (id) => !ids.includes(id) && !ids.some((one) => draft.isAfter(id, one)),
  )
  const bodies = told.map(({ body }) => body)
  const releases = [...members.values()].map(({ release = 0 }) => release)
  return draft.merge(ids, {
    body: {
      kind: 'switch-release',
      release: Math.max(0, ...releases),
      services: [
        ...new Set(proofs.flatMap(({ service }) => (service !== undefined && members.has(service) ? service : []))),
      ],
      publish: bodies.flatMap((body) => (body.kind === 'publish-service' ? body : [])),
      unpublish: bodies.flatMap((body) => (body.kind === 'unpublish-service' ? body.service : [])),
      admit: bodies.flatMap((body) => (body.kind === 'admit-replica' ? body : [])),
      drain: drained.filter(({ id }) => memory.routings?.routed[id] !== undefined).map(({ id }) => id),
    },
    key: desired.stack,
    object: `Release of ${desired.stack}`,
    effect: 'change',
    reason: 'all that is new counts: it is switched at once',
    after: before,
  })
}

type Told = Action & {
  readonly body: Extract<ActionBody, { kind: 'publish-service' | 'unpublish-service' | 'admit-replica' }>
}
const TOLD: ReadonlySet<ActionBody['kind']> = new Set(['publish-service', 'unpublish-service', 'admit-replica'])

/** What may fail for the new ones. */
const PROVING: ReadonlySet<ActionBody['kind']> = new Set([
  'refuse',
  'create-network',
  'connect-network',
  'create-container',
  'start-container',
  'restart-container',
  'unpause-container',
  'await-service',
  'await-replica',
  'continue-rollout',
  'run-steps',
  'admit-replica',
])

/**
 * What leaves is whole until it is switched, and for as long as it ends what it has begun: nothing of it stops before the
 * last of it has drained, and what others of it call stops after them.
 */
function outliveTheSwitch(
  draft: Draft,
  switched: string,
  gone: ReadonlySet<string>,
  work: ReadonlyMap<string, ServiceWork>,
): void {
  const after = (id: string, others: readonly string[]): void => {
    const possible = others.filter((other) => other !== id && !draft.isAfter(other, id))
    draft.order(id, possible)
  }
  const ends = draft.actions.filter(({ body }) => LEAVING.has(body.kind) && 'id' in body && gone.has(body.id ?? ''))
  const drains = ends.filter(({ body }) => body.kind === 'drain-replica').map(({ id }) => id)
  for (const { id } of ends) after(id, [switched])
  const stops = ends.filter(({ body }) => body.kind !== 'drain-replica')
  for (const { id } of stops) after(id, drains)
  const stopsOf = (name: string): string[] => stops.filter(({ service }) => service === name).map(({ id }) => id)
  for (const [name, { service }] of work)
    for (const dependency of Object.keys(service.dependsOn))
      for (const id of stopsOf(dependency)) after(id, stopsOf(name))
  const isRouted = (name: string | undefined): boolean => work.get(name ?? '')?.service.routing !== undefined
  const routed = stops.filter(({ service }) => isRouted(service)).map(({ id }) => id)
  for (const { id } of stops.filter(({ service }) => !isRouted(service))) after(id, routed)
  for (const { id, body } of draft.actions)
    if (body.kind === 'run-steps' && body.when === 'after') after(id, [switched])
}

const LEAVING: ReadonlySet<ActionBody['kind']> = new Set(['drain-replica', 'stop-container', 'remove-container'])

/** Versions meet on a network that is not the stack's: the plain name, which would mean any of them, is not given there. */
function tellOfForeignNetworks(
  draft: Draft,
  { desired }: PlanInput,
  members: ReadonlyMap<string, DesiredService>,
): void {
  const external = new Set(desired.networks.filter((network) => network.external).map(({ name }) => name))
  for (const { service, networks } of members.values()) {
    if (!draft.actions.some(({ body }) => body.kind === 'create-container' && body.service === service)) continue
    for (const name of networks.filter((one) => external.has(one)))
      draft.warn(
        `${service} is ${service}.${desired.stack} on the external network ${name}, and not ${service}: names there know no version`,
      )
  }
}

/** Who starts on a network of a release finds there whoever serves it as well; the loop by itself starts it in any case. */
function joinFirst(draft: Draft, { desired, policy }: PlanInput): void {
  const homes = homeNetworks(desired)
  for (const { id: joined, body } of draft.actions) {
    if (body.kind !== 'connect-network' || !homes.has(body.network)) continue
    for (const { id, body: start } of draft.actions) {
      const isOne = start.kind === 'start-container' && desired.services[start.service]?.networks.includes(body.network)
      if (isOne && !draft.isAfter(joined, id)) draft.order(id, [joined], policy.mode === 'heal' ? [joined] : [])
    }
  }
}

/** Networks of releases of which nothing is left. What merely joined them is taken off. */
function removeNetworks(draft: Draft, { desired, observed }: PlanInput): void {
  const wanted = homeNetworks(desired)
  for (const network of observed.networks) {
    if (network.ownership !== 'ours' || network.release === undefined || wanted.has(network.name)) continue
    const made = observed.containers.filter(
      ({ release, networks }) => release === network.release && networks[network.name] !== undefined,
    )
    const removals = made.map(({ id }) =>
      draft.actions.find(({ body }) => body.kind === 'remove-container' && body.id === id),
    )
    if (removals.includes(undefined)) continue
    draft.add({
      body: { kind: 'remove-network', id: network.id, name: network.name, release: network.release },
      key: network.name,
      object: `Network ${network.name}`,
      effect: 'remove',
      reason: `nothing is left of release ${network.release}`,
      after: [...removals.map((action) => action?.id), ...joiningOf(draft, desired, network.name)],
    })
  }
}

/** What puts a container on it still, for as long as others of the release serve. */
function joiningOf(draft: Draft, { services }: PlanInput['desired'], network: string): string[] {
  return draft.actions.flatMap(({ id, body }) => {
    if (body.kind === 'connect-network') return body.network === network ? id : []
    const isOne = body.kind === 'create-container' || body.kind === 'start-container'
    return isOne && services[body.service]?.networks.includes(network) ? id : []
  })
}
