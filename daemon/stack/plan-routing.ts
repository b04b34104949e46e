/** What the ingress is to have of a stack: services published and taken back, and containers that are gone forgotten. */
import type { DesiredService } from './desired.ts'
import type { Draft } from './draft.ts'
import { canonical } from './explain.ts'
import { unpublish } from './plan-down.ts'
import type { PlanInput } from './plan-input.ts'
import { NO_ROUTINGS, type Routings, type ServiceRouting } from './routing.ts'
import type { ServiceWork } from './service-work.ts'

export function planRouting(draft: Draft, input: PlanInput, work: ReadonlyMap<string, ServiceWork>): void {
  const { desired, memory } = input
  const { published } = memory.routings ?? NO_ROUTINGS

  for (const service of Object.values(desired.services)) if (isServed(service)) publish(draft, input, service)

  for (const name of Object.keys(published)) {
    const service = desired.services[name]
    if (isServed(service)) continue
    // Whoever goes does so first; whoever takes its ports over, from the Engine, comes after it.
    const stops = draft.actions.filter(({ body, service: of }) => body.kind === 'stop-container' && of === name)
    const id = unpublish(
      draft,
      desired.stack,
      name,
      stops.map((action) => action.id),
    )
    for (const start of work.get(name)?.starts ?? []) draft.order(start, [id])
  }
  for (const service of Object.values(desired.services)) takeOver(draft, published, service)
  unrouteGone(draft, input)
}

const isServed = (service: DesiredService | undefined): service is DesiredService =>
  service?.routing !== undefined && (service.run === 'running' || service.run === 'paused')

/** What the ingress has, and what does not run any more. */
export function unrouteGone(draft: Draft, input: PlanInput): void {
  const { desired, observed, memory } = input
  const { routed } = memory.routings ?? NO_ROUTINGS
  const there = new Map(observed.containers.map((container) => [container.id, container]))
  for (const [id, { service }] of Object.entries(routed)) {
    const container = there.get(id)
    const serves = container !== undefined && ['running', 'paused', 'restarting'].includes(container.state)
    if (serves || !isServed(desired.services[service]) || draft.has(`remove-container ${id}`)) continue
    if (container !== undefined && isAdmitted(draft, id)) continue
    unroute(draft, input, id, 'its container does not run any more')
  }
}

/** The ingress is to bring it nothing any more, where it has it at all. */
export function unroute(draft: Draft, { desired, memory }: PlanInput, id: string, reason: string): void {
  const service = (memory.routings ?? NO_ROUTINGS).routed[id]?.service
  if (service === undefined) return
  draft.add({
    body: { kind: 'unroute-replica', service, id },
    key: id,
    object: `Ingress ${desired.stack}/${service}`,
    service,
    effect: 'change',
    reason,
  })
}

const isAdmitted = (draft: Draft, id: string): boolean =>
  draft.actions.some(({ body }) => body.kind === 'admit-replica' && body.id === id)

function publish(draft: Draft, { desired, observed, memory }: PlanInput, service: DesiredService): void {
  const { published } = memory.routings ?? NO_ROUTINGS
  const routing = service.routing!
  const before = published[service.service]
  if (before !== undefined && canonical(before) === canonical(routing)) return
  // The Engine has the port for a container that nothing is done to: the next replacement moves it.
  const isHeld = observed.containers.some(
    ({ id, ownership, service: of }) =>
      ownership === 'ours' &&
      of === service.service &&
      !draft.has(`stop-container ${id}`) &&
      !draft.has(`remove-container ${id}`) &&
      observed.ports.some(({ containerId, port }) => containerId === id && routing.ports.some((p) => p.port === port)),
  )
  if (isHeld) return
  const id = draft.add({
    body: { kind: 'publish-service', service: service.service, routing },
    key: service.service,
    object: `Ingress ${desired.stack}/${service.service}`,
    service: service.service,
    effect: before === undefined ? 'create' : 'change',
    reason: before === undefined ? 'the ingress does not have it' : 'its ports or routes changed',
  })
  if (before !== undefined) publishWithTheNew(draft, service.service, id)
}

/** Ports and routes are those of a version: the old containers are served as before until a new one counts. */
function publishWithTheNew(draft: Draft, service: string, id: string): void {
  const counted = draft.actions.find(
    ({ id: awaited, body }) => body.kind === 'await-replica' && body.service === service && !draft.isAfter(awaited, id),
  )
  if (counted !== undefined) draft.order(id, [counted.id])
}

/** A port or a route leads to one service: whoever gets it waits until the ingress has it for the other no longer. */
function takeOver(draft: Draft, published: Routings['published'], { service, routing }: DesiredService): void {
  const id = `publish-service ${service}`
  if (routing === undefined || !draft.has(id)) return
  for (const [other, before] of Object.entries(published)) {
    if (other === service || !isShared(before, routing)) continue
    for (const letsGo of [`publish-service ${other}`, `unpublish-service ${other}`])
      if (draft.has(letsGo) && !draft.isAfter(letsGo, id)) draft.order(id, [letsGo])
  }
}

const isShared = (one: ServiceRouting, other: ServiceRouting): boolean =>
  one.ports.some(({ port }) => other.ports.some((its) => its.port === port)) ||
  one.routes.some(({ host, path }) => other.routes.some((its) => its.host === host && its.path === path))
