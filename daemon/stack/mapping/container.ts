/**
 * One replica of a service as the Engine's `POST /containers/create`. The rules are those of `docker compose create`
 * (2.40); test/engine/parity compares the two container by container.
 */
import { Problem } from '../../../protocol/problems.ts'
import { proxyEnvironment } from '../../../protocol/proxy.ts'
import { withApiSocket } from '../../../protocol/stackfile/api-socket.ts'
import type { Healthcheck, Service } from '../../../protocol/stackfile/model.ts'
import { modelVariables } from '../../../protocol/stackfile/service-variables.ts'
import { parseDuration } from '../../../protocol/stackfile/units.ts'
import { COMPOSE } from '../labels.ts'
import { needsApi } from './api-needs.ts'
import type { ContainerInput, ContainerPlan } from './container-plan.ts'
import { endpointsOf } from './endpoints.ts'
import { mountsOf } from './mounts.ts'
import { sharedWith, volumesFrom } from './namespaces.ts'
import { exposedPorts, portBindings } from './ports.ts'
import { defined, resourcesOf } from './resources.ts'
import { secretEnvironment } from './secret-environment.ts'

export type { ContainerInput, ContainerPlan } from './container-plan.ts'

export function containerCreate(input: ContainerInput): ContainerPlan {
  const { model, service, replica } = input
  refuseWhatWeCannot(input, model.services[service]!)
  const spec = withApiSocket(model.services[service]!)
  const name = input.oneOff ? input.containerName : (spec.container_name ?? `${model.name}-${service}-${replica}`)
  const endpoints = endpointsOf(input, spec, name)
  const mounts = mountsOf(input, spec)
  const security = securityOf(spec)
  const secrets = secretEnvironment(input, spec)
  const size = spec.tty === true ? input.oneOff?.size : undefined
  const path = `services.${service}`
  if (spec.annotations !== undefined) needsApi(`${path}.annotations`, '1.43', input.apiVersion)
  return {
    query: { name: input.containerName, ...(spec.platform === undefined ? {} : { platform: spec.platform }) },
    body: defined({
      Image: input.image.reference,
      Hostname: spec.hostname,
      Domainname: spec.domainname,
      User: spec.user,
      ExposedPorts: exposedPorts(spec),
      Tty: spec.tty,
      OpenStdin: spec.stdin_open,
      // The input of a one-off ends with whoever gives it.
      ...(input.oneOff && spec.stdin_open ? { AttachStdin: true, StdinOnce: true } : {}),
      AttachStdout: true,
      AttachStderr: true,
      Cmd: spec.command ?? undefined,
      Entrypoint: spec.entrypoint ?? undefined,
      WorkingDir: spec.working_dir,
      MacAddress: endpoints.macAddress,
      NetworkDisabled: spec.network_mode === 'disabled' ? true : undefined,
      Labels: labelsOf(input, spec),
      StopSignal: spec.stop_signal,
      StopTimeout: secondsOf(spec.stop_grace_period),
      Env: environmentOf(spec, proxyEnvironment(input.compose.proxy), secrets.environment),
      Healthcheck: healthcheckOf(spec.healthcheck, `${path}.healthcheck`, input.apiVersion),
      HostConfig: defined({
        AutoRemove: input.oneOff?.remove ? true : undefined,
        ConsoleSize: size === undefined ? undefined : [size.rows, size.columns],
        Annotations: spec.annotations,
        Binds: nonEmpty(mounts.binds),
        Mounts: nonEmpty(mounts.mounts),
        Tmpfs: Object.keys(mounts.tmpfs).length === 0 ? undefined : mounts.tmpfs,
        CapAdd: capabilities(spec.cap_add),
        CapDrop: capabilities(spec.cap_drop),
        NetworkMode: endpoints.networkMode,
        Links: endpoints.links,
        Init: spec.init,
        IpcMode: spec.ipc === undefined ? undefined : sharedWith(input, spec.ipc, `${path}.ipc`),
        PidMode: spec.pid === undefined ? undefined : sharedWith(input, spec.pid, `${path}.pid`),
        CgroupnsMode: spec.cgroup,
        UTSMode: spec.uts,
        UsernsMode: spec.userns_mode,
        Isolation: spec.isolation,
        Runtime: spec.runtime,
        ReadonlyRootfs: spec.read_only,
        RestartPolicy: restartPolicyOf(spec),
        ShmSize: spec.shm_size === undefined ? undefined : Number(spec.shm_size),
        Sysctls: spec.sysctls,
        PortBindings: portBindings(spec, input.ingressPorts),
        VolumesFrom: volumesFrom(input, spec.volumes_from),
        Dns: spec.dns,
        DnsSearch: spec.dns_search,
        DnsOptions: spec.dns_opt,
        ExtraHosts: spec.extra_hosts?.map(extraHost),
        StorageOpt: spec.storage_opt,
        Privileged: spec.privileged,
        LogConfig:
          spec.logging === undefined
            ? undefined
            : { Type: spec.logging.driver ?? '', Config: spec.logging.options ?? {} },
        GroupAdd: spec.group_add?.map(String),
        OomScoreAdj: spec.oom_score_adj,
        ...security,
        ...resourcesOf(spec),
      }),
      NetworkingConfig: endpoints.config === undefined ? undefined : { EndpointsConfig: endpoints.config },
    }) as ContainerPlan['body'],
    connectAfterCreate: endpoints.connectAfterCreate,
    filesAfterCreate: mounts.files,
    warnings: [...mounts.warnings, ...secrets.warnings, ...withoutEffect(service, spec)],
  }
}

/** What the mapping cannot honour is refused, never left out. */
function refuseWhatWeCannot({ service, image }: ContainerInput, spec: Service): void {
  const refuse = (key: string, why: string, hint = 'take the key out of the file'): never => {
    throw new Problem('unsupported', `services.${service}.${key}: ${why}`, { hint })
  }
  const isWindows = image.inspect.Os === 'windows'
  if (isWindows && spec.credential_spec !== undefined) refuse('credential_spec', 'not supported for Windows containers')
  if (isWindows && spec.use_api_socket === true) refuse('use_api_socket', 'a Windows container cannot use the socket')
  for (const [name, given] of Object.entries(spec.models ?? {})) {
    const missing = Object.values(modelVariables(name, given)).find((one) => spec.environment?.[one] === undefined)
    if (missing === undefined) continue
    refuse(
      `models.${name}`,
      `${missing} is not set`,
      'whoever sends the stack makes its models ready, as `evenkeel up` does',
    )
  }
}

/** What stands in the file and reaches no container of Linux, in Compose as here. */
function withoutEffect(service: string, spec: Service): string[] {
  if (spec.credential_spec === undefined) return []
  return [`services.${service}.credential_spec has no effect: it is for Windows containers`]
}

function labelsOf(input: ContainerInput, spec: Service): Record<string, string> {
  const { compose, model, service, replica } = input
  const dependencies = Object.entries(spec.depends_on ?? {})
    .map(([name, on]) => `${name}:${on.condition}:${on.restart ?? false}`)
    .sort()
  return {
    ...spec.labels,
    [COMPOSE.project]: model.name,
    [COMPOSE.service]: service,
    ...(input.oneOff === undefined
      ? { [COMPOSE.number]: String(replica), [COMPOSE.oneOff]: 'False' }
      : { [COMPOSE.slug]: input.oneOff.slug, [COMPOSE.oneOff]: 'True' }),
    [COMPOSE.configHash]: compose.configHash,
    [COMPOSE.version]: compose.version,
    'com.docker.compose.image': input.image.id,
    'com.docker.compose.depends_on': dependencies.join(','),
    'com.docker.compose.project.working_dir': compose.workingDir,
    'com.docker.compose.project.config_files': compose.configFiles.join(','),
    ...(compose.environmentFiles.length === 0
      ? {}
      : { 'com.docker.compose.project.environment_file': compose.environmentFiles.join(',') }),
    ...input.labels,
  }
}

/** A variable without a value takes that of the image away. */
function environmentOf(
  spec: Service,
  proxy: Readonly<Record<string, string>>,
  secrets: Readonly<Record<string, string>>,
): string[] | undefined {
  const environment: Readonly<Record<string, string | null>> = { ...proxy, ...spec.environment, ...secrets }
  if (spec.environment === undefined && Object.keys(environment).length === 0) return undefined
  return Object.entries(environment).map(([key, value]) => (value === null ? key : `${key}=${value}`))
}

function healthcheckOf(check: Healthcheck | undefined, path: string, apiVersion: string) {
  if (check === undefined) return undefined
  if (check.start_interval !== undefined) {
    needsApi(`${path}.start_interval`, '1.44', apiVersion)
    if (check.start_period === undefined) {
      throw new Problem('stack-file-invalid', `${path}.start_interval has no effect without start_period`, {
        hint: `set ${path}.start_period`,
      })
    }
  }
  return defined({
    Test: check.disable === true ? ['NONE'] : check.test,
    Interval: nanoseconds(check.interval),
    Timeout: nanoseconds(check.timeout),
    Retries: check.retries,
    StartPeriod: nanoseconds(check.start_period),
    StartInterval: nanoseconds(check.start_interval),
  })
}

function restartPolicyOf(spec: Service): { Name: string; MaximumRetryCount: number } | undefined {
  const policy = spec.deploy?.restart_policy
  if (policy !== undefined)
    return { Name: policyName(policy.condition ?? ''), MaximumRetryCount: policy.max_attempts ?? 0 }
  if (spec.restart === undefined || spec.restart === '') return undefined
  const [name = '', retries = '0'] = spec.restart.split(':')
  return { Name: policyName(name), MaximumRetryCount: Number(retries) }
}

/** Without a condition Compose sends no policy, although the specification calls `any` the default. */
const policyName = (condition: string): string =>
  condition === 'none' ? 'no' : condition === 'any' ? 'always' : condition

/** As the CLI spells them (`net_admin` is `CAP_NET_ADMIN`), each once and in order. */
function capabilities(names: readonly string[] | undefined): string[] | undefined {
  if (names === undefined) return undefined
  const spelled = names
    .map((name) => name.trim().toUpperCase())
    .map((name) => (name === 'ALL' || name.startsWith('CAP_') ? name : `CAP_${name}`))
  return [...new Set(spelled)].sort()
}

/** `systempaths=unconfined` is no option of the Engine: the CLI turns it into two empty lists. */
function securityOf(spec: Service): Record<string, unknown> {
  if (spec.security_opt === undefined) return {}
  const unconfined = spec.security_opt.includes('systempaths=unconfined')
  const options = spec.security_opt.filter((option) => option !== 'systempaths=unconfined')
  const file = options.find((option) => /^seccomp[=:](?!unconfined$|builtin$|\s*\{)/.test(option))
  if (file !== undefined) {
    throw new Problem('unsupported', `security_opt ${file}: a seccomp profile from a file is not supported`, {
      hint: 'write the profile itself: seccomp={...}',
    })
  }
  return { SecurityOpt: options, ...(unconfined ? { MaskedPaths: [], ReadonlyPaths: [] } : {}) }
}

/** The canonical form is `host=address`; the Engine wants `host:address`. */
const extraHost = (entry: string): string => entry.replace('=', ':')

const nanoseconds = (duration: string | undefined): number | undefined =>
  duration === undefined ? undefined : parseDuration(duration)

function secondsOf(duration: string | undefined): number | undefined {
  const ns = nanoseconds(duration)
  return ns === undefined ? undefined : Math.ceil(ns / 1e9)
}

const nonEmpty = <T>(list: readonly T[]): readonly T[] | undefined => (list.length === 0 ? undefined : list)
