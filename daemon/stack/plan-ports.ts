/** Host ports: who takes one after whom, and who is refused one, which is said before anything of the service is touched. */
import type { DesiredService } from './desired.ts'
import type { Draft } from './draft.ts'
import type { ObservedContainer, PublishedPort } from './observed.ts'
import type { PlanInput } from './plan-input.ts'
import type { ServiceWork } from './service-work.ts'

/** Ids of what refuses the service; none where its ports are free, or become free by the same plan. */
export function refuseTakenPorts(
  draft: Draft,
  { observed, desired, policy }: PlanInput,
  service: DesiredService,
): string[] {
  const goes = (container: ObservedContainer): boolean =>
    // A one-off that holds a port runs, and is left alone.
    !container.oneOff &&
    (container.ownership === 'ours' ||
      (desired.services[container.service] === undefined
        ? policy.orphans === 'remove'
        : policy.lookAlikes === 'replace'))
  const own = new Set(observed.containers.filter(goes).map((container) => container.id))
  const holder = holderOf(
    service,
    observed.ports.filter(({ containerId }) => !own.has(containerId)),
  )
  return holder === undefined ? [] : [refuse(draft, desired.stack, service.service, holder)]
}

/**
 * What is ours and stays has its port by right: an `up` of some services leaves the others as they are, and `--no-recreate`
 * leaves containers of an older file. Who stays is known once all services are planned.
 */
export function refuseKeptPorts(
  draft: Draft,
  { observed, desired }: PlanInput,
  work: ReadonlyMap<string, ServiceWork>,
): void {
  const { actions } = draft
  const leaving = new Set(
    actions.flatMap(({ body }) => (body.kind === 'stop-container' || body.kind === 'remove-container' ? body.id : [])),
  )
  const staying = new Map(
    observed.containers
      .filter(({ id, ownership, oneOff }) => ownership === 'ours' && !oneOff && !leaving.has(id))
      .map(({ id, service }) => [id, service]),
  )
  for (const { service } of work.values()) {
    if (service.hostPorts.length === 0) continue
    const created = actions.filter(({ body }) => body.kind === 'create-container' && body.service === service.service)
    if (created.length === 0) continue
    const ofOthers = observed.ports.filter(({ containerId }) => {
      const keeper = staying.get(containerId)
      return keeper !== undefined && keeper !== service.service
    })
    const holder = holderOf(service, ofOthers)
    if (holder === undefined) continue
    const refused = refuse(draft, desired.stack, service.service, holder)
    for (const { id } of created) draft.order(id, [refused])
  }
}

/** Whoever takes a host port waits until whatever holds it has stopped: the file may have moved it from one service to another. */
export function freePorts(draft: Draft, { observed }: PlanInput, work: ReadonlyMap<string, ServiceWork>): void {
  for (const { id, body } of draft.actions) {
    if (body.kind !== 'stop-container' && !(body.kind === 'remove-container' && body.mode === 'force')) continue
    const freed = observed.ports.filter((port) => port.containerId === body.id)
    if (freed.length === 0) continue
    for (const one of work.values()) {
      const taken = one.service.hostPorts.filter((wanted) => freed.some((port) => isSame(port, wanted)))
      for (const taker of taken.flatMap((port) => takersOf(one, port))) draft.order(taker, [id])
    }
  }
}

/** Actions by which a service takes a host port: its containers take it as they start, unless the ingress has it for them. */
function takersOf({ service, starts }: ServiceWork, { port, protocol }: WantedPort): readonly string[] {
  const isIngress = protocol === 'tcp' && service.routing?.ports.some((routed) => routed.port === port) === true
  return isIngress ? [`publish-service ${service.service}`] : starts
}

/**
 * A port of these containers of a service that moves to another service which that one waits for, through what it depends on
 * or through ports: kept until their successor counts, it would be waited for in a circle.
 */
export function portThatComesBack(
  { desired, observed }: Pick<PlanInput, 'desired' | 'observed'>,
  service: string,
  containers: readonly ObservedContainer[],
): { readonly port: number; readonly to: string } | undefined {
  const ids = new Set(containers.map(({ id }) => id))
  const held = observed.ports.filter(({ containerId }) => ids.has(containerId))
  if (held.length === 0) return undefined
  const takers = Object.values(desired.services).filter(
    (other) => other.service !== service && holderOf(other, held) !== undefined,
  )
  if (takers.length === 0) return undefined
  const serviceOf = new Map(observed.containers.map((container) => [container.id, container.service]))
  const waitedFor = new Set<string>()
  const follow = (name: string): void => {
    if (waitedFor.has(name)) return
    waitedFor.add(name)
    const wanting = desired.services[name]
    if (wanting === undefined) return
    for (const other of Object.keys(wanting.dependsOn)) follow(other)
    for (const port of observed.ports)
      if (holderOf(wanting, [port]) !== undefined) follow(serviceOf.get(port.containerId) ?? '')
  }
  follow(service)
  const to = takers.find((taker) => waitedFor.has(taker.service))
  return to === undefined ? undefined : { port: holderOf(to, held)!.port, to: to.service }
}

/** Who of these holds a port that the service wants. */
function holderOf({ hostPorts }: DesiredService, held: readonly PublishedPort[]): PublishedPort | undefined {
  return hostPorts.map((wanted) => held.find((port) => isSame(port, wanted))).find((holder) => holder !== undefined)
}

function refuse(
  draft: Draft,
  stack: string,
  service: string,
  { port, protocol, containerName }: PublishedPort,
): string {
  return draft.add({
    body: {
      kind: 'refuse',
      code: 'port-taken',
      message: `port ${port}/${protocol} of service ${service} is held by container ${containerName}`,
      hint: `stop ${containerName}, or publish services.${service}.ports on another port`,
    },
    key: service,
    object: `Service ${stack}/${service}`,
    service,
    effect: 'wait',
    reason: `port ${port}/${protocol} is taken`,
  })
}

type WantedPort = DesiredService['hostPorts'][number]

const ANY = new Set(['', '0.0.0.0', '::'])

/** One and the other cannot be had at once. */
const isSame = (held: PublishedPort, wanted: WantedPort): boolean =>
  held.port === wanted.port &&
  held.protocol === wanted.protocol &&
  (ANY.has(held.ip) || ANY.has(wanted.ip) || held.ip === wanted.ip)
