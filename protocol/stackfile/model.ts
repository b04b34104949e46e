/**
 * The canonical model of a stack: what a Compose file means once it is interpolated, merged, normalised, with defaults
 * filled in and paths absolute. Its JSON is the JSON of `docker compose config --format json` (Compose 2.40), key for
 * key, so that any tool of that ecosystem reads it. Durations are Go duration strings (`1m30s`), sizes are decimal
 * strings of bytes, as Compose prints them.
 */
import type { TlsPolicy } from './tls-policy.ts'

/** A mapping whose value may be absent: `K` alone in `environment`, unresolved. */
export type Mapping = Record<string, string>
export type MappingOrNull = Record<string, string | null>

export interface Model {
  name: string
  services: Record<string, Service>
  networks?: Record<string, Network>
  volumes?: Record<string, Volume>
  secrets?: Record<string, FileObject>
  configs?: Record<string, FileObject>
  models?: Record<string, AiModel>
  [extension: `x-${string}`]: unknown
}

/** What Compose has no word for. */
export interface ServicePolicy {
  /** What the loop does by itself about an unhealthy container, and about one that was stopped past it. */
  unhealthy?: 'replace' | 'report'
  halted?: 'always' | 'once' | 'never'
  /** HTTP that the ingress brings to it. */
  routes?: ServiceRoute[]
  /** In a stack that is released as a whole: whether its name knows the version of who asks (the default). */
  dns?: 'versioned' | 'shared'
  /** Among its replicas. */
  balance?: 'round-robin' | 'least-connections' | 'sticky'
  /** A duration: how long a replica that leaves may finish what it has begun. */
  drain?: string
  deploy?: DeploySteps
  scale?: ScalePolicy
  /** Of its routes with a host. */
  tls?: TlsPolicy
  ingress?: IngressPolicy
  /** What it passes while it is to be brought requests. */
  ready?: ProbePolicy
  /** What it passes while it is well: one that fails is as an unhealthy one. */
  alive?: ProbePolicy
}

/** One of `http`, `https` (a path), `tcp` (a port), `exec` (a command); the rest is as in `healthcheck`. */
export interface ProbePolicy {
  http?: string
  https?: string
  tcp?: number
  exec?: string | string[]
  /** In the container, of http and https; none: the one that its routes have, or its only one. */
  port?: number
  headers?: Record<string, string>
  interval?: string
  timeout?: string
  retries?: number
  successes?: number
  start_period?: string
}

/** What the ingress does beyond bringing connections to a service. */
export interface IngressPolicy {
  /** HTTP: a size; larger bodies of requests are refused. */
  max_body?: string | number
  /** HTTP: a duration; how long nothing may come of an answer, nor of the body of its request. */
  timeout?: string
  /** HTTP: what is shown while no replica can be reached. Loading puts the HTML in the place of the path. */
  error_page?: string | { content: string }
  /** TCP: connections begin with the line of the PROXY protocol, version 1. */
  proxy_protocol?: boolean
}

/** How many replicas the daemon has by itself. */
export interface ScalePolicy {
  min?: number
  max: number
  /** Percent of what a replica may use (`70` or `70%`), and requests or TCP connections a second that the ingress brings it. */
  target: { cpu?: number | string; memory?: number | string; requests?: number }
  /** A duration. */
  cooldown?: string
}

/** Commands that a deployment runs once, each in a container of the new revision, before it is switched to and after. */
export interface DeploySteps {
  before?: (string | string[])[]
  after?: (string | string[])[]
  /** A duration, for each of them. */
  timeout?: string
}

export interface ServiceRoute {
  /** A host name; none: whichever is asked for. */
  host?: string
  /** A prefix of whole segments. */
  path?: string
  /** In the container; none: its only one. */
  port?: number
  /** What is spoken there: `http` (1.1), or `grpc`, `h2c`, `http2`. None: as `ports` say of that port, else `http`. */
  app_protocol?: string
  /** In the place of the service's. */
  tls?: TlsPolicy
}

export interface Service {
  'x-evenkeel'?: ServicePolicy
  annotations?: Mapping
  attach?: boolean
  blkio_config?: BlkioConfig
  build?: Build
  cap_add?: string[]
  cap_drop?: string[]
  cgroup?: string
  cgroup_parent?: string
  command?: string[] | null
  configs?: FileReference[]
  container_name?: string
  cpu_count?: number
  cpu_percent?: number
  cpu_period?: string | number
  cpu_quota?: string | number
  cpu_rt_period?: string | number
  cpu_rt_runtime?: string | number
  cpu_shares?: number | string
  cpus?: number
  cpuset?: string
  credential_spec?: { config?: string; file?: string; registry?: string }
  depends_on?: Record<string, Dependency>
  deploy?: Deploy
  develop?: { watch?: WatchTrigger[] }
  device_cgroup_rules?: string[]
  devices?: DeviceMapping[]
  dns?: string[]
  dns_opt?: string[]
  dns_search?: string[]
  domainname?: string
  entrypoint?: string[] | null
  environment?: MappingOrNull
  expose?: string[]
  external_links?: string[]
  extra_hosts?: string[]
  gpus?: DeviceRequest[]
  group_add?: string[]
  healthcheck?: Healthcheck
  hostname?: string
  image?: string
  init?: boolean
  ipc?: string
  isolation?: string
  labels?: Mapping
  links?: string[]
  logging?: { driver?: string; options?: Mapping }
  mac_address?: string
  mem_limit?: string
  mem_reservation?: string
  mem_swappiness?: string | number
  memswap_limit?: string
  /** By name in the section `models`: the variables that tell of it, where they are not called after it. */
  models?: Record<string, { endpoint_var?: string; model_var?: string } | null>
  network_mode?: string
  networks?: Record<string, ServiceNetwork | null>
  oom_kill_disable?: boolean
  oom_score_adj?: number
  pid?: string
  pids_limit?: number
  platform?: string
  ports?: Port[]
  post_start?: Hook[]
  pre_stop?: Hook[]
  privileged?: boolean
  profiles?: string[]
  provider?: Provider
  pull_policy?: string
  read_only?: boolean
  restart?: string
  runtime?: string
  scale?: number
  secrets?: FileReference[]
  security_opt?: string[]
  shm_size?: string
  stdin_open?: boolean
  stop_grace_period?: string
  stop_signal?: string
  storage_opt?: Mapping
  sysctls?: Mapping
  tmpfs?: string[]
  tty?: boolean
  ulimits?: Record<string, number | { soft: number; hard: number }>
  use_api_socket?: boolean
  user?: string
  userns_mode?: string
  uts?: string
  volumes?: Mount[]
  volumes_from?: string[]
  working_dir?: string
  [extension: `x-${string}`]: unknown
}

export interface Build {
  context?: string
  dockerfile?: string
  dockerfile_inline?: string
  additional_contexts?: Mapping
  args?: MappingOrNull
  cache_from?: string[]
  cache_to?: string[]
  entitlements?: string[]
  extra_hosts?: string[]
  isolation?: string
  labels?: Mapping
  network?: string
  no_cache?: boolean
  platforms?: string[]
  privileged?: boolean
  provenance?: string
  pull?: boolean
  sbom?: string
  secrets?: FileReference[]
  shm_size?: string
  ssh?: unknown
  tags?: string[]
  target?: string
  ulimits?: Record<string, number | { soft: number; hard: number }>
}

/** A program of the client's machine that stands for a service: it has no container. */
export interface Provider {
  type: string
  options?: Record<string, string[]>
}

export type DependencyCondition = 'service_started' | 'service_healthy' | 'service_completed_successfully'

export interface Dependency {
  condition: DependencyCondition
  required: boolean
  restart?: boolean
}

export interface Deploy {
  mode?: string
  replicas?: number
  labels?: Mapping
  endpoint_mode?: string
  update_config?: UpdateConfig
  rollback_config?: UpdateConfig
  resources?: {
    limits?: { cpus?: number | string; memory?: string; pids?: number }
    reservations?: {
      cpus?: number | string
      memory?: string
      devices?: DeviceRequest[]
      generic_resources?: unknown[]
    }
  }
  restart_policy?: { condition?: string; delay?: string; max_attempts?: number; window?: string }
  placement?: { constraints?: string[]; preferences?: { spread?: string }[]; max_replicas_per_node?: number }
}

export interface UpdateConfig {
  parallelism?: number
  delay?: string
  failure_action?: string
  monitor?: string
  max_failure_ratio?: number
  order?: string
}

export interface BlkioConfig {
  weight?: number
  weight_device?: { path: string; weight: number }[]
  device_read_bps?: { path: string; rate: string | number }[]
  device_read_iops?: { path: string; rate: string | number }[]
  device_write_bps?: { path: string; rate: string | number }[]
  device_write_iops?: { path: string; rate: string | number }[]
}

export interface DeviceMapping {
  source: string
  target?: string
  permissions?: string
}

export interface DeviceRequest {
  capabilities?: string[]
  driver?: string
  count?: number
  device_ids?: string[]
  options?: Mapping
}

/** How a service uses a config or secret. `target` is absolute, or relative to /run/secrets for secrets. */
export interface FileReference {
  source: string
  target?: string
  uid?: string
  gid?: string
  mode?: string | number
  /** Of a secret that the daemon keeps: given as this variable instead of a file. */
  'x-evenkeel'?: { env?: string }
}

export interface Healthcheck {
  test?: string[]
  interval?: string
  timeout?: string
  retries?: number
  start_period?: string
  start_interval?: string
  disable?: boolean
}

export interface Hook {
  command: string[]
  user?: string
  privileged?: boolean
  working_dir?: string
  environment?: MappingOrNull
}

export interface ServiceNetwork {
  aliases?: string[]
  ipv4_address?: string
  ipv6_address?: string
  link_local_ips?: string[]
  mac_address?: string
  driver_opts?: Record<string, string>
  priority?: number
  gw_priority?: number
  interface_name?: string
}

export interface Port {
  mode?: string
  target: number
  published?: string
  host_ip?: string
  protocol?: string
  app_protocol?: string
  name?: string
}

export type MountType = 'bind' | 'volume' | 'tmpfs' | 'npipe' | 'cluster' | 'image'

export interface Mount {
  type: MountType
  source?: string
  target: string
  read_only?: boolean
  consistency?: string
  bind?: { propagation?: string; create_host_path?: boolean; recursive?: string; selinux?: string }
  volume?: { nocopy?: boolean; subpath?: string; labels?: Mapping }
  tmpfs?: { size?: string; mode?: number | string }
  image?: { subpath?: string }
}

export interface WatchTrigger {
  path: string
  action: string
  target?: string
  ignore?: string[]
  include?: string[]
  exec?: Hook
  initial_sync?: boolean
}

/** `name` is the name on the Engine, always filled in. */
export interface Network {
  name: string
  driver?: string
  driver_opts?: Record<string, string>
  ipam?: {
    driver?: string
    config?: { subnet?: string; ip_range?: string; gateway?: string; aux_addresses?: Mapping }[]
    options?: Mapping
  }
  external?: boolean
  internal?: boolean
  attachable?: boolean
  labels?: Mapping
  enable_ipv4?: boolean
  enable_ipv6?: boolean
}

/** `name` is the name on the Engine, always filled in. */
export interface Volume {
  name: string
  driver?: string
  driver_opts?: Record<string, string>
  external?: boolean
  labels?: Mapping
  'x-evenkeel'?: { protect?: boolean }
}

/** A config or a secret. Exactly one of file, environment, content, external says where its bytes come from. */
export interface FileObject {
  name?: string
  file?: string
  environment?: string
  content?: string
  external?: boolean
  labels?: Mapping
  driver?: string
  driver_opts?: Mapping
  template_driver?: string
}

/** A language model that Docker Model Runner serves. */
export interface AiModel {
  name?: string
  model: string
  context_size?: number
  runtime_flags?: string[]
}
