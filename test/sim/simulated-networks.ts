/** The networks of a simulated machine, and who is on them, as dockerd keeps them. Each method is one effect, at once. */
import type { ContainerCreateBody, EndpointSettings } from '../../daemon/engine/types.ts'
import type { EventStreams } from './event-streams.ts'
import { Refusal } from './refusal.ts'
import type { SimulatedContainer, SimulatedNetwork } from './simulated-objects.ts'

interface Parts {
  readonly events: EventStreams
  readonly newId: () => string
  readonly containers: ReadonlyMap<string, SimulatedContainer>
}

export class SimulatedNetworks {
  readonly #parts: Parts
  readonly #byId = new Map<string, SimulatedNetwork>()
  /** There is no address pool left for another one. */
  poolsAreOut = false

  constructor(parts: Parts) {
    this.#parts = parts
  }

  all(): Iterable<SimulatedNetwork> {
    return this.#byId.values()
  }

  add(
    name: string,
    labels: Readonly<Record<string, string>>,
    how: { readonly internal: boolean; readonly name: 'unique' | 'any' } = { internal: false, name: 'unique' },
  ): SimulatedNetwork {
    if (how.name === 'unique' && [...this.all()].some((network) => network.name === name))
      throw new Refusal(409, `network with name ${name} already exists`)
    if (this.poolsAreOut) throw new Refusal(400, 'all predefined address pools have been fully subnetted')
    const network = { id: this.#parts.newId(), name, labels, driver: 'bridge', internal: how.internal }
    this.#byId.set(network.id, network)
    this.#parts.events.emit('network', 'create', network.id, { name, type: 'bridge' })
    return network
  }

  find(reference: string): SimulatedNetwork | undefined {
    const byId = this.#byId.get(reference)
    if (byId !== undefined) return byId
    for (const network of this.all()) if (network.name === reference) return network
    return undefined
  }

  get(reference: string): SimulatedNetwork {
    const found = this.find(reference)
    if (found === undefined) throw new Refusal(404, `network ${reference} not found`)
    return found
  }

  usersOf(network: SimulatedNetwork): SimulatedContainer[] {
    return [...this.#parts.containers.values()].filter(
      (container) => runs(container) && container.networks.get(network.name)?.networkId === network.id,
    )
  }

  remove(reference: string): void {
    const network = this.get(reference)
    const [user] = this.usersOf(network)
    if (user !== undefined) {
      throw new Refusal(
        403,
        `error while removing network: network ${network.name} has active endpoints (name:"${user.name}" id:"${user.id.slice(0, 12)}")`,
      )
    }
    this.#byId.delete(network.id)
    this.#parts.events.emit('network', 'destroy', network.id, { name: network.name, type: network.driver })
  }

  connect(reference: string, container: SimulatedContainer, settings: EndpointSettings): void {
    const network = this.get(reference)
    if (container.networks.has(network.name)) {
      if (runs(container))
        throw new Refusal(403, `endpoint with name ${container.name} already exists in network ${network.name}`)
      // moby updateNetworkSettings: a known network of a container that does not run is left as it is.
      return
    }
    container.networks.set(network.name, { networkId: runs(container) ? network.id : '', settings })
  }

  disconnect(reference: string, container: SimulatedContainer): void {
    const network = this.get(reference)
    if (!container.networks.delete(network.name))
      throw new Refusal(403, `container ${container.id} is not connected to network ${network.name}`)
  }

  /** What a start does first: names become the networks that have them by then. */
  join(container: SimulatedContainer): void {
    for (const [name, endpoint] of container.networks) {
      const reference = endpoint.networkId === '' ? name : endpoint.networkId
      const network = this.find(reference)
      if (network === undefined)
        throw new Refusal(404, `failed to set up container networking: network ${reference} not found`)
      endpoint.networkId = network.id
    }
  }
}

/** What a container is to be on, from its first start on. */
export function endpointsOf(body: ContainerCreateBody): SimulatedContainer['networks'] {
  const mode = String(body.HostConfig?.NetworkMode ?? 'bridge')
  const endpoints = new Map<string, { networkId: string; settings: EndpointSettings }>()
  if (mode !== 'none' && mode !== 'host' && !mode.startsWith('container:'))
    endpoints.set(mode, { networkId: '', settings: {} })
  for (const [name, settings] of Object.entries(body.NetworkingConfig?.EndpointsConfig ?? {}))
    endpoints.set(name, { networkId: '', settings })
  return endpoints
}

const runs = ({ state }: SimulatedContainer): boolean => state === 'running' || state === 'paused'
