/**
 * What the daemon needs of a Docker Engine, as a small interface. The real one (`connectEngine`) speaks HTTP over undici;
 * the simulated one of the tests implements the same and passes the same contract suite. Bodies are the Engine's own
 * JSON (https://docs.docker.com/reference/api/engine/), typed as far as we use them. This layer knows nothing of stacks.
 *
 * All calls reject with a `Problem`: `engine-unreachable` (no connection), `engine-timeout` (no answer in time),
 * or `engine-error` (an answer >= 400; `problem.engine` has call and status, the message is the Engine's own).
 */
import type { Readable, Writable } from 'node:stream'

export interface CallOptions {
  /** Ends the call; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** How long to wait for the answer. Default 60 s for calls that answer at once; streams have none. */
  readonly timeoutMs?: number | undefined
}

export type Filters = Record<string, readonly string[]>

/** Base64url JSON of a registry's credentials, the value of `X-Registry-Auth`. Never logged. */
export interface RegistryAuth {
  readonly username?: string
  readonly password?: string
  readonly identitytoken?: string
  readonly registrytoken?: string
  readonly serveraddress: string
}

export interface EngineVersion {
  readonly version: string
  /** The newest API version that the Engine speaks. */
  readonly apiVersion: string
  readonly minApiVersion: string
  /** The version that was negotiated: the smaller of the Engine's and ours. */
  readonly negotiated: string
  readonly os: string
  readonly arch: string
  /** Of the runtime, as the Engine names it; undefined: it does not say. */
  readonly runc?: string
}

export interface ContainerSummary {
  readonly Id: string
  /** With a leading slash each. */
  readonly Names: readonly string[]
  readonly Image: string
  readonly ImageID: string
  readonly Command: string
  /** Unix seconds. */
  readonly Created: number
  readonly Labels: Readonly<Record<string, string>>
  readonly State: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead'
  /** For people: `Up 5 minutes (healthy)`, `Exited (137) 2 hours ago`. Health and exit code stand nowhere else in a list. */
  readonly Status: string
  readonly Ports: readonly { IP?: string; PrivatePort: number; PublicPort?: number; Type: string }[]
  readonly HostConfig?: { readonly NetworkMode?: string }
  readonly NetworkSettings?: {
    readonly Networks?: Readonly<Record<string, { NetworkID: string; IPAddress?: string; Aliases?: string[] | null }>>
  }
  readonly Mounts: readonly {
    Type: string
    Name?: string
    Source?: string
    Destination: string
    RW?: boolean
  }[]
}

export interface HealthState {
  readonly Status: 'none' | 'starting' | 'healthy' | 'unhealthy'
  readonly FailingStreak: number
  readonly Log: readonly { Start: string; End: string; ExitCode: number; Output: string }[]
}

/** Durations in nanoseconds. What is 0 or not there, the Engine decides. */
export interface HealthConfig {
  readonly Interval?: number
  readonly Timeout?: number
  readonly Retries?: number
}

/** The parts of an inspect that we read; the rest is kept as the Engine sent it. */
export interface ContainerInspect {
  readonly Id: string
  readonly Name: string
  readonly Created: string
  readonly Image: string
  readonly RestartCount: number
  readonly State: {
    readonly Status: ContainerSummary['State']
    readonly Running: boolean
    readonly Paused: boolean
    readonly Restarting: boolean
    readonly OOMKilled: boolean
    readonly Dead: boolean
    readonly Pid: number
    readonly ExitCode: number
    readonly Error: string
    readonly StartedAt: string
    readonly FinishedAt: string
    readonly Health?: HealthState
  }
  readonly Config: {
    readonly Healthcheck?: HealthConfig
    readonly Image: string
    readonly Labels: Readonly<Record<string, string>>
    readonly Tty: boolean
    readonly OpenStdin: boolean
    readonly Env: readonly string[] | null
    readonly Cmd: readonly string[] | null
    readonly [key: string]: unknown
  }
  readonly HostConfig: Readonly<Record<string, unknown>> & {
    readonly RestartPolicy?: { Name: string; MaximumRetryCount: number }
    readonly NetworkMode?: string
    readonly LogConfig?: { Type: string; Config: Record<string, string> }
  }
  readonly Mounts: ContainerSummary['Mounts']
  readonly NetworkSettings: {
    readonly Networks: Readonly<
      Record<string, { NetworkID: string; EndpointID: string; IPAddress: string; Aliases?: string[] | null }>
    >
    readonly Ports: Readonly<Record<string, { HostIp: string; HostPort: string }[] | null>>
  }
  readonly LogPath?: string
}

/** The body of `POST /containers/create`: `Config`, with `HostConfig` and `NetworkingConfig` inside. */
export interface ContainerCreateBody {
  Image: string
  Labels?: Record<string, string>
  HostConfig?: Record<string, unknown>
  NetworkingConfig?: { EndpointsConfig: Record<string, EndpointSettings> }
  [key: string]: unknown
}

export interface EndpointSettings {
  Aliases?: string[]
  Links?: string[]
  IPAMConfig?: { IPv4Address?: string; IPv6Address?: string; LinkLocalIPs?: string[] }
  MacAddress?: string
  DriverOpts?: Record<string, string>
  GwPriority?: number
}

export interface ImageInspect {
  readonly Id: string
  readonly RepoTags: readonly string[] | null
  readonly RepoDigests: readonly string[] | null
  readonly Created: string
  readonly Size: number
  readonly Os: string
  readonly Architecture: string
  readonly Variant?: string
  readonly Config: {
    readonly Env?: readonly string[] | null
    readonly Cmd?: readonly string[] | null
    readonly Entrypoint?: readonly string[] | null
    readonly User?: string
    readonly Labels?: Readonly<Record<string, string>> | null
    readonly Volumes?: Readonly<Record<string, unknown>> | null
    readonly ExposedPorts?: Readonly<Record<string, unknown>> | null
    readonly Healthcheck?: HealthConfig
    readonly [key: string]: unknown
  } | null
  readonly Metadata?: { readonly LastTagTime?: string }
}

export interface NetworkInfo {
  readonly Id: string
  readonly Name: string
  readonly Driver: string
  readonly Scope: string
  readonly Internal: boolean
  readonly Attachable: boolean
  readonly EnableIPv6: boolean
  readonly Labels: Readonly<Record<string, string>> | null
  readonly Options: Readonly<Record<string, string>> | null
  readonly IPAM: { Driver: string; Config: readonly Record<string, unknown>[] | null }
  readonly Containers?: Readonly<Record<string, { Name: string; EndpointID: string }>>
}

export interface NetworkCreateBody {
  Name: string
  Driver?: string
  Labels?: Record<string, string>
  [key: string]: unknown
}

export interface VolumeInfo {
  readonly Name: string
  readonly Driver: string
  readonly Mountpoint: string
  readonly CreatedAt?: string
  readonly Labels: Readonly<Record<string, string>> | null
  readonly Options: Readonly<Record<string, string>> | null
  readonly Scope: string
}

export interface VolumeCreateBody {
  Name: string
  Driver?: string
  DriverOpts?: Record<string, string>
  Labels?: Record<string, string>
  [key: string]: unknown
}

export interface EngineEvent {
  /** `container`, `network`, `volume`, `image`, `daemon`, ... */
  readonly Type: string
  /** `start`, `die`, `health_status: healthy`, ... */
  readonly Action: string
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> }
  readonly scope?: string
  /** Unix seconds, and the same in nanoseconds as a decimal string (it does not fit a double). */
  readonly time: number
  readonly timeNano: string
}

/** One chunk of a container's output. `stdin` does not occur. A TTY has only `stdout`. */
export interface OutputChunk {
  readonly stream: 'stdout' | 'stderr'
  readonly data: Buffer
}

export interface LogsQuery {
  readonly follow?: boolean
  readonly stdout?: boolean
  readonly stderr?: boolean
  /** Unix time, `seconds[.nanoseconds]`, as a string so that nanoseconds survive. */
  readonly since?: string
  readonly until?: string
  readonly timestamps?: boolean
  /** Lines, or `all`. */
  readonly tail?: number | 'all'
}

/** One JSON line of a pull, push or build, as the Engine sends it. `error` ends the work. */
export interface JsonMessage {
  readonly id?: string
  readonly status?: string
  readonly progress?: string
  readonly progressDetail?: { current?: number; total?: number }
  readonly stream?: string
  readonly error?: string
  readonly errorDetail?: { code?: number; message?: string }
  readonly aux?: unknown
}

export interface BuildQuery {
  readonly tags?: readonly string[]
  readonly dockerfile?: string
  readonly buildArgs?: Readonly<Record<string, string | null>>
  readonly target?: string
  readonly cacheFrom?: readonly string[]
  readonly noCache?: boolean
  readonly pull?: boolean
  readonly labels?: Readonly<Record<string, string>>
  readonly networkMode?: string
  readonly shmSizeBytes?: number
  /** Of the classic builder's containers. */
  readonly memoryBytes?: number
  readonly ulimits?: readonly { Name: string; Soft: number; Hard: number }[]
  readonly extraHosts?: readonly string[]
  readonly platform?: string
  /** A git or tar URL that the Engine fetches itself; then there is no body. */
  readonly remote?: string
  /** '1' the classic builder, '2' BuildKit. */
  readonly version?: '1' | '2'
  readonly session?: string
  readonly buildId?: string
  /** Credentials by registry host, sent as `X-Registry-Config`. */
  readonly registryConfig?: Readonly<Record<string, RegistryAuth>>
}

export interface ExecCreateBody {
  Cmd: string[]
  AttachStdin?: boolean
  AttachStdout?: boolean
  AttachStderr?: boolean
  Tty?: boolean
  Env?: string[]
  User?: string
  WorkingDir?: string
  Privileged?: boolean
  DetachKeys?: string
  ConsoleSize?: [number, number]
}

export interface ExecInspect {
  readonly ID: string
  readonly Running: boolean
  readonly ExitCode: number | null
  readonly Pid: number
  readonly ContainerID: string
}

/** What a path in a container is. `mode` has the bits of Go's `os.FileMode`. */
export interface PathStat {
  readonly name: string
  readonly size: number
  readonly mode: number
  readonly mtime: string
  readonly linkTarget: string
}

/**
 * A hijacked connection (attach, exec start, session): bytes in, demultiplexed output out. Half-closes: ending `input`
 * lets the output run on until the other side ends it.
 */
export interface HijackedStream {
  readonly input: Writable
  /** Ends when the Engine closes; rejects on a broken connection. TTY output is all `stdout`. */
  readonly output: AsyncIterable<OutputChunk>
  /** Instead of `output`: its bytes as they come, each chunk there until the next one is asked for, and to be changed. */
  readonly chunks: AsyncIterable<Buffer>
  close(): void
}

export interface PutArchiveQuery {
  readonly path: string
  readonly noOverwriteDirNonDir?: boolean
  readonly copyUidGid?: boolean
}

/** A tar on its way into a container. */
export interface ArchiveWriter {
  /** Calls back when the bytes have gone, or nothing goes any more: they may be used for others then. */
  write(bytes: Uint8Array, gone: () => void): void
  /** All of it was written. */
  end(): void
  /** Resolves when the Engine has taken all. Rejects where it refuses, which may be before the end, or the connection breaks. */
  readonly done: Promise<void>
  /** Leaves it half-way: the Engine keeps what it has unpacked. */
  close(): void
}

export interface Engine {
  /** How to name it to a person: `unix:///var/run/docker.sock`. */
  readonly address: string
  /** Negotiated on first use; asked again after the connection was lost. */
  version(options?: CallOptions): Promise<EngineVersion>
  /** True when the negotiated API version is at least this one, such as `1.44`. */
  atLeast(apiVersion: string): Promise<boolean>
  ping(options?: CallOptions): Promise<void>
  info(options?: CallOptions): Promise<Readonly<Record<string, unknown>>>
  /** Lives as long as the signal; ends or rejects when the connection is lost. Unbounded time; does not reconnect. */
  events(
    query: { since?: string; until?: string; filters?: Filters },
    options?: CallOptions,
  ): AsyncIterable<EngineEvent>

  readonly containers: {
    list(query: { all?: boolean; filters?: Filters }, options?: CallOptions): Promise<ContainerSummary[]>
    inspect(id: string, options?: CallOptions): Promise<ContainerInspect>
    create(
      query: { name: string; platform?: string },
      body: ContainerCreateBody,
      options?: CallOptions,
    ): Promise<{ Id: string; Warnings: string[] | null }>
    /** False where it ran already (304). */
    start(id: string, options?: CallOptions): Promise<boolean>
    /** `graceSeconds` undefined: the container's own. False where it was stopped already (304). */
    stop(id: string, query: { graceSeconds?: number; signal?: string }, options?: CallOptions): Promise<boolean>
    kill(id: string, signal: string, options?: CallOptions): Promise<void>
    restart(id: string, query: { graceSeconds?: number }, options?: CallOptions): Promise<void>
    pause(id: string, options?: CallOptions): Promise<void>
    unpause(id: string, options?: CallOptions): Promise<void>
    rename(id: string, name: string, options?: CallOptions): Promise<void>
    /** `volumes: 'anonymous'` removes the anonymous volumes with it. */
    remove(id: string, query: { force?: boolean; volumes?: 'keep' | 'anonymous' }, options?: CallOptions): Promise<void>
    /**
     * Resolves when the container is not running, with its exit code. `onListening` is called once the Engine listens:
     * what happens from then on is not missed.
     */
    wait(
      id: string,
      condition: 'not-running' | 'next-exit' | 'removed',
      options?: CallOptions & { readonly onListening?: () => void },
    ): Promise<{ StatusCode: number; Error?: { Message: string } | null }>
    updateRestartPolicy(
      id: string,
      policy: { Name: string; MaximumRetryCount?: number },
      options?: CallOptions,
    ): Promise<void>
    /** As the Engine sends them: multiplexed (`demultiplex`), or, of a container with a terminal, as they are. */
    logs(id: string, query: LogsQuery, options?: CallOptions): AsyncIterable<Uint8Array>
    attach(
      id: string,
      query: { stdin?: boolean; stdout?: boolean; stderr?: boolean; logs?: boolean; tty: boolean; detachKeys?: string },
      options?: CallOptions,
    ): Promise<HijackedStream>
    resize(id: string, size: { rows: number; columns: number }, options?: CallOptions): Promise<void>
    /** A tar of `path`. It fails with a Problem where the connection breaks. */
    getArchive(id: string, path: string, options?: CallOptions): Promise<{ stat: PathStat; tar: Readable }>
    /** As {@link getArchive}, where many bytes are to be passed on: each chunk is there until the next one is asked for. */
    readArchive(
      id: string,
      path: string,
      options?: CallOptions,
    ): Promise<{ stat: PathStat; chunks: AsyncIterable<Uint8Array> }>
    /** As {@link putArchive}, where many bytes come from elsewhere. */
    writeArchive(id: string, query: PutArchiveQuery, options?: CallOptions): Promise<ArchiveWriter>
    /** What `path` is. A path that is not there is a 404. */
    statPath(id: string, path: string, options?: CallOptions): Promise<PathStat>
    putArchive(id: string, query: PutArchiveQuery, tar: Readable | Buffer, options?: CallOptions): Promise<void>
    top(id: string, psArgs?: string, options?: CallOptions): Promise<{ Titles: string[]; Processes: string[][] }>
    stats(
      id: string,
      query: { stream: boolean; oneShot?: boolean },
      options?: CallOptions,
    ): AsyncIterable<Readonly<Record<string, unknown>>>
    export(id: string, options?: CallOptions): Promise<Readable>
    /** `changes`: Dockerfile instructions. `pause: false` leaves it running while its files are read. */
    commit(
      query: {
        container: string
        repo?: string
        tag?: string
        author?: string
        comment?: string
        changes?: readonly string[]
        pause?: boolean
      },
      options?: CallOptions,
    ): Promise<{ Id: string }>
  }

  readonly exec: {
    create(containerId: string, body: ExecCreateBody, options?: CallOptions): Promise<{ Id: string }>
    /** Detached. */
    startDetached(id: string, options?: CallOptions): Promise<void>
    start(id: string, query: { tty: boolean }, options?: CallOptions): Promise<HijackedStream>
    resize(id: string, size: { rows: number; columns: number }, options?: CallOptions): Promise<void>
    inspect(id: string, options?: CallOptions): Promise<ExecInspect>
  }

  readonly images: {
    list(query: { filters?: Filters }, options?: CallOptions): Promise<Readonly<Record<string, unknown>>[]>
    /** Undefined where there is none by that name or id. */
    inspect(reference: string, options?: CallOptions): Promise<ImageInspect | undefined>
    /** Ends when the pull is done; an `error` message rejects with `registry-denied`, `image-missing` or `engine-error`. */
    pull(
      query: { reference: string; platform?: string; auth?: RegistryAuth },
      options?: CallOptions,
    ): AsyncIterable<JsonMessage>
    push(query: { reference: string; auth?: RegistryAuth }, options?: CallOptions): AsyncIterable<JsonMessage>
    tag(source: string, target: { repo: string; tag: string }, options?: CallOptions): Promise<void>
    remove(reference: string, query: { force?: boolean; noPrune?: boolean }, options?: CallOptions): Promise<void>
    /** Classic builder and the trigger of a BuildKit build. An `error` message rejects with `build-failed`. */
    build(query: BuildQuery, context: Readable | undefined, options?: CallOptions): AsyncIterable<JsonMessage>
    /** A tar as `docker load` takes it. */
    load(tar: Readable, options?: CallOptions): AsyncIterable<JsonMessage>
    /** A root file system as a tar becomes an image (`docker import`). `changes` are Dockerfile lines. Answers its id. */
    importRootfs(
      query: { repo: string; tag: string; changes?: readonly string[] },
      tar: Readable,
      options?: CallOptions,
    ): Promise<string>
  }

  readonly networks: {
    list(query: { filters?: Filters }, options?: CallOptions): Promise<NetworkInfo[]>
    inspect(id: string, options?: CallOptions): Promise<NetworkInfo>
    create(body: NetworkCreateBody, options?: CallOptions): Promise<{ Id: string; Warning?: string }>
    remove(id: string, options?: CallOptions): Promise<void>
    connect(id: string, container: string, endpoint: EndpointSettings, options?: CallOptions): Promise<void>
    disconnect(id: string, container: string, query: { force?: boolean }, options?: CallOptions): Promise<void>
  }

  readonly volumes: {
    list(query: { filters?: Filters }, options?: CallOptions): Promise<VolumeInfo[]>
    inspect(name: string, options?: CallOptions): Promise<VolumeInfo>
    create(body: VolumeCreateBody, options?: CallOptions): Promise<VolumeInfo>
    remove(name: string, query: { force?: boolean }, options?: CallOptions): Promise<void>
    /**
     * Bytes by name, of those whose driver can tell. The Engine counts them by walking their files, and before API 1.42 all
     * images and containers with them: it may take long.
     */
    sizes(options?: CallOptions): Promise<ReadonlyMap<string, number>>
  }

  /** `POST /session` and `POST /grpc`: a raw, upgraded (h2c) connection for BuildKit. */
  upgrade(
    path: '/session' | '/grpc',
    /** A list is sent as one header for each. */
    headers: Record<string, string | string[]>,
    options?: CallOptions,
  ): Promise<import('node:stream').Duplex>
  /** Ends all connections, open streams included. */
  close(): Promise<void>
}
