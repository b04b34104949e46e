/**
 * A small pure model of an Engine: carries a plan out on an observed state and answers the state after it. It says so
 * where an action meets a state in which an Engine would refuse it: a name in use, a network that containers still use.
 */
import type { ActionBody, StackPlan } from '../../../daemon/stack/actions.ts'
import type { DesiredStack } from '../../../daemon/stack/desired.ts'
import { matchService } from '../../../daemon/stack/match.ts'
import type { Observed, ObservedContainer, ObservedNetwork, ObservedVolume } from '../../../daemon/stack/observed.ts'
import type { Memory } from '../../../daemon/stack/plan-input.ts'
import { keyOf } from './stack-builders.ts'

export interface World {
  readonly observed: Observed
  readonly memory: Memory
}

/** An Engine would refuse this action at this point. */
export class Impossible extends Error {}

/** The plan is sound, but this world lets it fail: a dependency that has crashed, a port that somebody holds. */
export class Unfulfilled extends Error {}

/**
 * `choices` pick the next action among those that could go on: the executor promises no order beyond `after`.
 */
export function carryOut(plan: StackPlan, desired: DesiredStack, world: World, choices: readonly number[] = []): World {
  const engine = new EngineModel(desired, world)
  const waiting = [...plan.actions]
  const done = new Set<string>()
  for (let step = 0; waiting.length > 0; step += 1) {
    const ready = waiting.filter((action) => action.after.every((id) => done.has(id)))
    const next = ready[(choices[step % Math.max(choices.length, 1)] ?? 0) % Math.max(ready.length, 1)]
    if (next === undefined) throw new Impossible('actions wait for each other')
    engine.perform(next.body)
    done.add(next.id)
    waiting.splice(waiting.indexOf(next), 1)
  }
  return engine.world()
}

const holdsItsNetworks = (container: ObservedContainer): boolean =>
  container.state === 'running' || container.state === 'restarting' || container.state === 'paused'

class EngineModel {
  readonly #desired: DesiredStack
  readonly #observed: Observed
  readonly #containers: Map<string, ObservedContainer>
  readonly #networks: Map<string, ObservedNetwork>
  readonly #volumes: Map<string, ObservedVolume>
  readonly #restarted: Record<string, number>
  readonly #held: Set<string>
  readonly #vacant: Set<string>
  #switched: number | undefined
  readonly #made = new Map<string, string>()
  readonly #volumesOnce: Set<string>
  #serial: number

  constructor(desired: DesiredStack, { observed, memory }: World) {
    this.#desired = desired
    this.#observed = observed
    this.#containers = new Map(observed.containers.map((container) => [container.id, container]))
    this.#networks = new Map(observed.networks.map((network) => [network.id, network]))
    this.#volumes = new Map(observed.volumes.map((volume) => [volume.name, volume]))
    this.#restarted = { ...memory.restarted }
    this.#held = new Set(memory.held)
    this.#vacant = new Set(memory.vacant)
    this.#switched = memory.switched
    this.#volumesOnce = new Set(memory.volumes)
    const made = observed.networks.map(({ id }) => Number(/^network-(\d+)$/.exec(id)?.[1] ?? 0))
    this.#serial = Math.max(0, ...made, ...observed.containers.map((container) => container.created))
  }

  world(): World {
    return {
      observed: {
        containers: [...this.#containers.values()],
        networks: [...this.#networks.values()],
        volumes: [...this.#volumes.values()],
        ports: this.#observed.ports,
      },
      memory: {
        restarted: this.#restarted,
        volumes: [...this.#volumesOnce],
        held: [...this.#held],
        vacant: [...this.#vacant],
        ...(this.#switched !== undefined && { switched: this.#switched }),
      },
    }
  }

  perform(body: ActionBody): void {
    switch (body.kind) {
      case 'pull-image':
      case 'build-image':
      case 'remove-image':
        return
      case 'create-network':
        this.#createNetwork(body)
        return
      case 'remove-network':
        this.#removeNetwork(body)
        return
      case 'connect-network': {
        const { networks } = this.#get(body.id)
        this.#change(body.id, { networks: { ...networks, [body.network]: this.#networkId(body.network) } })
        return
      }
      case 'create-volume':
        this.#volumes.set(body.name, {
          name: body.name,
          ownership: 'ours',
          project: this.#desired.stack,
          key: body.key,
          specHash: this.#volumeHash(body.name),
        })
        this.#volumesOnce.add(body.name)
        return
      case 'remove-volume':
        if (!this.#volumes.delete(body.name)) throw new Impossible(`there is no volume ${body.name}`)
        this.#volumesOnce.delete(body.name)
        return
      case 'create-container':
        this.#createContainer(body)
        return
      case 'start-container':
        this.#startContainer(this.#idOf(body))
        return
      case 'unpause-container':
        this.#change(body.id, { state: 'running', health: 'none' }, ['paused'])
        return
      case 'pause-container':
        this.#change(body.id, { state: 'paused' }, ['running', 'restarting'])
        return
      case 'restart-container':
        this.#change(body.id, { state: 'running', health: 'none' }, ['running', 'restarting'])
        if (body.generation !== undefined) this.#restarted[body.id] = body.generation
        return
      case 'stop-container':
        // One that has ended already is stopped for its policy's sake; the Engine answers 304.
        if (this.#get(body.id).state !== 'exited') {
          this.#change(body.id, { state: 'exited', exitCode: 143 }, ['running', 'restarting', 'paused'])
        }
        if (body.purpose === 'keep') this.#held.add(body.id)
        return
      case 'remove-container': {
        const container = this.#get(body.id)
        if (body.mode === 'stopped' && holdsItsNetworks(container)) throw new Impossible(`${container.name} still runs`)
        this.#containers.delete(body.id)
        delete this.#restarted[body.id]
        return
      }
      case 'kill-container':
        this.#change(body.id, { state: 'exited', exitCode: 137 }, ['running', 'restarting', 'paused'])
        if (body.purpose === 'stop') this.#held.add(body.id)
        return
      case 'discard-container':
        if (holdsItsNetworks(this.#get(body.id))) throw new Impossible(`${this.#get(body.id).name} still runs`)
        this.#containers.delete(body.id)
        this.#vacant.add(`${body.service} ${body.replica}`)
        return
      case 'rename-container': {
        const id = this.#idOf(body)
        this.#mustBeFree(body.name, id)
        this.#change(id, { name: body.name })
        return
      }
      case 'await-service':
        this.#await(body)
        return
      case 'await-replica': {
        const container = this.#get(this.#idOf(body))
        if (!holdsItsNetworks(container)) throw new Unfulfilled(`${container.name} does not run`)
        return
      }
      case 'switch-release':
        this.#switched = body.release
        return
      case 'continue-rollout':
      case 'publish-service':
      case 'unpublish-service':
      case 'admit-replica':
      case 'drain-replica':
      case 'unroute-replica':
        return
      case 'refuse':
        throw new Unfulfilled(body.message)
    }
  }

  #createNetwork({ key, name }: Extract<ActionBody, { kind: 'create-network' }>): void {
    if ([...this.#networks.values()].some((network) => network.name === name)) {
      throw new Impossible(`there are two networks ${name}`)
    }
    this.#serial += 1
    const id = `network-${this.#serial}`
    const { specHash, release } = this.#desired.networks.find((network) => network.name === name) ?? {}
    this.#networks.set(id, { id, name, ownership: 'ours', key, specHash, release })
  }

  #removeNetwork({ id, name, release }: Extract<ActionBody, { kind: 'remove-network' }>): void {
    for (const container of release === undefined ? [] : this.#containers.values()) {
      if (container.release === release && container.networks[name] !== undefined)
        throw new Impossible(`${container.name} was made on ${name}`)
      const { [name]: _, ...others } = container.networks
      this.#containers.set(container.id, { ...container, networks: others })
    }
    const user = [...this.#containers.values()].find(
      (container) => holdsItsNetworks(container) && container.networks[name] === id,
    )
    if (user !== undefined) throw new Impossible(`network ${name} has active endpoints: ${user.name}`)
    if (!this.#networks.delete(id)) throw new Impossible(`there is no network ${name}`)
  }

  #createContainer(body: Extract<ActionBody, { kind: 'create-container' }>): void {
    const service = this.#desired.services[body.service]!
    this.#mustBeFree(body.name, undefined)
    // The Engine asks for a container's only network when it starts.
    const networks = service.networks.map((name) => [name, service.networks.length === 1 ? '' : this.#networkId(name)])
    for (const name of service.volumes) {
      if (!this.#volumes.has(name)) throw new Impossible(`volume ${name} is not there`)
    }
    this.#serial += 1
    const id = `container-${this.#serial}`
    this.#containers.set(id, {
      id,
      name: body.name,
      ownership: 'ours',
      service: body.service,
      replica: body.replica,
      oneOff: false,
      revision: service.revision,
      specHash: service.specHash,
      recreate: service.recreate,
      restart: service.restart,
      release: service.release,
      image: service.image.reference,
      imageId: service.image.id ?? '',
      state: 'created',
      health: 'none',
      exitCode: undefined,
      created: this.#serial,
      networks: Object.fromEntries(networks),
      anonymousVolumes: body.carriedVolumes,
    })
    this.#made.set(`${body.service} ${body.replica}`, id)
  }

  #startContainer(id: string): void {
    const networks = Object.entries(this.#get(id).networks).map(([name, known]) => [
      name,
      known === '' ? this.#networkId(name) : known,
    ])
    const change = {
      state: 'running' as const,
      health: 'none' as const,
      exitCode: undefined,
      networks: Object.fromEntries(networks),
    }
    this.#change(id, change, ['created', 'exited'])
  }

  #networkId(name: string): string {
    const network = [...this.#networks.values()].find((candidate) => candidate.name === name)
    if (network === undefined) throw new Impossible(`network ${name} is not there`)
    return network.id
  }

  /** The world is kind to what runs: it becomes healthy, jobs end well. What has ended otherwise stays so. */
  #await({ service, until }: Extract<ActionBody, { kind: 'await-service' }>): void {
    const desired = this.#desired.services[service]!
    const own = this.#observed.containers.filter((c) => c.ownership === 'ours' && !c.oneOff && c.service === service)
    for (const { replica, current } of matchService(desired, own, this.#observed).replicas) {
      const id = this.#made.get(`${service} ${replica}`) ?? current?.id
      const container = id === undefined ? undefined : this.#containers.get(id)
      if (container === undefined) continue
      if (until === 'completed') {
        if (container.state === 'exited' && container.exitCode === 0) continue
        if (!holdsItsNetworks(container)) throw new Unfulfilled(`${container.name} has not completed`)
        this.#change(container.id, { state: 'exited', exitCode: 0 })
      } else {
        if (!holdsItsNetworks(container)) throw new Unfulfilled(`${container.name} does not run`)
        this.#change(container.id, { state: 'running', health: 'healthy' })
      }
    }
  }

  #idOf(body: { service: string; replica: number; id: string | undefined }): string {
    const id = body.id ?? this.#made.get(`${body.service} ${body.replica}`)
    if (id === undefined) throw new Impossible(`${body.service} ${body.replica} was not made`)
    return id
  }

  #get(id: string): ObservedContainer {
    const container = this.#containers.get(id)
    if (container === undefined) throw new Impossible(`there is no container ${id}`)
    return container
  }

  #change(id: string, change: Partial<ObservedContainer>, from?: readonly ObservedContainer['state'][]): void {
    const container = this.#get(id)
    if (from !== undefined && !from.includes(container.state)) {
      throw new Impossible(`${container.name} is ${container.state}`)
    }
    this.#containers.set(id, { ...container, ...change })
  }

  #mustBeFree(name: string, but: string | undefined): void {
    const holder = [...this.#containers.values()].find((container) => container.name === name && container.id !== but)
    if (holder !== undefined) throw new Impossible(`the name ${name} is already in use by ${holder.id}`)
  }

  #volumeHash(name: string): string | undefined {
    return this.#desired.volumes.find((volume) => volume.name === name)?.specHash ?? keyOf(name)
  }
}
