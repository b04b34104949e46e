/** Puts a stack's desired state together: what the store keeps, and what its revisions' models say. */
import { Problem } from '../../protocol/problems.ts'
import type { ImagePin } from '../../protocol/resources/revision.ts'
import type { Model, Network, Service } from '../../protocol/stackfile/model.ts'
import { isAtomic, isReleased } from '../../protocol/stackfile/release-policy.ts'
import {
  type DesiredNetwork,
  type DesiredService,
  type DesiredStack,
  type DesiredVolume,
  declaredReplicas,
  type ServiceState,
} from '../stack/desired.ts'
import { networkSpecHash, serviceSpecHash, volumeSpecHash } from '../stack/mapping/spec-hash.ts'
import { probesOf } from '../stack/probe.ts'
import { releaseNetwork } from '../stack/release.ts'
import type { IngressReach } from '../stack/replacement-order.ts'
import { rolloutsOf } from '../stack/rollout.ts'
import { routingOf } from '../stack/routing.ts'
import { stepsOf } from '../stack/steps.ts'
import { SUFFIX, triedReplicas } from '../stack/trial.ts'
import type { RevisionRow } from '../store/revisions.ts'
import type { StackRow } from '../store/stacks.ts'
import type { Store } from '../store/store.ts'
import type { TrialRow } from '../store/trials.ts'
import { asNow } from './apply-trial.ts'

export class DesiredReader {
  readonly #store: Store
  /** Spec hashes by revision, service and image: a revision never changes, so neither do they. */
  readonly #hashes = new Map<string, string>()
  /** What follows from a model alone, for as long as the model is held: a stack is looked at again and again. */
  readonly #declared = new WeakMap<Service, Declared>()
  readonly #objects = new WeakMap<Model, ModelObjects>()

  readonly #reach: IngressReach

  constructor(store: Store, reach: IngressReach = { kind: 'none', why: 'there is no ingress here' }) {
    this.#store = store
    this.#reach = reach
  }

  /** Undefined where the stack is not known at all. */
  read(stack: string): DesiredStack | undefined {
    const row = this.#store.stacks.find(stack)
    if (row === undefined) return undefined
    const revision = (number: number) => this.#store.revisions.find(stack, number)
    const desired = this.compose(row, this.#store.stacks.services(stack), revision)
    const trial = this.#store.trials.find(stack)
    return trial === undefined ? desired : this.withTrial(desired, trial, revision)
  }

  /** The same for a state that is not stored (a preview): the caller says what a revision is. */
  compose(
    row: StackRow,
    states: readonly ServiceState[],
    revision: (number: number) => RevisionRow | undefined,
    pins: (number: number) => readonly ImagePin[] = (number) => this.#store.revisions.pins(row.name, number),
  ): DesiredStack {
    const services: Record<string, DesiredService> = {}
    const models = new Map<number, Model>()
    const pinsByRevision = new Map<number, readonly ImagePin[]>()
    for (const state of states) {
      const of = revision(state.revision)
      const spec = of?.model.services[state.service]
      if (of === undefined && row.presence === 'present') throw definitionLost(row.name, state.revision)
      if (of === undefined || spec === undefined) continue
      models.set(of.number, of.model)
      if (!pinsByRevision.has(of.number)) pinsByRevision.set(of.number, pins(of.number))
      const pin = pinsByRevision.get(of.number)!.find((candidate) => candidate.service === state.service)
      services[state.service] = this.#service(row.name, state, of, spec, pin)
    }
    const current = revision(row.revision)
    if (current !== undefined) models.set(current.number, current.model)
    const { networks, volumes } = this.#objectsOf(models, row.revision)
    return {
      stack: row.name,
      instance: this.#store.instance,
      presence: row.presence,
      revision: row.revision,
      services,
      disabled: row.disabled,
      networks: [...networks, ...releaseNetworksOf(Object.values(services), models)],
      volumes,
    }
  }

  /** The same with a revision on trial beside it. */
  withTrial(
    desired: DesiredStack,
    { strategy, revision: number, share, keepMs, services: names, promoted }: Omit<TrialRow, 'stack'>,
    revision: (number: number) => RevisionRow | undefined,
    pins: (number: number) => readonly ImagePin[] = (n) => this.#store.revisions.pins(desired.stack, n),
  ): DesiredStack {
    const of = revision(number)
    if (of === undefined || desired.presence === 'absent') return desired
    const services = names.flatMap((name): [string, DesiredService][] => {
      const [serving, state] = [desired.services[name], promoted.services.find(({ service }) => service === name)]
      const spec = of.model.services[name]
      if (serving === undefined || state === undefined || spec === undefined) return []
      const pin = pins(number).find(({ service }) => service === name)
      const tried = this.#service(desired.stack, asNow(state, [serving]), of, spec, pin)
      const replicas = triedReplicas(strategy, share, serving.replicas, tried.replicas)
      return [[name, { ...tried, replicas, routing: serving.routing, suffix: SUFFIX[strategy] }]]
    })
    const revisions = new Set(Object.values(desired.services).map((service) => service.revision))
    const models = [...revisions, desired.revision, number].flatMap((n): [number, Model][] => {
      const model = revision(n)?.model
      return model === undefined ? [] : [[n, model]]
    })
    return {
      ...desired,
      ...this.#objectsOf(new Map(models), desired.revision),
      trial: { strategy, revision: number, share, keepMs, services: Object.fromEntries(services) },
    }
  }

  #service(
    stack: string,
    state: ServiceState,
    revision: RevisionRow,
    spec: Service,
    pin: ImagePin | undefined,
  ): DesiredService {
    const { model } = revision
    const declared = remembered(this.#declared, spec, () => declaredBy(model, state.service, this.#reach))
    return {
      ...state,
      ...declared,
      networks: declared.networks.map((name) =>
        declared.releaseNetworks?.includes(name) ? releaseNetwork(name, state.release) : name,
      ),
      replicas: spec.provider === undefined ? (state.scale ?? declaredReplicas(model, state.service)) : 0,
      image: { reference: imageReference(model.name, state.service, spec), id: pin?.imageId },
      specHash: pin === undefined ? undefined : this.#hash(stack, revision, state.service, pin.imageId),
    }
  }

  /**
   * Of several revisions the one's word counts that was asked for last. Its number need not be the highest: while it waited,
   * the request before it may have made a further one for images that had moved.
   */
  #objectsOf(models: ReadonlyMap<number, Model>, current: number): Pick<DesiredStack, 'networks' | 'volumes'> {
    const networks = new Map<string, DesiredNetwork>()
    const volumes = new Map<string, DesiredVolume>()
    const rank = (number: number) => (number === current ? Number.POSITIVE_INFINITY : number)
    for (const [, model] of [...models].sort(([a], [b]) => rank(a) - rank(b))) {
      const objects = remembered(this.#objects, model, () => objectsOf(model))
      for (const network of objects.networks) networks.set(network.name, network)
      for (const volume of objects.volumes) volumes.set(volume.name, volume)
    }
    return { networks: [...networks.values()], volumes: [...volumes.values()] }
  }

  #hash(stack: string, revision: RevisionRow, service: string, imageId: string): string {
    const key = `${stack} ${revision.number} ${service} ${imageId} ${revision.digest}`
    const known = this.#hashes.get(key)
    if (known !== undefined) return known
    const fileDigests = Object.fromEntries(revision.files.map((file) => [`${file.kind}:${file.name}`, file.digest]))
    const ingressPorts = routingOf(revision.model, service, this.#reach)?.ports.map(({ port }) => port)
    const hash = serviceSpecHash({ model: revision.model, service, imageId, fileDigests, ingressPorts })
    if (this.#hashes.size >= HASHES_LIMIT) this.#hashes.delete(this.#hashes.keys().next().value!)
    this.#hashes.set(key, hash)
    return hash
  }
}

/** After a rebuild: what its containers look like is known, what they are meant to be is not. */
export const definitionLost = (stack: string, revision: number): Problem =>
  new Problem('stack-blocked', `the definition of stack ${stack} (revision ${revision}) was lost with the state`, {
    hint: 'nothing of it is touched. Bring all of it up once from its file: evenkeel up. Containers that are as the file says stay as they are',
  })

const HASHES_LIMIT = 10_000

/** Compose's name for what is built without a name of its own. */
export function imageReference(stack: string, service: string, spec: Service): string {
  return spec.image ?? `${stack}-${service}`
}

function remembered<K extends object, V>(known: WeakMap<K, V>, key: K, make: () => V): V {
  const value = known.get(key) ?? make()
  known.set(key, value)
  return value
}

type Declared = Omit<DesiredService, keyof ServiceState | 'replicas' | 'image' | 'specHash'>

function declaredBy(model: Model, service: string, reach: IngressReach): Declared {
  const spec = model.services[service]!
  const routing = routingOf(model, service, reach)
  return {
    routing,
    steps: stepsOf(spec),
    probes: probesOf(spec),
    rollouts: rolloutsOf(model, service, routing, reach),
    containerName: spec.container_name,
    dependsOn: spec.depends_on ?? {},
    networks: networksOf(model, spec),
    releaseNetworks: Object.keys(spec.networks ?? {}).flatMap((key) => {
      const network = model.networks?.[key]
      return network === undefined || network === null || network.external === true ? [] : [network.name]
    }),
    releasing: !isAtomic(model) ? undefined : isReleased(model, service) ? 'atomic' : 'shared',
    volumes: volumesOf(model, spec),
    restartPolicy: restartPolicyOf(spec),
    sharesWith: sharesWithOf(spec),
    hostPorts: hostPortsOf(spec),
    healthcheck: spec.healthcheck === undefined ? 'image' : spec.healthcheck.disable === true ? 'absent' : 'present',
    healing: { unhealthy: spec['x-evenkeel']?.unhealthy, halted: spec['x-evenkeel']?.halted ?? 'once' },
  }
}

/** What releases have in the place of networks of the file, as the file of their services has those. */
function releaseNetworksOf(
  services: readonly DesiredService[],
  models: ReadonlyMap<number, Model>,
): readonly DesiredNetwork[] {
  const found = new Map<string, DesiredNetwork>()
  for (const { release, revision, releaseNetworks = [] } of services) {
    const model = models.get(revision)
    if (release === undefined || model === undefined) continue
    for (const network of objectsOf(model).networks)
      if (releaseNetworks.includes(network.name)) {
        const name = releaseNetwork(network.name, release)
        found.set(name, { ...network, name, release, spare: false })
      }
  }
  return [...found.values()]
}

interface ModelObjects {
  readonly networks: readonly DesiredNetwork[]
  readonly volumes: readonly DesiredVolume[]
}

/** The client leaves out what no service uses, unless it was told to leave nothing out. */
function objectsOf(model: Model): ModelObjects {
  const specs = Object.values(model.services)
  const usedNetworks = new Set(specs.flatMap((spec) => networksOf(model, spec)))
  const usedVolumes = new Set(specs.flatMap((spec) => volumesOf(model, spec)))
  const networks = Object.entries(model.networks ?? {}).map(([key, network]) => {
    const external = network?.external === true
    return {
      key,
      name: network.name,
      external,
      spare: !usedNetworks.has(network.name),
      specHash: external ? '' : networkSpecHash(network),
      onlyOnce: external ? undefined : onlyOnce(network),
      subnets: external ? undefined : subnetsOf(network),
    }
  })
  const volumes = Object.entries(model.volumes ?? {}).map(([key, volume]) => {
    const external = volume?.external === true
    const spare = !usedVolumes.has(volume.name)
    return { key, name: volume.name, external, spare, specHash: external ? '' : volumeSpecHash(volume) }
  })
  return { networks, volumes }
}

function onlyOnce({ driver = 'bridge', driver_opts, ipam }: Network): string | undefined {
  const subnet = ipam?.config?.find((pool) => pool.subnet !== undefined)?.subnet
  if (subnet !== undefined) return `it has the fixed subnet ${subnet}`
  if (driver !== '' && driver !== 'bridge') return `its driver is ${driver}`
  const bridge = driver_opts?.['com.docker.network.bridge.name']
  return bridge === undefined ? undefined : `its bridge has the fixed name ${bridge}`
}

/** Drivers whose networks take their addresses from the Engine's own pools. */
const LOCAL_DRIVERS = new Set(['', 'bridge', 'macvlan', 'ipvlan'])

function subnetsOf({ driver, ipam, enable_ipv4 }: Network): string[] | undefined {
  if (!LOCAL_DRIVERS.has(driver ?? '') || (ipam?.driver ?? 'default') !== 'default') return undefined
  const subnets = (ipam?.config ?? []).flatMap(({ subnet }) => (subnet === undefined ? [] : [subnet]))
  return subnets.length === 0 && enable_ipv4 === false ? undefined : subnets
}

function networksOf(model: Model, spec: Service): string[] {
  return Object.keys(spec.networks ?? {}).map((key) => model.networks?.[key]?.name ?? key)
}

/** Names of the named volumes that a service mounts. */
export function volumesOf(model: Model, spec: Service): string[] {
  return (spec.volumes ?? [])
    .filter((mount) => mount.type === 'volume' && mount.source !== undefined && mount.source !== '')
    .map((mount) => model.volumes?.[mount.source!]?.name ?? mount.source!)
}

/** `deploy.restart_policy` wins over `restart`, as in Compose's own mapping. */
function restartPolicyOf(spec: Service): string {
  const policy = spec.deploy?.restart_policy
  const condition = policy?.condition ?? 'none'
  if (policy !== undefined) return condition === 'any' ? 'always' : condition === 'none' ? 'no' : condition
  return (spec.restart ?? 'no').split(':')[0]!
}

function sharesWithOf(spec: Service): string[] {
  const namespaces = [spec.network_mode, spec.ipc, spec.pid].flatMap((mode) =>
    mode?.startsWith('service:') ? [mode.slice('service:'.length)] : [],
  )
  const volumes = (spec.volumes_from ?? []).flatMap((source) =>
    source.startsWith('container:') ? [] : [source.split(':')[0]!],
  )
  return [...new Set([...namespaces, ...volumes])]
}

function hostPortsOf(spec: Service): DesiredService['hostPorts'] {
  return (spec.ports ?? []).flatMap((port) =>
    port.published !== undefined && /^\d+$/.test(port.published) && Number(port.published) > 0
      ? [{ ip: port.host_ip ?? '', port: Number(port.published), protocol: port.protocol ?? 'tcp' }]
      : [],
  )
}
