/** The shapes of the whole model, key by key, in the order in which Compose prints them. */
import { splitCommand } from './command-line.ts'
import {
  bytes,
  count,
  decodeAt,
  duration,
  fileMode,
  flag,
  integer,
  list,
  map,
  multiOptions,
  number,
  optionalCount,
  optionalDuration,
  optionalFlag,
  optionalInteger,
  pairs,
  type Shape,
  sorted,
  struct,
  text,
  texts,
} from './shape.ts'
import { formatScalar, isNull, type Node, setKey, textOf } from './tree.ts'

const LIST_OF_TEXT = { kind: 'list', item: text } as const

/** What Linux gives to the arguments of a program. */
const MAX_COMMAND_CHARACTERS = 2 * 1024 * 1024

/** A null command is the image's; an empty one is none. */
const command: Shape = {
  layout: LIST_OF_TEXT,
  absent: null,
  decode(node, path, findings) {
    if (node.kind === 'list') return node.items.map((item) => (item.kind === 'scalar' ? formatScalar(item) : ''))
    const line = textOf(node)
    if (line === undefined) return undefined
    if (line.length > MAX_COMMAND_CHARACTERS) {
      findings.add('The command is longer than 2 MiB, and no kernel starts one', node, { path })
      return undefined
    }
    const split = splitCommand(line)
    if (split === undefined) {
      findings.add('The command is not complete: a quote or bracket is not closed', node, {
        path,
        hint: 'Write it as a list, or as ["sh", "-c", "..."] for a shell.',
      })
    }
    if (split !== undefined && split.dropped !== '') {
      findings.warn(`No shell runs a command, so "${split.dropped}" is dropped: use ["sh", "-c", "..."]`, node)
    }
    return split?.arguments
  },
}

const healthTest: Shape = {
  layout: LIST_OF_TEXT,
  decode(node) {
    const line = textOf(node)
    if (line !== undefined) return ['CMD-SHELL', line]
    if (node.kind !== 'list' || node.items.length === 0) return undefined
    return node.items.map((item) => (item.kind === 'scalar' ? formatScalar(item) : ''))
  },
}

/** `NAME=IP`, sorted; a host may have several addresses. */
const extraHosts: Shape = {
  layout: LIST_OF_TEXT,
  decode(node, path, findings) {
    const hosts: [host: string, ip: string, at: Node][] = []
    if (node.kind === 'map') {
      for (const [host, value] of node.entries) {
        const ips = value.kind === 'list' ? value.items : [value]
        for (const ip of ips) hosts.push([host, ip.kind === 'scalar' && !isNull(ip) ? formatScalar(ip) : '', value])
      }
    } else if (node.kind === 'list') {
      for (const item of node.items) {
        const entry = textOf(item) ?? ''
        const separator = entry.includes('=') ? entry.indexOf('=') : entry.indexOf(':')
        if (separator === -1) {
          findings.add(`"${entry}" has no IP address`, item, { path, hint: 'Write it as HOST=IP.' })
          continue
        }
        for (const ip of entry.slice(separator + 1).split(',')) hosts.push([entry.slice(0, separator), ip, item])
      }
    }
    const bad = hosts.find(([host]) => host === '' || /[:=]/.test(host))
    if (bad !== undefined) findings.add(`"${bad[0]}" is no host name`, bad[2], { path })
    const lines = hosts.map(([host, ip]) => `${host}=${/^\[.+\]$/.test(ip) ? ip.slice(1, -1) : ip}`)
    return lines.length === 0 ? undefined : lines.sort()
  },
}

const ulimit: Shape = {
  layout: {
    kind: 'struct',
    fields: new Map([
      ['soft', optionalInteger],
      ['hard', optionalInteger],
    ]),
    jsonOmitsZero: true,
  },
  decode(node, path, findings) {
    if (node.kind === 'scalar') {
      const value = optionalInteger.decode(node, path, findings)
      // Compose tells one number from two by whether it is zero.
      return value === 0 ? { soft: 0, hard: 0 } : value
    }
    if (node.kind !== 'map') return undefined
    const limits: Record<string, unknown> = {}
    for (const key of ['soft', 'hard']) {
      const field = node.entries.get(key)
      limits[key] = (field === undefined ? undefined : optionalInteger.decode(field, [...path, key], findings)) ?? 0
    }
    return limits
  },
}

/** `default`, or `ID=PATH`. Compose cannot print the latter as JSON. */
const ssh: Shape = {
  layout: LIST_OF_TEXT,
  decode(node) {
    if (node.kind !== 'map' || node.entries.size === 0) return undefined
    return sorted(node.entries).map(([id, path]) => (textOf(path) ? `${id}=${textOf(path)}` : id))
  },
}

const deviceCount: Shape = {
  layout: { kind: 'leaf' },
  decode(node, path, findings) {
    if (textOf(node)?.toLowerCase() === 'all') return -1
    return integer.decode(node, path, findings)
  },
}

const options = pairs('empty')
const labels = pairs('empty')
const environment = pairs('null')
const ulimits = map(ulimit)
const fileReference = struct({ source: text, target: text, uid: text, gid: text, mode: fileMode })

const HOOK = { command, user: text, privileged: flag, working_dir: text, environment }
const hook = struct(HOOK)

const build = struct({
  context: text,
  dockerfile: text,
  dockerfile_inline: text,
  entitlements: texts,
  args: environment,
  provenance: text,
  sbom: text,
  ssh,
  labels,
  cache_from: texts,
  cache_to: texts,
  no_cache: flag,
  additional_contexts: options,
  pull: flag,
  extra_hosts: extraHosts,
  isolation: text,
  network: text,
  target: text,
  secrets: list(fileReference, {}),
  shm_size: bytes,
  tags: texts,
  ulimits,
  platforms: texts,
  privileged: flag,
})

const develop = struct({
  watch: list(
    struct({
      path: text,
      action: text,
      target: text,
      exec: struct(HOOK, { absent: { command: null } }),
      include: texts,
      ignore: texts,
      initial_sync: flag,
    }),
  ),
})

const throttle = list(struct({ path: text, rate: bytes }, { jsonNames: { path: 'Path', rate: 'Rate' } }))

const blkio = struct({
  weight: count,
  weight_device: list(struct({ path: text, weight: count }, { jsonNames: { path: 'Path', weight: 'Weight' } })),
  device_read_bps: throttle,
  device_read_iops: throttle,
  device_write_bps: throttle,
  device_write_iops: throttle,
})

const deviceRequest = struct({ capabilities: texts, driver: text, count: deviceCount, device_ids: texts, options })

const updateConfig = struct({
  parallelism: optionalCount,
  delay: duration,
  failure_action: text,
  monitor: duration,
  max_failure_ratio: number,
  order: text,
})

const resource = struct({
  cpus: number,
  memory: bytes,
  pids: integer,
  devices: list(deviceRequest),
  generic_resources: list(struct({ discrete_resource_spec: struct({ kind: text, value: optionalInteger }) })),
})

const deploy = struct({
  mode: text,
  replicas: optionalInteger,
  labels,
  update_config: updateConfig,
  rollback_config: updateConfig,
  resources: struct({ limits: resource, reservations: resource }, { absent: {} }),
  restart_policy: struct({
    condition: text,
    delay: optionalDuration,
    max_attempts: optionalCount,
    window: optionalDuration,
  }),
  placement: struct(
    { constraints: texts, preferences: list(struct({ spread: text })), max_replicas_per_node: count },
    { absent: {} },
  ),
  endpoint_mode: text,
})

const serviceNetwork = struct({
  aliases: texts,
  driver_opts: options,
  gw_priority: integer,
  interface_name: text,
  ipv4_address: text,
  ipv6_address: text,
  link_local_ips: texts,
  mac_address: text,
  priority: integer,
})

const port = struct({
  name: text,
  mode: text,
  host_ip: text,
  target: count,
  published: text,
  protocol: text,
  app_protocol: text,
})

const mount = struct({
  type: text,
  source: text,
  target: text,
  read_only: flag,
  consistency: text,
  bind: struct({ selinux: text, propagation: text, create_host_path: flag, recursive: text }),
  volume: struct({ labels: options, nocopy: flag, subpath: text }),
  tmpfs: struct({ size: bytes, mode: count }),
  image: struct({ subpath: text }),
})

const healthcheck = struct({
  test: healthTest,
  timeout: optionalDuration,
  interval: optionalDuration,
  retries: optionalCount,
  start_period: optionalDuration,
  start_interval: optionalDuration,
  disable: flag,
})

const envFile = struct({ path: text, required: optionalFlag, format: text })

export const SERVICE = struct({
  profiles: texts,
  annotations: options,
  attach: optionalFlag,
  build,
  develop,
  blkio_config: blkio,
  cap_add: texts,
  cap_drop: texts,
  cgroup_parent: text,
  cgroup: text,
  cpu_count: integer,
  cpu_percent: number,
  cpu_period: integer,
  cpu_quota: integer,
  cpu_rt_period: integer,
  cpu_rt_runtime: integer,
  cpus: number,
  cpuset: text,
  cpu_shares: integer,
  command,
  configs: list(fileReference, {}),
  container_name: text,
  credential_spec: struct({ config: text, file: text, registry: text }),
  depends_on: map(struct({ condition: text, restart: flag, required: optionalFlag })),
  deploy,
  device_cgroup_rules: texts,
  devices: list(struct({ source: text, target: text, permissions: text })),
  dns: texts,
  dns_opt: texts,
  dns_search: texts,
  domainname: text,
  entrypoint: command,
  provider: struct({ type: text, options: multiOptions }),
  environment,
  env_file: list(envFile),
  expose: texts,
  external_links: texts,
  extra_hosts: extraHosts,
  group_add: texts,
  gpus: list(deviceRequest),
  hostname: text,
  healthcheck,
  image: text,
  init: optionalFlag,
  ipc: text,
  isolation: text,
  labels,
  label_file: texts,
  links: texts,
  logging: struct({ driver: text, options }),
  mem_limit: bytes,
  mem_reservation: bytes,
  memswap_limit: bytes,
  mem_swappiness: bytes,
  mac_address: text,
  models: map(struct({ endpoint_var: text, model_var: text }), 'null'),
  network_mode: text,
  networks: map(serviceNetwork, 'null'),
  oom_kill_disable: flag,
  oom_score_adj: integer,
  pid: text,
  pids_limit: integer,
  platform: text,
  ports: list(port),
  privileged: flag,
  pull_policy: text,
  read_only: flag,
  restart: text,
  runtime: text,
  scale: optionalInteger,
  secrets: list(fileReference, {}),
  security_opt: texts,
  shm_size: bytes,
  stdin_open: flag,
  stop_grace_period: optionalDuration,
  stop_signal: text,
  storage_opt: options,
  sysctls: options,
  tmpfs: texts,
  tty: flag,
  ulimits,
  use_api_socket: flag,
  user: text,
  userns_mode: text,
  uts: text,
  volumes: list(mount),
  volumes_from: texts,
  working_dir: text,
  post_start: list(hook),
  pre_stop: list(hook),
})

const network = struct({
  name: text,
  driver: text,
  driver_opts: options,
  // Compose reads ipam.options and drops them.
  ipam: struct(
    {
      driver: text,
      config: list(struct({ subnet: text, gateway: text, ip_range: text, aux_addresses: options })),
    },
    { absent: {} },
  ),
  external: flag,
  internal: flag,
  attachable: flag,
  labels,
  enable_ipv4: optionalFlag,
  enable_ipv6: optionalFlag,
})

const volume = struct({ name: text, driver: text, driver_opts: options, external: flag, labels })

const fileObject = struct({
  name: text,
  file: text,
  environment: text,
  content: text,
  external: flag,
  labels,
  driver: text,
  driver_opts: options,
  template_driver: text,
})

const model = struct({ name: text, model: text, context_size: integer, runtime_flags: texts })

/** An empty `services` stays; the other sections are left out where empty. */
const services: Shape = {
  layout: { kind: 'map', item: SERVICE },
  absent: {},
  decode(node, path, findings) {
    if (node.kind !== 'map') return undefined
    const result: Record<string, unknown> = {}
    for (const [name, service] of sorted(node.entries)) {
      setKey(result, name, decodeAt(name, SERVICE, service, path, findings))
    }
    return result
  },
}

export const MODEL = struct({
  name: text,
  services,
  networks: map(network, 'empty'),
  volumes: map(volume, 'empty'),
  secrets: map(fileObject, 'empty'),
  configs: map(fileObject, 'empty'),
  models: map(model),
})
