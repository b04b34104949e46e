/** The volumes of a simulated machine, and who mounts them, as dockerd keeps them. Each method is one effect, at once. */
import type { ContainerCreateBody } from '../../daemon/engine/types.ts'
import type { EventStreams } from './event-streams.ts'
import { Refusal } from './refusal.ts'
import type {
  Actor,
  MachineObserver,
  SimulatedContainer,
  SimulatedImage,
  SimulatedMount,
  SimulatedVolume,
} from './simulated-objects.ts'

interface Parts {
  readonly events: EventStreams
  readonly newId: () => string
  readonly containers: ReadonlyMap<string, SimulatedContainer>
  readonly observer: () => MachineObserver | undefined
}

export class SimulatedVolumes {
  readonly #parts: Parts
  readonly #byName = new Map<string, SimulatedVolume>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  all(): Iterable<SimulatedVolume> {
    return this.#byName.values()
  }

  find(name: string): SimulatedVolume | undefined {
    return this.#byName.get(name)
  }

  has(name: string): boolean {
    return this.#byName.has(name)
  }

  /** One that is there is answered as it is: the Engine compares no labels. */
  add(name: string, labels: Readonly<Record<string, string>>): SimulatedVolume {
    const known = this.#byName.get(name)
    if (known !== undefined) return known
    const volume = { name, labels }
    this.#byName.set(name, volume)
    this.#parts.events.emit('volume', 'create', name, { driver: 'local' })
    return volume
  }

  remove(name: string, actor: Actor): void {
    if (!this.#byName.has(name)) throw new Refusal(404, `get ${name}: no such volume`)
    const users = this.#usersOf(name)
    if (users.length > 0)
      throw new Refusal(409, `remove ${name}: volume is in use - [${users.map((user) => user.id).join(', ')}]`)
    this.#forget(name, actor)
  }

  /** Those that the Engine made for a container that is gone, where no other has them. */
  removeAnonymousOf(container: SimulatedContainer, actor: Actor): void {
    for (const { anonymous, Name } of container.mounts)
      if (anonymous && this.#byName.has(Name!) && this.#usersOf(Name!).length === 0) this.#forget(Name!, actor)
  }

  /** What a new container mounts. A volume that nobody made is made for it. */
  mountsFor(container: string, body: ContainerCreateBody, image: SimulatedImage): SimulatedMount[] {
    const host = body.HostConfig ?? {}
    const mounts: SimulatedMount[] = []
    const volume = (name: string | undefined, target: string) => {
      const known = name ?? this.#parts.newId()
      // In silence, without labels: that is dockerd.
      if (name !== undefined && !this.#byName.has(name)) this.#parts.observer()?.volumeImplied(name, container)
      this.add(known, name === undefined ? { 'com.docker.volume.anonymous': '' } : {})
      const Source = `/var/lib/docker/volumes/${known}/_data`
      mounts.push({ Type: 'volume', Name: known, Source, Destination: target, RW: true, anonymous: name === undefined })
    }
    for (const bind of (host.Binds as string[] | undefined) ?? []) {
      const [source = '', target = ''] = bind.split(':')
      if (!source.startsWith('/')) volume(source, target)
      else mounts.push({ Type: 'bind', Source: source, Destination: target, RW: true, anonymous: false })
    }
    for (const mount of (host.Mounts as { Type: string; Source?: string; Target: string }[] | undefined) ?? []) {
      if (mount.Type === 'volume') volume(mount.Source, mount.Target)
      else
        mounts.push({
          Type: mount.Type,
          Source: mount.Source ?? '',
          Destination: mount.Target,
          RW: true,
          anonymous: false,
        })
    }
    for (const target of image.volumes)
      if (!mounts.some((mount) => mount.Destination === target)) volume(undefined, target)
    return mounts
  }

  #usersOf(name: string): SimulatedContainer[] {
    return [...this.#parts.containers.values()].filter(({ mounts }) => mounts.some((mount) => mount.Name === name))
  }

  #forget(name: string, actor: Actor): void {
    this.#byName.delete(name)
    this.#parts.observer()?.volumeRemoved(name, actor)
  }
}
