/** Reads what the Engine says now about a stack: three lists, no inspect per container. */
import { Problem } from '../../protocol/problems.ts'
import type { ContainerSummary, Engine, NetworkInfo, VolumeInfo } from '../engine/types.ts'
import { type AddressPool, type AddressSpace, DEFAULT_POOLS } from '../stack/address-space.ts'
import { withAdopted } from '../stack/adopted.ts'
import type { DesiredStack } from '../stack/desired.ts'
import { OURS } from '../stack/labels.ts'
import {
  healthOf,
  type Observed,
  observeContainer,
  observeNetwork,
  observeVolume,
  type PublishedPort,
  publishedPorts,
} from '../stack/observed.ts'
import type { ServiceRouting } from '../stack/routing.ts'
import type { Store } from '../store/store.ts'
import { hasFailed } from './health.ts'
import { inspectAll } from './inspect-all.ts'
import type { ListSettling } from './list-settling.ts'
import { SharedLists } from './shared-lists.ts'

/** How long the Engine may count the bytes of volumes. */
const SIZES_MS = 10_000

export class Observer {
  readonly #engine: Engine
  readonly #store: Pick<Store, 'instance' | 'adopted' | 'memory'>

  readonly #settling: Pick<ListSettling, 'settled'>
  readonly #lists: SharedLists
  /** Stack by id of a container, as last seen: events of networks name only that. */
  readonly #stacks = new Map<string, ReadonlySet<string>>()
  #pools: readonly AddressPool[] | undefined

  /** `turn` resolves when all have asked who ask now: they share one list. By default nobody waits for others. */
  constructor(
    engine: Engine,
    store: Pick<Store, 'instance' | 'adopted' | 'memory'>,
    settling: Pick<ListSettling, 'settled'>,
    turn: () => Promise<void> = () => Promise.resolve(),
  ) {
    this.#engine = engine
    this.#store = store
    this.#settling = settling
    this.#lists = new SharedLists(engine, turn)
  }

  async observe(desired: DesiredStack, signal: AbortSignal): Promise<Observed> {
    const { stack } = desired
    const { instance, adopted, memory } = this.#store
    const wantsPorts = Object.values(desired.services).some((service) => service.hostPorts.length > 0)
    const [mine, running, { networks, everyNetwork }, volumes] = await Promise.all([
      this.containers(stack, signal),
      wantsPorts ? this.#lists.running(signal) : [],
      this.#networks(desired, signal),
      this.#volumes(desired, signal),
    ])
    const unstartable = memory.all(stack, 'unstartable')
    const notAsked = await this.#notAskedSincePause(mine, signal)
    const observed = {
      addresses: isNetworkMissing(desired, networks) ? await this.#addresses(everyNetwork, signal) : undefined,
      containers: mine.map((summary) => ({
        ...observeContainer(summary, instance),
        ...(notAsked.has(summary.Id) && { health: 'starting' as const }),
        unstartable: Object.hasOwn(unstartable, summary.Id),
      })),
      networks: networks.map((network) => observeNetwork(network, instance, stack)),
      volumes: volumes.map((volume) => observeVolume(volume, instance, stack)),
      ports: [...publishedPorts(running), ...(wantsPorts ? this.#ingressPorts(stack) : [])],
    }
    this.#stacks.set(stack, new Set(observed.containers.map(({ id }) => id)))
    return withAdopted(observed, adopted.of(stack))
  }

  /** Those that the Engine calls unhealthy for no other reason than that they were paused. A list does not tell them apart. */
  async #notAskedSincePause(
    containers: readonly ContainerSummary[],
    signal: AbortSignal,
  ): Promise<ReadonlySet<string>> {
    const unhealthy = containers.filter(({ State, Status }) => State === 'running' && healthOf(Status) === 'unhealthy')
    if (unhealthy.length === 0) return new Set()
    const ids = unhealthy.map(({ Id }) => Id)
    const inspected = await inspectAll(this.#engine, ids, signal)
    return new Set(ids.filter((id) => inspected.has(id) && !hasFailed(inspected.get(id)!)))
  }

  /** Ports that the ingress serves for other stacks: no container holds them. */
  #ingressPorts(stack: string): PublishedPort[] {
    const rows = this.#store.memory.everywhere('published').filter((row) => row.stack !== stack)
    return rows.flatMap((row) =>
      (row.value as ServiceRouting).ports.map(({ ip, port }) => ({
        containerId: '',
        containerName: `the ingress, for ${row.key} of stack ${row.stack}`,
        ip: ip === '' ? '0.0.0.0' : ip,
        port,
        protocol: 'tcp',
      })),
    )
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

  async #addresses(known: readonly NetworkInfo[] | undefined, signal: AbortSignal): Promise<AddressSpace> {
    const [networks, pools] = await Promise.all([
      known ?? this.#engine.networks.list({}, { signal }),
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
    await this.#settling.settled(stack, signal)
    return this.#lists.containers(stack, signal)
  }

  /** With those of others that the stack names. Where one is missing, all are asked for: to make it takes addresses. */
  async #networks({ stack, networks }: DesiredStack, signal: AbortSignal) {
    const own = await this.#lists.networks(stack, signal)
    const names = namesBeside(networks, new Set(own.map(({ Name }) => Name)))
    if (names.length === 0) return { networks: own, everyNetwork: undefined }
    const everyNetwork = await this.#engine.networks.list({}, { signal })
    const named = everyNetwork.filter(({ Name }) => names.includes(Name))
    return { networks: unique([...own, ...named], ({ Id }) => Id), everyNetwork }
  }

  /** The Engine's name filter matches parts of names, so that the answer may hold more: harmless, they match nothing. */
  async #volumes({ stack, volumes }: DesiredStack, signal: AbortSignal): Promise<VolumeInfo[]> {
    const own = await this.#lists.volumes(stack, signal)
    const name = namesBeside(volumes, new Set(own.map(({ Name }) => Name)))
    if (name.length === 0) return own
    return unique([...own, ...(await this.#engine.volumes.list({ filters: { name } }, { signal }))], ({ Name }) => Name)
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

const namesBeside = (wanted: readonly { readonly name: string }[], known: ReadonlySet<string>): string[] =>
  wanted.map(({ name }) => name).filter((name) => !known.has(name))

function unique<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...new Map(items.map((item) => [key(item), item])).values()]
}
