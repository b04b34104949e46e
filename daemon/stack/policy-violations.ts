/** The strict policy, over the canonical model: whatever way something was written or came here, it is seen here. Pure. */
import { posix } from 'node:path'
import { matchesPattern } from '../../protocol/access.ts'
import type { Finding } from '../../protocol/problems.ts'
import type { Model, Mount, Service, Volume } from '../../protocol/stackfile/model.ts'
import { buildOf, imagesOf } from './policy-images.ts'
import { loggingOf, networkOf } from './policy-networks.ts'
import type { PolicyRules, Refuse } from './policy-rules.ts'

/** Those that Docker gives anyway (Kubernetes' Pod Security Standards, baseline). */
export const CAPABILITIES = new Set(
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(
    ' ',
  ),
)

/** Those that reach no further than the container (the same standards). */
const SYSCTLS = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
])

export const SECURITY_OPTIONS = /^(no-new-privileges([:=]true)?|seccomp[:=]builtin|apparmor[:=]docker-default)$/

export function violationsOf(
  model: Model,
  rules: PolicyRules,
  realPath: (path: string) => string,
  sent: ReadonlySet<string> = new Set(),
): Finding[] {
  const findings: Finding[] = []
  const refuse: Refuse = (path, rule, message) => findings.push({ path, message: `${message} [${rule}]` })
  for (const [name, service] of Object.entries(model.services)) {
    const at = `services.${name}`
    namespaces(service, at, refuse)
    privileges(service, at, refuse)
    buildOf(service, at, rules, refuse)
    imagesOf(service, at, rules, refuse)
    loggingOf(service, at, rules, refuse)
    ports(service, at, rules, refuse)
    for (const [index, mount] of (service.volumes ?? []).entries())
      mountOf(mount, `${at}.volumes[${index}]`, rules, realPath, refuse, sent)
    if (service.use_api_socket === true)
      refuse(`${at}.use_api_socket`, 'engine-socket', "the Engine's socket is not allowed")
    for (const [index, source] of (service.volumes_from ?? []).entries()) {
      if (source.startsWith('container:'))
        refuse(`${at}.volumes_from[${index}]`, 'foreign', 'volumes of a container of no stack of yours are not allowed')
    }
    for (const [index] of (service.external_links ?? []).entries())
      refuse(`${at}.external_links[${index}]`, 'foreign', 'a link to a container of no stack of yours is not allowed')
  }
  for (const [key, volume] of Object.entries(model.volumes ?? {})) {
    ownName(`${model.name}_${key}`, `volumes.${key}`, volume, rules, refuse)
    driverOf(`volumes.${key}`, volume, rules, realPath, refuse)
  }
  for (const [key, network] of Object.entries(model.networks ?? {})) {
    ownName(`${model.name}_${key}`, `networks.${key}`, network, rules, refuse)
    if (network.external !== true) networkOf(network, `networks.${key}`, refuse)
  }
  return findings
}

/**
 * A volume of the host that no stack made, under a name that this stack's own would have: the Engine would take it for that.
 * `present`: volumes that are there, each with the project that it was made for.
 */
export function hostVolumesOf(
  { volumes = {} }: Model,
  present: ReadonlyMap<string, string | undefined>,
  { externals }: PolicyRules,
): Finding[] {
  return Object.entries(volumes).flatMap(([key, { name, external }]) => {
    const isOfHost = external !== true && present.has(name) && present.get(name) === undefined
    if (!isOfHost || externals.some((pattern) => matchesPattern(pattern, name))) return []
    return [
      { path: `volumes.${key}`, message: `${name} is there and was made for no stack: it is not allowed [foreign]` },
    ]
  })
}

/** `service:` stays within the stack; anything but that and a namespace of its own does not. */
function namespaces(service: Service, at: string, refuse: Refuse): void {
  for (const key of ['network_mode', 'pid', 'ipc', 'uts', 'userns_mode', 'cgroup'] as const) {
    const value = service[key]
    if (value === undefined || value === '' || value.startsWith('service:')) continue
    if (['private', 'none', 'bridge', 'default', 'shareable'].includes(value)) continue
    refuse(
      `${at}.${key}`,
      value === 'host' ? 'host-namespace' : 'foreign',
      value === 'host'
        ? 'a namespace of the host is not allowed'
        : `"${value}" is of no stack of yours: it is not allowed`,
    )
  }
}

function privileges(service: Service, at: string, refuse: Refuse): void {
  if (service.privileged === true) refuse(`${at}.privileged`, 'privileged', 'a privileged container is not allowed')
  for (const kind of ['post_start', 'pre_stop'] as const) {
    for (const [index, hook] of (service[kind] ?? []).entries())
      if (hook.privileged === true)
        refuse(`${at}.${kind}[${index}].privileged`, 'privileged', 'a privileged command is not allowed')
  }
  for (const [index, capability] of (service.cap_add ?? []).entries()) {
    if (!CAPABILITIES.has(capability.toUpperCase().replace(/^CAP_/, '')))
      refuse(`${at}.cap_add[${index}]`, 'capability', `the capability ${capability} is not allowed`)
  }
  const devices = [
    ...(service.devices ?? []).map((_, index) => `devices[${index}]`),
    ...(service.device_cgroup_rules ?? []).map((_, index) => `device_cgroup_rules[${index}]`),
    ...(service.gpus ?? []).map((_, index) => `gpus[${index}]`),
    ...(service.deploy?.resources?.reservations?.devices ?? []).map(
      (_, index) => `deploy.resources.reservations.devices[${index}]`,
    ),
  ]
  for (const key of devices) refuse(`${at}.${key}`, 'device', 'a device of the host is not allowed')
  for (const name of Object.keys(service.sysctls ?? {})) {
    if (!SYSCTLS.has(name)) refuse(`${at}.sysctls.${name}`, 'sysctl', 'this kernel parameter is not allowed')
  }
  for (const [index, option] of (service.security_opt ?? []).entries()) {
    if (!SECURITY_OPTIONS.test(option))
      refuse(`${at}.security_opt[${index}]`, 'profile', 'a profile other than the own of the Engine is not allowed')
  }
  if (service.runtime !== undefined && !['', 'runc'].includes(service.runtime))
    refuse(`${at}.runtime`, 'runtime', 'a runtime other than runc is not allowed')
  if (service.cgroup_parent)
    refuse(`${at}.cgroup_parent`, 'host-namespace', 'a control group of the host is not allowed')
  if ((service.oom_score_adj ?? 0) < 0)
    refuse(`${at}.oom_score_adj`, 'privileged', 'to be spared before the host is not allowed')
}

function ports(service: Service, at: string, { hostPorts }: PolicyRules, refuse: Refuse): void {
  for (const [index, { published }] of (service.ports ?? []).entries()) {
    // No number: the Engine takes a free one from its own range.
    if (published === undefined || published === '' || published === '0') continue
    const [from, to = from] = published.split('-').map(Number)
    if (!(from! >= hostPorts.from && to! <= hostPorts.to))
      refuse(
        `${at}.ports[${index}]`,
        'host-port',
        `the host port ${published} is not within ${hostPorts.from}-${hostPorts.to}`,
      )
  }
}

function mountOf(
  mount: Mount,
  at: string,
  rules: PolicyRules,
  realPath: (path: string) => string,
  refuse: Refuse,
  sent: ReadonlySet<string>,
): void {
  if (mount.type === 'bind' && !sent.has(mount.source ?? '')) bound(mount.source ?? '', at, rules, realPath, refuse)
  else if (!['bind', 'volume', 'tmpfs', 'image'].includes(mount.type))
    refuse(at, 'bind-root', `a mount of the type ${mount.type} is not allowed`)
  if (mount.bind?.propagation !== undefined && !['', 'rprivate', 'private'].includes(mount.bind.propagation))
    refuse(at, 'bind-root', `mounts that go on to the host (${mount.bind.propagation}) are not allowed`)
}

function bound(
  source: string,
  at: string,
  rules: PolicyRules,
  realPath: (path: string) => string,
  refuse: Refuse,
): void {
  const way = wayToHost(source, rules, realPath)
  if (way !== undefined) refuse(at, way.rule, way.message)
}

/** What is wrong with mounting this path of the host; undefined: nothing. */
export function wayToHost(
  source: string,
  { bindRoots, forbiddenPaths }: PolicyRules,
  realPath: (path: string) => string,
): { readonly rule: string; readonly message: string } | undefined {
  const path = realPath(posix.normalize(source))
  const forbidden = forbiddenPaths.find((one) => {
    const real = realPath(one)
    return isWithin(real, path) || isWithin(path, real)
  })
  if (forbidden !== undefined)
    return { rule: 'engine-socket', message: `${source} leads to ${forbidden}: that is not allowed` }
  if (bindRoots.some((root) => isWithin(path, realPath(root)))) return undefined
  return { rule: 'bind-root', message: `${source} is not within a folder of the host that is allowed` }
}

export const isWithin = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)

/** The `local` driver hands its options to mount(2): with them it mounts what the host can. */
function driverOf(
  at: string,
  volume: Volume,
  rules: PolicyRules,
  realPath: (path: string) => string,
  refuse: Refuse,
): void {
  if (volume.driver !== undefined && !['', 'local', 'default'].includes(volume.driver)) {
    refuse(`${at}.driver`, 'volume-driver', `the driver ${volume.driver} is not allowed`)
    return
  }
  const options = volume.driver_opts ?? {}
  if (Object.keys(options).length === 0) return
  // Before the type: to mount(2) a bind has none.
  const isBind = (options.o ?? '').split(',').some((option) => option === 'bind' || option === 'rbind')
  if (isBind) bound(options.device ?? '', `${at}.driver_opts.device`, rules, realPath, refuse)
  else if (options.type !== 'tmpfs')
    refuse(`${at}.driver_opts`, 'volume-driver', 'a volume that mounts a device or a share is not allowed')
}

/** The Engine knows no stacks: a volume or network of that name is taken, whoever's it is. */
function ownName(
  own: string,
  at: string,
  object: { readonly name: string; readonly external?: boolean },
  { externals }: PolicyRules,
  refuse: Refuse,
): void {
  if (object.external !== true && object.name === own) return
  if (!externals.some((pattern) => matchesPattern(pattern, object.name)))
    refuse(at, 'foreign', `${object.name} is not the stack's own: it is not allowed`)
}
