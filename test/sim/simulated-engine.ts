/**
 * The Docker Engine API over a simulated machine: each call takes a moment, can fail before or after its effect, hang, or
 * be the last thing that its daemon did. One of these belongs to one life of the daemon.
 */

import type {
  CallOptions,
  ContainerInspect,
  ContainerSummary,
  Engine,
  Filters,
  ImageInspect,
  NetworkInfo,
  VolumeInfo,
} from '../../daemon/engine/types.ts'
import { Problem } from '../../protocol/problems.ts'
import type { Life, Scheduler } from './clock.ts'
import { matchesLabels } from './event-streams.ts'
import type { EngineCall, Faults } from './faults.ts'
import { type Actor, type Machine, Refusal, type SimulatedContainer, type SimulatedNetwork } from './machine.ts'
import type { Random } from './random.ts'
import { statusText } from './status-text.ts'

export interface SimulatedEngineParts {
  readonly machine: Machine
  readonly life: Life
  readonly faults: Faults
  readonly random: Random
  readonly apiVersion: string
  /** Told of each call before it goes out, and of how it ended. */
  readonly watcher: { calling(call: EngineCall): void; ended(call: EngineCall, how: string): void }
}

const CALL_MS = 60_000
const LONG_MS = 10 * 60_000
const ADDRESS = 'unix:///run/simulated.sock'

type Answer<T> = (value: T) => void
type Effect<T> = (answer: Answer<T>, actor: Actor, fail: (error: unknown) => void) => void

export function simulatedEngine(parts: SimulatedEngineParts): Engine {
  const { machine, life } = parts
  const wire = new Wire(parts)
  const look = <T>(name: string, target: string, read: () => T, options?: CallOptions): Promise<T> =>
    wire.call<T>({ name, kind: 'look', target }, (answer) => answer(read()), options, CALL_MS)
  const change = <T>(
    name: string,
    target: string,
    effect: Effect<T>,
    options?: CallOptions,
    limitMs = CALL_MS,
    stack?: string,
  ): Promise<T> => wire.call<T>({ name, kind: 'change', target, stack }, effect, options, limitMs)
  const version = {
    version: '28.3.3',
    apiVersion: parts.apiVersion,
    minApiVersion: '1.24',
    negotiated: parts.apiVersion,
    os: 'linux',
    arch: 'amd64',
  }
  const execs = new Map<string, string>()

  return {
    address: ADDRESS,
    version: async () => version,
    atLeast: async (api) => Number(parts.apiVersion.split('.')[1]) >= Number(api.split('.')[1]),
    ping: (options) => look('ping', '', () => undefined, options),
    info: (options) => look('info', '', () => ({ ServerVersion: version.version }), options),
    async *events({ filters }, options) {
      await look('events', '', () => undefined, options)
      for await (const event of machine.events.subscribe(filters ?? {}, options?.signal)) {
        if (!life.alive) return
        yield event
      }
    },
    containers: {
      list: ({ all, filters }, options) =>
        look('list', '', () => listContainers(machine, all === true, filters ?? {}), options),
      inspect: (id, options) => look('inspect', id, () => inspectContainer(machine, machine.container(id)), options),
      create: ({ name }, body, options) =>
        change(
          'create',
          name,
          (answer) => answer({ Id: machine.create(name, body).id, Warnings: null }),
          options,
          CALL_MS,
          body.Labels?.['com.docker.compose.project'],
        ),
      start: (id, options) =>
        change<boolean>(
          'start',
          id,
          (answer, actor) => answer(machine.start(machine.container(id), actor)),
          options,
          LONG_MS,
        ),
      stop: (id, { graceSeconds }, options) =>
        change<boolean>(
          'stop',
          id,
          (answer, actor) => machine.stop(machine.container(id), graceSeconds, actor, answer),
          options,
          LONG_MS,
        ),
      kill: (id, signal, options) =>
        change<void>(
          'kill',
          id,
          (answer, actor) => answer(machine.kill(machine.container(id), signal, actor)),
          options,
        ),
      restart: (id, { graceSeconds }, options) =>
        change<void>(
          'restart',
          id,
          (answer, actor, fail) =>
            machine.restart(machine.container(id), graceSeconds, actor, (error) =>
              error === undefined ? answer() : fail(error),
            ),
          options,
          LONG_MS,
        ),
      pause: (id, options) =>
        change<void>('pause', id, (answer) => answer(machine.pause(machine.container(id))), options),
      unpause: (id, options) =>
        change<void>('unpause', id, (answer) => answer(machine.unpause(machine.container(id))), options),
      rename: (id, name, options) =>
        change<void>('rename', id, (answer) => answer(machine.rename(machine.container(id), name)), options),
      remove: (id, { force, volumes }, options) =>
        change<void>(
          volumes === 'anonymous' ? 'remove-with-volumes' : 'remove',
          id,
          (answer, actor) =>
            machine.remove(
              machine.container(id),
              { force: force === true, volumes: volumes === 'anonymous' },
              actor,
              answer,
            ),
          options,
          LONG_MS,
        ),
      wait: (id, _condition, options) =>
        wire.call(
          { name: 'wait', kind: 'look', target: id },
          (answer) => waitForEnd(machine, machine.container(id), answer),
          options,
          undefined,
        ),
      updateRestartPolicy: (id, policy, options) =>
        change<void>('update', id, (answer) => answer(machine.updatePolicy(machine.container(id), policy)), options),
      async *logs() {},
      attach: () => unsupported('attach'),
      resize: () => unsupported('resize'),
      getArchive: () => unsupported('archive'),
      statPath: () => unsupported('archive'),
      putArchive: (id, _query, _tar, options) =>
        change<void>('archive', id, (answer) => answer(void machine.container(id)), options),
      top: () => unsupported('top'),
      async *stats() {},
      export: () => unsupported('export'),
      commit: () => unsupported('commit'),
    },
    exec: {
      create: (containerId, _body, options) =>
        change(
          'exec.create',
          containerId,
          (answer) => {
            const container = machine.container(containerId)
            if (container.state !== 'running') throw new Refusal(409, `container ${container.id} is not running`)
            const id = machine.newId()
            execs.set(id, container.id)
            answer({ Id: id })
          },
          options,
        ),
      startDetached: (id, options) => change<void>('exec.start', execs.get(id) ?? id, (answer) => answer(), options),
      start: async (id, _query, options) => {
        await change<void>('exec.start', execs.get(id) ?? id, (answer) => answer(), options)
        return { input: { end: () => {} } as never, output: (async function* () {})(), close: () => {} }
      },
      resize: async () => {},
      inspect: (id, options) =>
        look(
          'exec.inspect',
          id,
          () => ({ ID: id, Running: false, ExitCode: 0, Pid: 0, ContainerID: execs.get(id)! }),
          options,
        ),
    },
    images: {
      list: (_query, options) =>
        look('images.list', '', () => [...machine.images.keys()].map((Id) => ({ Id })), options),
      inspect: (reference, options) =>
        look('images.inspect', reference, () => inspectImage(machine, reference), options),
      async *pull({ reference }, options) {
        await change<void>(
          'images.pull',
          reference,
          (answer) => {
            const id = machine.registry.get(reference)
            if (id === undefined)
              throw new Problem('image-missing', `manifest for ${reference} not found: manifest unknown`)
            machine.tags.set(reference, id)
            machine.images.set(id, machine.images.get(id) ?? { id, volumes: [] })
            answer()
          },
          options,
          LONG_MS,
        )
        yield { status: `Status: Downloaded newer image for ${reference}` }
      },
      async *push() {},
      tag: () => unsupported('tag'),
      remove: (reference, _query, options) =>
        change<void>('images.remove', reference, (answer) => answer(removeImage(machine, reference)), options),
      async *build() {},
      async *load() {},
      importRootfs: () => unsupported('import'),
    },
    networks: {
      list: ({ filters }, options) => look('networks.list', '', () => listNetworks(machine, filters ?? {}), options),
      inspect: (id, options) => look('networks.inspect', id, () => networkInfo(machine, machine.network(id)), options),
      create: (body, options) =>
        change(
          'networks.create',
          body.Name,
          (answer) => answer({ Id: machine.addNetwork(body.Name, body.Labels ?? {}).id }),
          options,
          CALL_MS,
          body.Labels?.['com.docker.compose.project'],
        ),
      remove: (id, options) =>
        change<void>('networks.remove', id, (answer) => answer(machine.removeNetwork(id)), options),
      connect: (id, container, endpoint, options) =>
        change<void>(
          'networks.connect',
          container,
          (answer) => answer(machine.connect(id, machine.container(container), endpoint)),
          options,
        ),
      disconnect: (id, container, _query, options) =>
        change<void>(
          'networks.disconnect',
          container,
          (answer) => answer(machine.disconnect(id, machine.container(container))),
          options,
        ),
    },
    volumes: {
      list: ({ filters }, options) => look('volumes.list', '', () => listVolumes(machine, filters ?? {}), options),
      inspect: (name, options) =>
        look(
          'volumes.inspect',
          name,
          () => {
            const [volume] = listVolumes(machine, {}).filter((candidate) => candidate.Name === name)
            if (volume === undefined) throw new Refusal(404, `get ${name}: no such volume`)
            return volume
          },
          options,
        ),
      create: (body, options) =>
        change(
          'volumes.create',
          body.Name,
          (answer) => {
            const volume = machine.addVolume(body.Name, body.Labels ?? {})
            answer(volumeInfo(volume.name, volume.labels))
          },
          options,
          CALL_MS,
          body.Labels?.['com.docker.compose.project'],
        ),
      sizes: () => unsupported('volumes.sizes'),
      remove: (name, _query, options) =>
        change<void>('volumes.remove', name, (answer, actor) => answer(machine.removeVolume(name, actor)), options),
    },
    upgrade: () => unsupported('upgrade'),
    close: async () => {},
  }
}

function unsupported(what: string): Promise<never> {
  return Promise.reject(new Problem('unsupported', `the simulated Engine has no ${what}`))
}

const never = <T>(): Promise<T> => new Promise(() => {})

/** The connection: time, faults, and the deaths of either side. */
class Wire {
  readonly #parts: SimulatedEngineParts
  readonly #scheduler: Scheduler

  constructor(parts: SimulatedEngineParts) {
    this.#parts = parts
    this.#scheduler = parts.machine.scheduler
  }

  call<T>(
    call: EngineCall,
    effect: Effect<T>,
    options: CallOptions | undefined,
    limitMs: number | undefined,
  ): Promise<T> {
    const { life, faults, random, machine, watcher } = this.#parts
    if (!life.alive) return never()
    const { signal } = options ?? {}
    if (signal?.aborted) return Promise.reject(signal.reason)
    watcher.calling(call)
    const fault = faults.next(call)
    if (fault === 'crash-before') {
      watcher.ended(call, fault)
      life.end()
      return never()
    }
    const latencyMs = random.int(1, call.kind === 'look' ? 3 : 6) + (fault === 'delay' ? random.int(100, 3000) : 0)
    return new Promise<T>((resolve, reject) => {
      const settle = new Settlement<T>(resolve, reject, (how) => {
        machine.pending.delete(broken)
        watcher.ended(call, fault === undefined ? how : `${how} [${fault}]`)
      })
      settle.life = life
      const broken = () => settle.fail(unreachable())
      machine.pending.add(broken)
      this.#scheduler.after(latencyMs, () => {
        if (settle.done) return
        if (!machine.up) return broken()
        // A daemon that died, or gave up, does not call back what is on its way.
        const actor: Actor = life.alive ? 'daemon' : 'ghost'
        if (!life.alive || signal?.aborted) {
          if (call.kind === 'change' && random.chance(0.5)) attempt(effect, () => {}, actor)
          return signal?.aborted ? settle.fail(signal.reason) : settle.forget()
        }
        this.#arrive(call, effect, fault, settle, actor)
        if (settle.done) return
        const limit = options?.timeoutMs ?? limitMs
        if (limit !== undefined) this.#scheduler.after(limit, () => settle.fail(timeout(call, limit)))
        signal?.addEventListener('abort', () => settle.fail(signal.reason), { once: true })
      })
    })
  }

  #arrive<T>(
    call: EngineCall,
    effect: Effect<T>,
    fault: ReturnType<Faults['next']>,
    settle: Settlement<T>,
    actor: Actor,
  ): void {
    switch (fault) {
      case 'error-before':
        settle.fail(refused(call, new Refusal(500, 'simulated: the Engine refused')))
        return
      case 'lost-before':
        settle.fail(unreachable())
        return
      case 'hang-before':
        return
      case 'error-after':
        attempt(effect, () => {}, actor)
        settle.fail(refused(call, new Refusal(500, 'simulated: the Engine said no, and did it all the same')))
        return
      case 'lost-after':
        attempt(effect, () => {}, actor)
        settle.fail(unreachable())
        return
      case 'hang-after':
        attempt(effect, () => {}, actor)
        return
      case 'crash-after':
        attempt(effect, () => {}, actor)
        settle.forget()
        this.#parts.life.end()
        return
      default:
        try {
          effect(
            (value) => settle.answer(value),
            actor,
            (error) => settle.fail(error instanceof Refusal ? refused(call, error) : error),
          )
        } catch (error) {
          settle.fail(error instanceof Refusal ? refused(call, error) : error)
        }
    }
  }
}

/** An effect whose answer nobody hears. */
function attempt<T>(effect: Effect<T>, answer: Answer<T>, actor: Actor): void {
  try {
    effect(answer, actor, () => {})
  } catch (error) {
    if (!(error instanceof Refusal) && !(error instanceof Problem)) throw error
    // Refused, and nobody hears that either.
  }
}

class Settlement<T> {
  done = false
  life: Life | undefined
  readonly #resolve: (value: T) => void
  readonly #reject: (error: unknown) => void
  readonly #onEnd: (how: string) => void

  constructor(resolve: (value: T) => void, reject: (error: unknown) => void, onEnd: (how: string) => void) {
    this.#resolve = resolve
    this.#reject = reject
    this.#onEnd = onEnd
  }

  answer(value: T): void {
    if (!this.#end('ok')) return
    this.#resolve(value)
  }

  fail(error: unknown): void {
    if (!this.#end(error instanceof Error ? error.message : String(error))) return
    this.#reject(error)
  }

  /** Nobody is there to hear it. */
  forget(): void {
    this.#end('nobody hears it')
  }

  #end(how: string): boolean {
    if (this.done) return false
    this.done = true
    this.#onEnd(how)
    return this.life?.alive !== false
  }
}

const refused = (call: EngineCall, { status, message }: Refusal): Problem =>
  new Problem('engine-error', message, { engine: { call: call.name, status } })

const unreachable = (): Problem =>
  new Problem('engine-unreachable', `the Engine at ${ADDRESS} does not answer (socket hang up)`)

const timeout = (call: EngineCall, limitMs: number): Problem =>
  new Problem('engine-timeout', `the Engine did not answer ${call.name} in ${limitMs / 1000} s`, {
    engine: { call: call.name },
  })

function waitForEnd(machine: Machine, container: SimulatedContainer, answer: Answer<{ StatusCode: number }>): void {
  const look = (): void => {
    if (container.state === 'running' || container.state === 'paused' || container.state === 'restarting')
      machine.scheduler.after(50, look)
    else answer({ StatusCode: container.exitCode })
  }
  look()
}

function listContainers(machine: Machine, all: boolean, filters: Filters): ContainerSummary[] {
  const found: ContainerSummary[] = []
  for (const container of machine.containers.values()) {
    const runs = container.state === 'running' || container.state === 'paused' || container.state === 'restarting'
    if ((!all && !runs) || !matchesLabels(container.labels, filters.label)) continue
    if (filters.name !== undefined && !filters.name.some((part) => container.name.includes(part))) continue
    found.push(summaryOf(machine, container))
  }
  // Newest first, as the Engine has it.
  return found.reverse()
}

function summaryOf(machine: Machine, container: SimulatedContainer): ContainerSummary {
  const bound = container.state === 'running' || container.state === 'paused'
  const networks: Record<string, { NetworkID: string; IPAddress: string; Aliases: string[] | null }> = {}
  for (const [name, endpoint] of container.networks)
    networks[name] = { NetworkID: endpoint.networkId, IPAddress: '', Aliases: null }
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: container.body.Image,
    ImageID: container.imageId,
    Command: '',
    Created: Math.floor(container.createdAtMs / 1000),
    Labels: container.labels,
    State: container.state,
    Status: statusText(container, machine.wall.nowMs()),
    Ports: bound
      ? container.ports.flatMap(({ ip, hostPort, port, protocol }) =>
          (ip === '' ? ['0.0.0.0', '::'] : [ip]).map((IP) => ({
            IP,
            PrivatePort: port,
            PublicPort: hostPort,
            Type: protocol,
          })),
        )
      : [],
    HostConfig: { NetworkMode: String(container.body.HostConfig?.NetworkMode ?? 'bridge') },
    NetworkSettings: { Networks: networks },
    Mounts: container.mounts,
  }
}

function inspectContainer(machine: Machine, container: SimulatedContainer): ContainerInspect {
  const iso = (ms: number) => (ms === 0 ? '0001-01-01T00:00:00Z' : new Date(ms).toISOString())
  const { state } = container
  const runs = state === 'running' || state === 'paused' || state === 'restarting'
  const entry = { Start: '', End: '', ExitCode: 1, Output: 'simulated: not well' }
  return {
    Id: container.id,
    Name: `/${container.name}`,
    Created: iso(container.createdAtMs),
    Image: container.imageId,
    RestartCount: container.restartCount,
    State: {
      Status: state,
      Running: runs,
      Paused: state === 'paused',
      Restarting: state === 'restarting',
      OOMKilled: false,
      Dead: state === 'dead',
      Pid: runs ? 100 : 0,
      ExitCode: container.exitCode,
      Error: '',
      StartedAt: iso(container.startedAtMs),
      FinishedAt: iso(container.finishedAtMs),
      ...(container.health === undefined
        ? {}
        : {
            Health: {
              Status: container.health,
              FailingStreak: container.health === 'unhealthy' ? 3 : 0,
              Log: container.health === 'unhealthy' ? [entry] : [],
            },
          }),
    },
    Config: {
      Image: container.body.Image,
      Labels: container.labels,
      Tty: false,
      OpenStdin: false,
      Env: container.env,
      Cmd: null,
    },
    HostConfig: {
      ...container.body.HostConfig,
      RestartPolicy: container.policy,
      NetworkMode: String(container.body.HostConfig?.NetworkMode ?? 'bridge'),
    },
    Mounts: container.mounts,
    NetworkSettings: {
      Networks: Object.fromEntries(
        [...container.networks].map(([name, endpoint]) => [
          name,
          { NetworkID: endpoint.networkId, EndpointID: '', IPAddress: runs ? machine.newAddress() : '' },
        ]),
      ),
      Ports: {},
    },
  }
}

function inspectImage(machine: Machine, reference: string): ImageInspect | undefined {
  const image = machine.images.get(machine.tags.get(reference) ?? reference)
  if (image === undefined) return undefined
  return {
    Id: image.id,
    RepoTags: [...machine.tags].filter(([, id]) => id === image.id).map(([tag]) => tag),
    RepoDigests: [],
    Created: '2026-01-01T00:00:00Z',
    Size: 1,
    Os: 'linux',
    Architecture: 'amd64',
    Config: { Volumes: image.volumes.length === 0 ? null : Object.fromEntries(image.volumes.map((v) => [v, {}])) },
  }
}

function removeImage(machine: Machine, reference: string): void {
  const id = machine.tags.get(reference)
  if (id === undefined) throw new Refusal(404, `No such image: ${reference}`)
  if ([...machine.containers.values()].some((container) => container.imageId === id))
    throw new Refusal(409, `conflict: unable to remove repository reference "${reference}"`)
  machine.tags.delete(reference)
  machine.images.delete(id)
}

function networkInfo(machine: Machine, network: SimulatedNetwork): NetworkInfo {
  return {
    Id: network.id,
    Name: network.name,
    Driver: 'bridge',
    Scope: 'local',
    Internal: false,
    Attachable: false,
    EnableIPv6: false,
    Labels: network.labels,
    Options: {},
    IPAM: { Driver: 'default', Config: [] },
    Containers: Object.fromEntries(
      machine.endpointsOf(network).map((container) => [container.id, { Name: container.name, EndpointID: '' }]),
    ),
  }
}

/** The name filter matches parts of names. A list has no `Containers`. */
function listNetworks(machine: Machine, filters: Filters): NetworkInfo[] {
  return [...machine.networks.values()]
    .filter(
      ({ name, labels }) =>
        matchesLabels(labels, filters.label) &&
        (filters.name === undefined || filters.name.some((part) => name.includes(part))),
    )
    .map((network) => {
      const { Containers: _, ...info } = networkInfo(machine, network)
      return info
    })
}

const volumeInfo = (name: string, labels: Readonly<Record<string, string>>): VolumeInfo => ({
  Name: name,
  Driver: 'local',
  Mountpoint: `/var/lib/docker/volumes/${name}/_data`,
  Labels: labels,
  Options: null,
  Scope: 'local',
})

function listVolumes(machine: Machine, filters: Filters): VolumeInfo[] {
  return [...machine.volumes.values()]
    .filter(
      ({ name, labels }) =>
        matchesLabels(labels, filters.label) &&
        (filters.name === undefined || filters.name.some((part) => name.includes(part))),
    )
    .map(({ name, labels }) => volumeInfo(name, labels))
}
