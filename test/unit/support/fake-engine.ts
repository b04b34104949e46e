/** An Engine in memory for the flows of a deployment: objects, labels, names, the errors that matter. No time, no I/O. */
import type {
  CallOptions,
  ContainerCreateBody,
  ContainerInspect,
  ContainerSummary,
  Engine,
  Filters,
  ImageInspect,
  NetworkCreateBody,
  NetworkInfo,
  VolumeCreateBody,
  VolumeInfo,
} from '../../../daemon/engine/types.ts'
import { Problem } from '../../../protocol/problems.ts'
import { anImage } from './container-input.ts'

interface Kept {
  id: string
  name: string
  body: ContainerCreateBody
  state: ContainerSummary['State']
  exitCode: number
  created: number
  health: '' | 'healthy' | 'unhealthy'
  failingStreak: number
  /** Id by name, as they were when it was created. */
  networks: Readonly<Record<string, string>>
}

export class FakeEngine {
  /** `create shop-web-1`, `start shop-web-1`, in the order asked. Reading is not kept. */
  readonly calls: string[] = []
  readonly containers = new Map<string, Kept>()
  readonly networks = new Map<string, NetworkInfo>()
  readonly volumes = new Map<string, VolumeInfo>()
  readonly images = new Map<string, ImageInspect>()
  /** What a registry has: reference -> id. */
  readonly registry = new Map<string, string>()
  /** Answers of failing calls, by the call as it stands in `calls`. */
  readonly failures = new Map<string, Problem>()
  /** Told of each call before it has its effect; what it throws is the answer. */
  onCall: ((call: string) => void) | undefined
  /** Signals that end a program. */
  readonly deadly = new Set(['SIGKILL', 'SIGTERM'])
  /** Names of networks that containers of others are on. */
  readonly networksOfOthers = new Set<string>()
  /** Names of networks that the Engine counts an endpoint on which nobody has. */
  readonly miscounted = new Set<string>()
  #serial = 0
  #pulls: 'go' | 'hang' = 'go'
  #release = (): void => {}

  addImage(reference: string, id = `sha256:${reference}`): void {
    this.images.set(reference, anImage(id))
  }

  /** Pulls wait until they are released, or until their signal ends them. */
  holdPulls(): void {
    this.#pulls = 'hang'
  }

  releasePulls(): void {
    this.#pulls = 'go'
    this.#release()
  }

  find(name: string): Kept | undefined {
    return [...this.containers.values()].find((container) => container.name === name)
  }

  asEngine(): Engine {
    const engine = {
      address: 'unix:///fake.sock',
      version: async () => ({
        version: '28.0.0',
        apiVersion: '1.48',
        minApiVersion: '1.24',
        negotiated: '1.48',
        os: 'linux',
        arch: 'amd64',
      }),
      atLeast: async () => true,
      info: async () => ({}),
      containers: {
        list: async (query: { all?: boolean; filters?: Filters }) => {
          const on = query.filters?.network
          const others = [...this.networksOfOthers].filter((name) => on?.includes(this.#networkId(name)))
          return [...[...this.containers.values()], ...others.map((name) => this.#stranger(name))]
            .filter((container) => query.all === true || container.state === 'running')
            .filter((container) => hasLabels(container.body.Labels, query.filters))
            .filter((container) => on === undefined || Object.values(container.networks).some((id) => on.includes(id)))
            .map((container) => this.#summary(container))
        },
        inspect: async (id: string) => this.#inspect(this.#get(id)),
        create: async (query: { name: string }, body: ContainerCreateBody) => {
          this.#call(`create ${query.name}`)
          if (this.find(query.name) !== undefined)
            throw refused('create', 409, `the name ${query.name} is already in use`)
          const id = this.#id()
          this.containers.set(id, {
            id,
            name: query.name,
            body,
            state: 'created',
            exitCode: 0,
            created: this.#serial,
            health: '',
            failingStreak: 0,
            networks: Object.fromEntries(
              Object.keys(body.NetworkingConfig?.EndpointsConfig ?? {}).map((name) => [name, this.#networkId(name)]),
            ),
          })
          return { Id: id, Warnings: null }
        },
        start: async (id: string) => {
          const container = this.#get(id)
          this.#call(`start ${container.name}`)
          container.state = 'running'
          return true
        },
        stop: async (id: string) => {
          const container = this.#get(id)
          this.#call(`stop ${container.name}`)
          container.state = 'exited'
          container.exitCode = 143
          return true
        },
        kill: async (id: string, signal: string) => {
          const container = this.#get(id)
          this.#call(`kill ${container.name} ${signal}`)
          if (container.state === 'exited') throw refused('kill', 409, `container ${id} is not running`)
          if (!this.deadly.has(signal)) return
          container.state = 'exited'
          container.exitCode = 137
        },
        restart: async (id: string) => {
          const container = this.#get(id)
          this.#call(`restart ${container.name}`)
          container.state = 'running'
        },
        pause: async (id: string) => {
          this.#call(`pause ${this.#get(id).name}`)
          this.#get(id).state = 'paused'
        },
        unpause: async (id: string) => {
          this.#call(`unpause ${this.#get(id).name}`)
          this.#get(id).state = 'running'
        },
        rename: async (id: string, name: string) => {
          this.#call(`rename ${this.#get(id).name} to ${name}`)
          this.#get(id).name = name
        },
        remove: async (id: string) => {
          this.#call(`remove ${this.#get(id).name}`)
          this.containers.delete(id)
        },
        updateRestartPolicy: async () => {},
        putArchive: async () => {},
      },
      images: {
        inspect: async (reference: string) =>
          this.images.get(reference) ?? [...this.images.values()].find((image) => image.Id === reference),
        pull: (query: { reference: string }, options?: CallOptions) => this.#pull(query.reference, options),
        remove: async (reference: string) => {
          this.#call(`remove image ${reference}`)
          this.images.delete(reference)
        },
      },
      networks: {
        list: async ({ filters }: { filters?: Filters }) =>
          [...this.networks.values()].filter((network) => matches(network.Name, network.Labels, filters)),
        create: async (body: NetworkCreateBody) => {
          this.#call(`create network ${body.Name}`)
          const Id = this.#id()
          this.networks.set(Id, {
            Id,
            Name: body.Name,
            Driver: 'bridge',
            Scope: 'local',
            Internal: false,
            Attachable: false,
            EnableIPv6: false,
            Labels: body.Labels ?? {},
            Options: {},
            IPAM: { Driver: 'default', Config: [] },
          })
          return { Id }
        },
        remove: async (id: string) => {
          const network = this.networks.get(id)
          if (network === undefined) throw refused('remove', 404, `no such network: ${id}`)
          this.#call(`remove network ${network.Name}`)
          if (this.networksOfOthers.has(network.Name) || this.miscounted.has(network.Name)) {
            throw refused('remove', 403, `error while removing network: network ${network.Name} has active endpoints`)
          }
          this.networks.delete(id)
        },
        connect: async () => {},
      },
      volumes: {
        sizes: async () => new Map<string, number>(),
        list: async ({ filters }: { filters?: Filters }) =>
          [...this.volumes.values()].filter((volume) => matches(volume.Name, volume.Labels, filters)),
        create: async (body: VolumeCreateBody) => {
          this.#call(`create volume ${body.Name}`)
          const volume: VolumeInfo = {
            Name: body.Name,
            Driver: 'local',
            Mountpoint: '',
            Labels: body.Labels ?? {},
            Options: {},
            Scope: 'local',
          }
          this.volumes.set(body.Name, volume)
          return volume
        },
        remove: async (name: string) => {
          this.#call(`remove volume ${name}`)
          this.volumes.delete(name)
        },
      },
    }
    return engine as unknown as Engine
  }

  async *#pull(reference: string, options: CallOptions | undefined) {
    this.#call(`pull ${reference}`)
    if (this.#pulls === 'hang') {
      await new Promise<void>((resolve, reject) => {
        this.#release = resolve
        options?.signal?.addEventListener('abort', () => reject(options.signal?.reason), { once: true })
      })
    }
    const id = this.registry.get(reference)
    if (id === undefined) throw new Problem('image-missing', `manifest for ${reference} not found`)
    yield { status: 'Pulling' }
    this.addImage(reference, id)
  }

  #call(call: string): void {
    this.calls.push(call)
    this.onCall?.(call)
    const failure = this.failures.get(call)
    if (failure !== undefined) throw failure
  }

  #id(): string {
    this.#serial += 1
    return `id${String(this.#serial).padStart(12, '0')}`
  }

  #stranger(network: string): Kept {
    const networks = { [network]: this.#networkId(network) }
    const body = { Image: 'other:1' } as ContainerCreateBody
    const quiet = { exitCode: 0, created: 0, health: '', failingStreak: 0 } as const
    return { id: 'of-others', name: 'other', body, state: 'running', ...quiet, networks }
  }

  #networkId(name: string): string {
    return [...this.networks.values()].find((network) => network.Name === name)?.Id ?? ''
  }

  #get(idOrName: string): Kept {
    const found = this.containers.get(idOrName) ?? this.find(idOrName)
    if (found === undefined) throw refused('inspect', 404, `No such container: ${idOrName}`)
    return found
  }

  #summary(container: Kept): ContainerSummary {
    const words = {
      running: `Up 1 second${container.health === '' ? '' : ` (${container.health})`}`,
      exited: `Exited (${container.exitCode}) 1 second ago`,
      restarting: `Restarting (${container.exitCode}) 1 second ago`,
      paused: 'Up 1 second (Paused)',
      created: 'Created',
      dead: 'Dead',
      removing: 'Removal In Progress',
    }
    return {
      Id: container.id,
      Names: [`/${container.name}`],
      Image: container.body.Image,
      ImageID: this.images.get(container.body.Image)?.Id ?? container.body.Image,
      Command: 'run',
      Created: container.created,
      Labels: container.body.Labels ?? {},
      State: container.state,
      Status: words[container.state],
      Ports: [],
      Mounts: [],
      NetworkSettings: {
        Networks: Object.fromEntries(Object.entries(container.networks).map(([name, id]) => [name, { NetworkID: id }])),
      },
    }
  }

  #inspect(container: Kept): ContainerInspect {
    return {
      Id: container.id,
      Name: `/${container.name}`,
      Created: '2026-01-01T00:00:00Z',
      Image: container.body.Image,
      RestartCount: 0,
      State: {
        Status: container.state,
        Running: container.state === 'running',
        Paused: container.state === 'paused',
        Restarting: false,
        OOMKilled: false,
        Dead: false,
        Pid: 0,
        ExitCode: container.exitCode,
        Error: '',
        StartedAt: '',
        FinishedAt: '',
        ...(container.health !== '' && {
          Health: { Status: container.health, FailingStreak: container.failingStreak, Log: [] },
        }),
      },
      Config: {
        Image: container.body.Image,
        Labels: container.body.Labels ?? {},
        Tty: false,
        OpenStdin: false,
        Env: [],
        Cmd: [],
      },
      HostConfig: {},
      Mounts: [],
      NetworkSettings: { Networks: {}, Ports: {} },
    }
  }
}

/** An answer of the Engine that is no success. */
export const refused = (call: string, status: number, message: string): Problem =>
  new Problem('engine-error', message, { engine: { call, status } })

function hasLabels(labels: Readonly<Record<string, string>> | null | undefined, filters: Filters | undefined): boolean {
  return (filters?.label ?? []).every((filter) => {
    const [key = '', value] = filter.split('=')
    return value === undefined ? labels?.[key] !== undefined : labels?.[key] === value
  })
}

/** The name filter of the Engine finds parts of names. */
function matches(name: string, labels: Readonly<Record<string, string>> | null, filters: Filters | undefined): boolean {
  return hasLabels(labels, filters) && (filters?.name === undefined || filters.name.some((part) => name.includes(part)))
}
