/**
 * What a stack file may hold: the Compose Specification as Compose 2.40 checks it (its JSON schema, key for key), before
 * short forms are made long. Rules that need more than one key to be seen are in `consistency.ts`.
 */
import { dict, either, fields, list, type Rule, scalar, set } from './rules.ts'

const NAME = /^[a-zA-Z0-9._-]+$/

const text = scalar(['string'])
const duration = scalar(['string'], { hint: 'Write a number with its unit: 10s, 1m30s, 500ms.' })
const flag = scalar(['boolean', 'string'])
const integer = scalar(['integer', 'string'])
const number = scalar(['number', 'string'])
const texts = list(text)
const textSet = set(text)
const textOrSet = either(text, textSet)
const command = either(scalar(['null']), text, texts)
const pairs = either(dict(scalar(['string', 'number', 'boolean', 'null'])), textSet)
const options = dict(scalar(['string', 'number']), { others: 'unchecked' })
const extraHosts = either(dict(either(text, texts)), textSet)

const ulimits = dict(either(integer, fields({ hard: integer, soft: integer }, { required: ['soft', 'hard'] })), {
  key: /^[a-z]+$/,
  others: 'unchecked',
})

const fileReferences = list(either(text, fields({ source: text, target: text, uid: text, gid: text, mode: number })))

const hook = fields(
  { command, user: text, privileged: flag, working_dir: text, environment: pairs },
  { required: ['command'] },
)

const build = fields({
  context: text,
  dockerfile: text,
  dockerfile_inline: text,
  entitlements: texts,
  args: pairs,
  ssh: pairs,
  labels: pairs,
  cache_from: texts,
  cache_to: texts,
  no_cache: flag,
  additional_contexts: pairs,
  network: text,
  provenance: scalar(['string', 'boolean']),
  sbom: scalar(['string', 'boolean']),
  pull: flag,
  target: text,
  shm_size: integer,
  extra_hosts: extraHosts,
  isolation: text,
  privileged: flag,
  secrets: fileReferences,
  tags: texts,
  ulimits,
  platforms: texts,
})

const blkioLimits = list(fields({ path: text, rate: integer }, { others: 'closed' }))

const dependency = fields(
  {
    restart: flag,
    required: scalar(['boolean']),
    condition: scalar(['string'], {
      values: ['service_started', 'service_healthy', 'service_completed_successfully'],
    }),
  },
  { required: ['condition'] },
)

const serviceNetwork = fields({
  aliases: textSet,
  interface_name: text,
  ipv4_address: text,
  ipv6_address: text,
  link_local_ips: textSet,
  mac_address: text,
  driver_opts: options,
  priority: scalar(['number']),
  gw_priority: scalar(['number']),
})

const port = fields({
  name: text,
  mode: text,
  host_ip: text,
  target: integer,
  published: integer,
  protocol: text,
  app_protocol: text,
})

const mount = fields(
  {
    type: scalar(['string'], { values: ['bind', 'volume', 'tmpfs', 'cluster', 'npipe', 'image'] }),
    source: text,
    target: text,
    read_only: flag,
    consistency: text,
    bind: fields({
      propagation: text,
      create_host_path: flag,
      recursive: scalar(['string'], { values: ['enabled', 'disabled', 'writable', 'readonly'] }),
      selinux: scalar(['string'], { values: ['z', 'Z'] }),
    }),
    volume: fields({ labels: pairs, nocopy: flag, subpath: text }),
    tmpfs: fields({ size: scalar(['integer', 'string'], { minimum: 0 }), mode: number }),
    image: fields({ subpath: text }),
  },
  { required: ['type'] },
)

const deviceFields = { capabilities: textSet, count: integer, device_ids: textSet, driver: text, options: pairs }

const updateConfig = fields({
  parallelism: integer,
  delay: duration,
  failure_action: text,
  monitor: duration,
  max_failure_ratio: number,
  order: scalar(['string'], { values: ['start-first', 'stop-first'] }),
})

const deploy = fields({
  mode: text,
  endpoint_mode: text,
  replicas: integer,
  labels: pairs,
  rollback_config: updateConfig,
  update_config: updateConfig,
  resources: fields({
    limits: fields({ cpus: number, memory: text, pids: integer }),
    reservations: fields({
      cpus: number,
      memory: text,
      generic_resources: list(fields({ discrete_resource_spec: fields({ kind: text, value: number }) })),
      devices: list(fields(deviceFields, { required: ['capabilities'] })),
    }),
  }),
  restart_policy: fields({ condition: text, delay: duration, max_attempts: integer, window: duration }),
  placement: fields({
    constraints: texts,
    preferences: list(fields({ spread: text })),
    max_replicas_per_node: integer,
  }),
})

const develop = fields({
  watch: list(
    fields(
      {
        ignore: textOrSet,
        include: textOrSet,
        path: text,
        action: scalar(['string'], { values: ['rebuild', 'sync', 'restart', 'sync+restart', 'sync+exec'] }),
        target: text,
        exec: hook,
        initial_sync: scalar(['boolean']),
      },
      { required: ['path', 'action'] },
    ),
  ),
})

const service = fields({
  develop: either(scalar(['null']), develop),
  deploy: either(scalar(['null']), deploy),
  annotations: pairs,
  attach: flag,
  build: either(text, build),
  blkio_config: fields(
    {
      device_read_bps: blkioLimits,
      device_read_iops: blkioLimits,
      device_write_bps: blkioLimits,
      device_write_iops: blkioLimits,
      weight: integer,
      weight_device: list(fields({ path: text, weight: integer }, { others: 'closed' })),
    },
    { others: 'closed' },
  ),
  cap_add: textSet,
  cap_drop: textSet,
  cgroup: scalar(['string'], { values: ['host', 'private'] }),
  cgroup_parent: text,
  command,
  configs: fileReferences,
  container_name: scalar(['string'], {
    pattern: /[a-zA-Z0-9][a-zA-Z0-9_.-]+/,
    patternText: 'two characters or more, of letters, digits, "_", "." and "-"',
  }),
  cpu_count: scalar(['string', 'integer'], { minimum: 0 }),
  cpu_percent: scalar(['string', 'integer'], { minimum: 0, maximum: 100 }),
  cpu_shares: number,
  cpu_quota: number,
  cpu_period: number,
  cpu_rt_period: number,
  cpu_rt_runtime: number,
  cpus: number,
  cpuset: text,
  credential_spec: fields({ config: text, file: text, registry: text }),
  depends_on: either(textSet, dict(dependency, { key: NAME })),
  device_cgroup_rules: textSet,
  devices: list(either(text, fields({ source: text, target: text, permissions: text }, { required: ['source'] }))),
  dns: textOrSet,
  dns_opt: textSet,
  dns_search: textOrSet,
  domainname: text,
  entrypoint: command,
  env_file: either(
    text,
    list(either(text, fields({ path: text, format: text, required: flag }, { required: ['path'], others: 'closed' }))),
  ),
  label_file: either(text, texts),
  environment: pairs,
  expose: set(scalar(['string', 'number'])),
  extends: either(text, fields({ service: text, file: text }, { required: ['service'], others: 'closed' })),
  provider: fields(
    {
      type: text,
      options: dict(either(scalar(['string', 'number', 'boolean']), list(scalar(['string', 'number', 'boolean']))), {
        others: 'unchecked',
      }),
    },
    { required: ['type'] },
  ),
  external_links: textSet,
  extra_hosts: extraHosts,
  gpus: either(scalar(['string'], { values: ['all'] }), list(fields(deviceFields, { others: 'open' }))),
  group_add: set(scalar(['string', 'number'])),
  healthcheck: fields({
    disable: flag,
    interval: duration,
    retries: number,
    test: either(text, texts),
    timeout: duration,
    start_period: duration,
    start_interval: duration,
  }),
  hostname: text,
  image: text,
  init: flag,
  ipc: text,
  isolation: text,
  labels: pairs,
  links: textSet,
  logging: fields({
    driver: text,
    options: dict(scalar(['string', 'number', 'null']), { others: 'unchecked' }),
  }),
  mac_address: text,
  mem_limit: number,
  mem_reservation: integer,
  mem_swappiness: integer,
  memswap_limit: number,
  network_mode: text,
  models: either(
    textSet,
    dict(either(scalar(['null']), fields({ endpoint_var: text, model_var: text })), { key: NAME, others: 'unchecked' }),
  ),
  networks: either(textSet, dict(either(scalar(['null']), serviceNetwork), { key: NAME })),
  oom_kill_disable: flag,
  oom_score_adj: scalar(['string', 'integer'], { minimum: -1000, maximum: 1000 }),
  pid: scalar(['string', 'null']),
  pids_limit: number,
  platform: text,
  ports: set(either(scalar(['number', 'string']), port)),
  post_start: list(hook),
  pre_stop: list(hook),
  privileged: flag,
  profiles: textSet,
  pull_policy: scalar(['string'], {
    pattern: /always|never|build|if_not_present|missing|refresh|daily|weekly|every_([0-9]+[wdhms])+/,
    patternText: 'one of always, never, missing, if_not_present, build, daily, weekly, every_DURATION',
  }),
  pull_refresh_after: text,
  read_only: flag,
  restart: text,
  runtime: text,
  scale: integer,
  security_opt: textSet,
  shm_size: number,
  secrets: fileReferences,
  sysctls: pairs,
  stdin_open: flag,
  stop_grace_period: duration,
  stop_signal: text,
  storage_opt: fields({}, { others: 'open' }),
  tmpfs: textOrSet,
  tty: flag,
  ulimits,
  use_api_socket: scalar(['boolean']),
  user: text,
  uts: text,
  userns_mode: text,
  volumes: set(either(text, mount)),
  volumes_from: textSet,
  working_dir: text,
})

const external = (others: 'extensible' | 'open'): Rule =>
  either(scalar(['boolean', 'string']), fields({ name: text }, { others }))

const orNothing = (rule: Rule): Rule => either(scalar(['null']), rule)

const network = orNothing(
  fields({
    name: text,
    driver: text,
    driver_opts: options,
    ipam: fields({
      driver: text,
      config: list(fields({ subnet: text, ip_range: text, gateway: text, aux_addresses: dict(text) })),
      options: dict(text),
    }),
    external: external('extensible'),
    internal: flag,
    enable_ipv4: flag,
    enable_ipv6: flag,
    attachable: flag,
    labels: pairs,
  }),
)

const volume = orNothing(
  fields({ name: text, driver: text, driver_opts: options, external: external('extensible'), labels: pairs }),
)

const secret = fields({
  name: text,
  environment: text,
  file: text,
  external: external('open'),
  labels: pairs,
  driver: text,
  driver_opts: options,
  template_driver: text,
})

const config = fields({
  name: text,
  content: text,
  environment: text,
  file: text,
  external: external('open'),
  labels: pairs,
  template_driver: text,
})

const model = fields(
  { name: text, model: text, context_size: scalar(['integer']), runtime_flags: texts },
  { required: ['model'] },
)

export const STACK_FILE = fields({
  version: text,
  name: text,
  include: list(
    either(text, fields({ path: textOrSet, env_file: textOrSet, project_directory: text }, { others: 'closed' })),
  ),
  services: dict(service, { key: NAME }),
  models: dict(model, { key: NAME, others: 'unchecked' }),
  networks: dict(network, { key: NAME, others: 'unchecked' }),
  volumes: dict(volume, { key: NAME }),
  secrets: dict(secret, { key: NAME }),
  configs: dict(config, { key: NAME }),
})

/** The keys that a service may have; a service key at the top of a file is a common slip. */
export const SERVICE_KEYS: ReadonlySet<string> = new Set(service.fields.keys())
