/** Reads what the Engine says now about a stack: three lists, no inspect per container. */
import { Problem } from '../../protocol/problems.ts'
import type { ContainerSummary, Engine } from '../engine/types.ts'
import { withAdopted } from '../stack/adopted.ts'
import type { DesiredStack } from '../stack/desired.ts'
import { COMPOSE } from '../stack/labels.ts'
import { type Observed, observeContainer, observeNetwork, observeVolume, publishedPorts } from '../stack/observed.ts'
import type { Store } from '../store/store.ts'
import type { RecentEnds } from './recent-ends.ts'

/** How long the Engine may count the bytes of volumes. */
const SIZES_MS = 10_000

export class Observer {
  readonly #engine: Engine
  readonly #store: Pick<Store, 'instance' | 'adopted'>

  readonly #ends: Pick<RecentEnds, 'settled'>

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
    const observed = {
      containers: mine.map((summary) => observeContainer(summary, instance)),
      networks: unique([...labelled, ...networks], (network) => network.Id).map((network) =>
        observeNetwork(network, instance, stack),
      ),
      volumes: unique([...volumesByLabel, ...volumesByName], (volume) => volume.Name).map((volume) =>
        observeVolume(volume, instance, stack),
      ),
      ports: publishedPorts(running),
    }
    return withAdopted(observed, adopted.of(stack))
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

function unique<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...new Map(items.map((item) => [key(item), item])).values()]
}
