/** What only shows once the whole model is there: names that lead nowhere, settings that contradict one another, circles. */
import { isHttp } from './app-protocol.ts'
import { findCycles } from './cycles.ts'
import type { Findings } from './findings.ts'
import type { Service } from './model.ts'
import { locate, type Project } from './project.ts'
import { releaseFindings, stackPolicyFindings } from './release-policy.ts'
import { type Served, servicePolicyFindings } from './service-policy.ts'
import { didYouMean } from './suggest.ts'
import type { KeyPath } from './tree.ts'

export function checkConsistency(project: Project, findings: Findings): void {
  new ConsistencyCheck(project, findings).run()
}

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,199}$/

type Section = 'networks' | 'volumes' | 'secrets' | 'configs' | 'models'

class ConsistencyCheck {
  readonly #project: Project
  readonly #findings: Findings
  /** Made once, and only where something is wrong. */
  #serviceNames: string[] | undefined

  constructor(project: Project, findings: Findings) {
    this.#project = project
    this.#findings = findings
  }

  run(): void {
    const { model } = this.#project
    const policy = model['x-evenkeel']
    if (policy !== undefined)
      for (const { message, path, hint } of stackPolicyFindings(policy))
        this.#add(message, ['x-evenkeel', ...path], hint)
    for (const [name, service] of Object.entries(model.services)) {
      const path = ['services', name]
      this.#image(service, path, name)
      this.#build(service, path)
      this.#references(service, path)
      this.#dependencies(service, path)
      this.#healthcheck(service, path)
      this.#limits(service, path)
      this.#scale(service, path)
      this.#watch(service, path)
      this.#mounts(service, path)
      this.#policy(service, path)
      for (const { message, path: at, hint } of releaseFindings(model, name)) this.#add(message, [...path, ...at], hint)
    }
    for (const [name, secret] of Object.entries(model.secrets ?? {})) {
      if (secret.external || secret.file || secret.environment) continue
      this.#add(`Secret "${name}" needs file or environment`, ['secrets', name])
    }
    this.#containerNames()
    this.#circles()
  }

  #add(message: string, path: KeyPath, hint?: string): void {
    const node = locate(this.#project.root, path)
    if (node.kind === 'scalar') this.#findings.add(message, node, { path, hint })
    else this.#findings.addAtKey(message, node, { path, hint })
  }

  #policy(service: Service, path: KeyPath): void {
    const policy: unknown = service['x-evenkeel']
    if (policy === undefined) return
    for (const finding of servicePolicyFindings(policy, servedOf(service)))
      this.#add(finding.message, [...path, 'x-evenkeel', ...finding.path], finding.hint)
  }

  #image(service: Service, path: KeyPath, name: string): void {
    if (service.image === undefined && service.build === undefined && service.provider === undefined) {
      this.#add(`Service "${name}" has neither an image nor a build`, path, 'Add "image: NAME" or "build: FOLDER".')
    }
  }

  #build(service: Service, path: KeyPath): void {
    const { build, platform } = service
    if (build === undefined) return
    if (build.dockerfile_inline !== undefined && build.dockerfile !== undefined) {
      this.#add('dockerfile and dockerfile_inline exclude each other', [...path, 'build', 'dockerfile_inline'])
    }
    for (const [name, context] of Object.entries(build.additional_contexts ?? {})) {
      if (!context.startsWith('service:')) continue
      const target = context.slice('service:'.length)
      const at = [...path, 'build', 'additional_contexts', name]
      const { services } = this.#project.model
      if (!Object.hasOwn(services, target)) {
        this.#add(`There is no service "${target}"`, at, didYouMean(target, Object.keys(services)))
      } else if (services[target]?.build === undefined) {
        this.#add(`Service "${target}" is not built, so it cannot be a build context`, at)
      }
    }
    if (platform !== undefined && build.platforms !== undefined && !build.platforms.includes(platform)) {
      this.#add(`build.platforms must contain the platform of the service, ${platform}`, [
        ...path,
        'build',
        'platforms',
      ])
    }
  }

  #references(service: Service, path: KeyPath): void {
    if (service.network_mode !== undefined && Object.keys(service.networks ?? {}).length > 0) {
      this.#add('network_mode and networks exclude each other', [...path, 'network_mode'])
    }
    for (const name of Object.keys(service.networks ?? {})) this.#known('networks', name, [...path, 'networks', name])
    for (const name of Object.keys(service.models ?? {})) this.#known('models', name, [...path, 'models', name])
    for (const [index, mount] of (service.volumes ?? []).entries()) {
      if (mount.type !== 'volume' || mount.source === undefined) continue
      this.#known('volumes', mount.source, [...path, 'volumes', index, 'source'])
    }
    for (const section of ['secrets', 'configs'] as const) {
      for (const [index, reference] of (service[section] ?? []).entries()) {
        this.#known(section, reference.source, [...path, section, index, 'source'])
      }
    }
    this.#secretVariables(service, path)
    for (const [index, reference] of (service.build?.secrets ?? []).entries()) {
      this.#known('secrets', reference.source, [...path, 'build', 'secrets', index, 'source'])
    }
  }

  #secretVariables(service: Service, path: KeyPath): void {
    for (const [index, reference] of (service.secrets ?? []).entries()) {
      const given: unknown = reference['x-evenkeel']
      if (given === undefined) continue
      const at = [...path, 'secrets', index, 'x-evenkeel']
      const { env } = (given ?? {}) as { env?: unknown }
      if (typeof given !== 'object' || Array.isArray(given) || typeof env !== 'string' || !VARIABLE.test(env))
        this.#add('x-evenkeel of a secret is to be {env: NAME}, with the name of a variable', at)
      else if (this.#project.model.secrets?.[reference.source]?.external !== true)
        this.#add(`Only a secret that the daemon keeps can be a variable, with "external: true"`, at)
      else if (Object.hasOwn(service.environment ?? {}, env))
        this.#add(`The variable ${env} is in "environment" as well`, at)
    }
  }

  #known(section: Section, name: string | undefined, path: KeyPath): void {
    if (name === undefined) {
      this.#add('A source is missing', path, `Name one of "${section}".`)
      return
    }
    const resources = this.#project.model[section] ?? {}
    if (Object.hasOwn(resources, name)) return
    const kind = section.slice(0, -1)
    const hint =
      didYouMean(name, Object.keys(resources)) ??
      (section === 'volumes'
        ? `Declare it under "volumes", or begin a folder with "./".`
        : `Declare it under "${section}".`)
    this.#add(`There is no ${kind} "${name}"`, path, hint)
  }

  #dependencies(service: Service, path: KeyPath): void {
    const { model, disabled } = this.#project
    for (const [name, dependency] of Object.entries(service.depends_on ?? {})) {
      if (Object.hasOwn(model.services, name)) continue
      const at = [...path, 'depends_on', name]
      const off = Object.hasOwn(disabled, name) ? disabled[name] : undefined
      if (off === undefined) {
        this.#serviceNames ??= Object.keys(model.services)
        const hint = didYouMean(name, this.#serviceNames)
        this.#add(`There is no service "${name}" to depend on`, at, hint)
      } else if (dependency.required) {
        const profiles = (off.profiles ?? []).join(', ')
        this.#add(`Service "${name}" is off`, at, `Turn on one of its profiles (${profiles}), or set required: false.`)
      }
    }
  }

  #healthcheck(service: Service, path: KeyPath): void {
    const first = service.healthcheck?.test?.[0]
    if (first === undefined || ['CMD', 'CMD-SHELL', 'NONE'].includes(first)) return
    this.#add(`A health check must begin with CMD, CMD-SHELL or NONE, not "${first}"`, [...path, 'healthcheck', 'test'])
  }

  #limits(service: Service, path: KeyPath): void {
    const { limits, reservations } = service.deploy?.resources ?? {}
    const pairs: [key: string, value: unknown, section: unknown, other: unknown, otherKey: string][] = [
      ['cpus', service.cpus, limits, limits?.cpus, 'limits.cpus'],
      ['mem_limit', service.mem_limit, limits, limits?.memory, 'limits.memory'],
      ['mem_reservation', service.mem_reservation, reservations, reservations?.memory, 'reservations.memory'],
      ['pids_limit', service.pids_limit, limits, limits?.pids, 'limits.pids'],
    ]
    for (const [key, value, section, other, otherKey] of pairs) {
      if (value === undefined || section === undefined || value === other) continue
      this.#add(`${key} and deploy.resources.${otherKey} differ`, [...path, key], 'Set one of them only.')
    }
  }

  #scale(service: Service, path: KeyPath): void {
    const { scale } = service
    const replicas = service.deploy?.replicas
    if (scale !== undefined && replicas !== undefined && scale !== replicas) {
      this.#add('scale and deploy.replicas differ', [...path, 'scale'], 'Set one of them only.')
    } else if (scale !== undefined && service.deploy !== undefined) {
      service.deploy.replicas = scale
    }
    if (scale !== undefined && scale < 0) this.#add('scale must be 0 or more', [...path, 'scale'])
    if (replicas !== undefined && replicas < 0) {
      this.#add('deploy.replicas must be 0 or more', [...path, 'deploy', 'replicas'])
    }
    const most = Math.max(scale ?? replicas ?? 1, autoscaleLimit(service))
    if (most > 1 && service.container_name !== undefined) {
      this.#add('A service with container_name can have one replica only', [...path, 'container_name'])
    }
  }

  #watch(service: Service, path: KeyPath): void {
    for (const [index, trigger] of (service.develop?.watch ?? []).entries()) {
      if (trigger.target !== undefined || ['rebuild', 'restart'].includes(trigger.action)) continue
      this.#add(`Action ${trigger.action} needs a target`, [...path, 'develop', 'watch', index])
    }
  }

  #mounts(service: Service, path: KeyPath): void {
    const targets = new Map<string, string>()
    const claim = (target: string, key: string, index: number): void => {
      const other = targets.get(target)
      if (other === undefined) targets.set(target, `${key}[${index}]`)
      else this.#add(`${target} is mounted already, by ${other}`, [...path, key, index])
    }
    for (const [index, tmpfs] of (service.tmpfs ?? []).entries()) claim(tmpfs.split(':')[0]!, 'tmpfs', index)
    for (const [index, mount] of (service.volumes ?? []).entries()) claim(mount.target ?? '', 'volumes', index)
  }

  #containerNames(): void {
    const owners = new Map<string, string>()
    for (const [name, service] of Object.entries(this.#project.model.services)) {
      if (service.container_name === undefined) continue
      const owner = owners.get(service.container_name)
      if (owner === undefined) owners.set(service.container_name, name)
      else {
        this.#add(`Service "${owner}" has the container name "${service.container_name}" already`, [
          'services',
          name,
          'container_name',
        ])
      }
    }
  }

  #circles(): void {
    const { services } = this.#project.model
    const graph = new Map<string, string[]>()
    for (const [name, { depends_on }] of Object.entries(services)) {
      if (depends_on === undefined) continue
      graph.set(
        name,
        Object.keys(depends_on).filter((dependency) => Object.hasOwn(services, dependency)),
      )
    }
    for (const cycle of findCycles(graph)) {
      this.#add(`Services depend on each other in a circle: ${cycle.join(' -> ')}`, [
        'services',
        cycle.at(-2)!,
        'depends_on',
        cycle.at(-1)!,
      ])
    }
  }
}

/** What is wrong in it is told elsewhere. */
function autoscaleLimit(service: Service): number {
  const max: unknown = service['x-evenkeel']?.scale?.max
  return typeof max === 'number' ? max : 1
}

/** Which port the ingress has is for the daemon to say: it depends on the order of replacement. */
function servedOf({ ports = [], 'x-evenkeel': policy }: Service): Served {
  const tcp = ports.filter(({ protocol = 'tcp', published }) => protocol === 'tcp' && published !== undefined)
  return {
    http: Array.isArray(policy?.routes) || tcp.some(({ app_protocol }) => isHttp(app_protocol)),
    tcp: tcp.some(({ app_protocol }) => !isHttp(app_protocol)),
  }
}
