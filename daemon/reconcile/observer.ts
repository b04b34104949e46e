/** Reads what the Engine says now about a stack: three lists, no inspect per container. */
import { Problem } from '../../protocol/problems.ts'
import type { ContainerSummary, Engine, NetworkInfo } from '../engine/types.ts'
import { type AddressPool, type AddressSpace, DEFAULT_POOLS } from '../stack/address-space.ts'
import { withAdopted } from '../stack/adopted.ts'
import type { DesiredStack } from '../stack/desired.ts'
import { COMPOSE, OURS } from '../stack/labels.ts'
import { type Observed, observeContainer, observeNetwork, observeVolume, publishedPorts } from '../stack/observed.ts'
import type { Store } from '../store/store.ts'
import type { RecentEnds } from './recent-ends.ts'

/** How long the Engine may count the bytes of volumes. */
const SIZES_MS = 10_000

export class Observer {
  readonly #engine: Engine
  readonly #store: Pick<Store, 'instance' | 'adopted'>

  readonly #ends: Pick<RecentEnds, 'settled'>
  /** Stack by id of a container, as last seen: events of networks name only that. */
  readonly #stacks = new Map<string, ReadonlySet<string>>()

  #pools: readonly AddressPool[] | undefined

  constructor(engine: Engine, store: Pick<Store, 'instance' | 'adopted'>, ends: Pick<RecentEnds, 'settled'>) {
    this.#engine = engine
    this.#store = store
    this.#ends = ends
  }

  async observe(desired: DesiredStack, signal: AbortSignal): Promise<Observed> {
    const { stack } = desired
    const { instance, adopted } = this.#store
    const wantsPorts = Object.values(desired.services).some((service) => service.hostPorts.length > 0)
    const label = [`${COMPOSE.project}=${stack}`]
    await this.#ends.settled(stack, signal)
    const [mine, running, labelled, networks, volumesByLabel, volumesByName] = await Promise.all([
      this.containers(stack, signal),
      wantsPorts ? this.#engine.containers.list({}, { signal }) : [],
      this.#engine.networks.list({ filters: { label } }, { signal }),
      this.#networksByName(desired, signal),
      this.#engine.volumes.list({ filters: { label } }, { signal }),
      this.#volumesByName(desired, signal),
    ])
    const there = [...labelled, ...networks]
    const observed = {
      addresses: isNetworkMissing(desired, there) ? await this.#addresses(signal) : undefined,
      containers: mine.map((summary) => observeContainer(summary, instance)),
      networks: unique(there, (network) => network.Id).map((network) => observeNetwork(network, instance, stack)),
      volumes: unique([...volumesByLabel, ...volumesByName], (volume) => volume.Name).map((volume) =>
        observeVolume(volume, instance, stack),
      ),
      ports: publishedPorts(running),
    }
    this.#stacks.set(stack, new Set(observed.containers.map(({ id }) => id)))
    return withAdopted(observed, adopted.of(stack))
  }

  /** The stack that a container belonged to when it was last looked at. */
  stackOf(container: string): string | undefined {
    for (const [stack, containers] of this.#stacks) if (containers.has(container)) return stack
    return undefined
  }

  /** The Engine may come back with another configuration. */
  engineLost(): void {
    this.#pools = undefined
  }

  async #addresses(signal: AbortSignal): Promise<AddressSpace> {
    const [networks, pools] = await Promise.all([
      this.#engine.networks.list({}, { signal }),
      this.#addressPools(signal),
    ])
    return {
      pools,
      networks: networks
        .filter(({ Scope }) => Scope === 'local')
        .map(({ Id, Name, IPAM }) => ({
          id: Id,
          name: Name,
          subnets: (IPAM.Config ?? []).flatMap(({ Subnet }) => (typeof Subnet === 'string' ? [Subnet] : [])),
        })),
    }
  }

  async #addressPools(signal: AbortSignal): Promise<readonly AddressPool[]> {
    if (this.#pools !== undefined) return this.#pools
    const { DefaultAddressPools } = await this.#engine.info({ signal })
    const given = (DefaultAddressPools ?? []) as readonly { Base: string; Size: number }[]
    this.#pools = given.length === 0 ? DEFAULT_POOLS : given.map(({ Base, Size }) => ({ base: Base, size: Size }))
    return this.#pools
  }

  /** With the sizes of volumes, where the Engine can tell them soon: nothing waits long for what is only said. */
  async withSizes(observed: Observed, signal: AbortSignal): Promise<Observed> {
    if (observed.volumes.length === 0) return observed
    const sizes = await this.sizes(signal)
    return {
      ...observed,
      volumes: observed.volumes.map((volume) => ({ ...volume, sizeBytes: sizes.get(volume.name) })),
    }
  }

  /** Bytes by name of volume; empty where the Engine cannot tell soon. */
  async sizes(signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
    try {
      return await this.#engine.volumes.sizes({ signal, timeoutMs: SIZES_MS })
    } catch (error) {
      if (error instanceof Problem && !signal.aborted) return new Map()
      throw error
    }
  }

  /** All containers of the project, ours or not, running or not. */
  async containers(stack: string, signal?: AbortSignal): Promise<ContainerSummary[]> {
    await this.#ends.settled(stack, signal)
    return this.#engine.containers.list({ all: true, filters: { label: [`${COMPOSE.project}=${stack}`] } }, { signal })
  }

  /** The Engine's name filter matches parts of names, so that the answer may hold others: harmless, they match nothing. */
  #networksByName(desired: DesiredStack, signal: AbortSignal) {
    const name = desired.networks.map((network) => network.name)
    return name.length === 0 ? [] : this.#engine.networks.list({ filters: { name } }, { signal })
  }

  #volumesByName(desired: DesiredStack, signal: AbortSignal) {
    const name = desired.volumes.map((volume) => volume.name)
    return name.length === 0 ? [] : this.#engine.volumes.list({ filters: { name } }, { signal })
  }
}

/** One is to be made, or made anew: then it matters which addresses are free. */
function isNetworkMissing({ networks, services, presence }: DesiredStack, there: readonly NetworkInfo[]): boolean {
  if (presence === 'absent') return false
  const used = new Set(Object.values(services).flatMap((service) => service.networks))
  return networks.some(
    ({ name, external, specHash }) =>
      !external &&
      used.has(name) &&
      !there.some(({ Name, Labels }) => Name === name && [undefined, specHash].includes(Labels?.[OURS.spec])),
  )
}

function unique<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...new Map(items.map((item) => [key(item), item])).values()]
}
