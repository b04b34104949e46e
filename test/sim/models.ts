/** Small stacks by chance, as plain data that can be printed and shrunk, and the canonical models that they stand for. */
import type { DependencyCondition, Model, Service } from '../../protocol/stackfile/model.ts'
import type { Random } from './random.ts'

export interface SimulatedNeed {
  condition: DependencyCondition
  required?: false
  restart?: true
}

export interface SimulatedService {
  /** Stands in its environment: a change of it needs a new container. */
  version: number
  image?: string
  replicas?: number
  restart?: string
  needs?: Record<string, SimulatedNeed>
  /** Milliseconds until it is healthy, or never. Undefined: it has no health check. */
  health?: number | 'never'
  exit?: { code: number; afterMs: number }
  volume?: true
  externalVolume?: true
  anonymous?: true
  back?: true
  externalNetwork?: true
  port?: number
  hook?: true
  fixedName?: true
  stopMs?: number
  stopCode?: number
  /** It is followed when it is replaced. What fails of it is put up with, for nothing here says what a stack goes back to. */
  rollout?: { order: 'start-first' | 'stop-first'; parallelism: number }
}

export interface SimulatedModel {
  services: Record<string, SimulatedService>
  /** A change of it needs a new network. */
  networkFlavour?: number
  /** A change of it can only be had by dropping data. */
  volumeFlavour?: number
}

export const SERVICES = ['a', 'b', 'c', 'd', 'e'] as const
export const EXTERNAL_VOLUME = 'ext-data'
export const EXTERNAL_NETWORK = 'ext-net'

export function randomModel(random: Random, stack: string): SimulatedModel {
  const count = random.pick([1, 1, 2, 2, 3, 3, 4, 5])
  const services: Record<string, SimulatedService> = {}
  for (const name of SERVICES.slice(0, count)) services[name] = randomService(random, services)
  givePorts(random, stack, services)
  return { services }
}

function randomService(random: Random, earlier: Readonly<Record<string, SimulatedService>>): SimulatedService {
  const restart = random.pick([undefined, 'no', 'always', 'unless-stopped', 'always', 'on-failure', 'on-failure:3'])
  const service: SimulatedService = { version: 1 }
  if (restart !== undefined) service.restart = restart
  if (random.chance(0.25)) service.replicas = random.pick([0, 2, 2, 3])
  if (random.chance(0.2)) service.image = random.pick(['app:2', 'app:data'])
  if (random.chance(0.35)) service.health = random.chance(0.07) ? 'never' : random.pick([0, 100, 400, 2000])
  if (random.chance(0.12)) {
    service.exit = { code: random.chance(0.2) ? 1 : 0, afterMs: random.pick([20, 300, 1500]) }
    delete service.health
    if (random.chance(0.8)) {
      service.restart = random.pick(['no', 'no', 'on-failure'])
      if (service.exit.code !== 0) service.restart = 'no'
    }
  }
  if (random.chance(0.3)) service.volume = true
  if (random.chance(0.05)) service.externalVolume = true
  if (random.chance(0.12)) service.anonymous = true
  if (random.chance(0.2)) service.back = true
  if (random.chance(0.05)) service.externalNetwork = true
  if (random.chance(0.06)) service.hook = true
  if (random.chance(0.2)) service.stopMs = random.pick([0, 300, 2500, 20_000])
  if (random.chance(0.3)) service.stopCode = 143
  if (random.chance(0.06)) {
    service.fixedName = true
    delete service.replicas
  }
  if (random.chance(0.3))
    service.rollout = {
      order: random.pick(['start-first', 'start-first', 'stop-first']),
      parallelism: random.pick([0, 1, 1, 2]),
    }
  const needs = randomNeeds(random, earlier)
  if (Object.keys(needs).length > 0) service.needs = needs
  return service
}

function randomNeeds(
  random: Random,
  earlier: Readonly<Record<string, SimulatedService>>,
): Record<string, SimulatedNeed> {
  const needs: Record<string, SimulatedNeed> = {}
  for (const [name, other] of Object.entries(earlier)) {
    if (!random.chance(0.4)) continue
    const isJob = endsForGood(other)
    const condition: DependencyCondition =
      isJob && random.chance(0.8)
        ? 'service_completed_successfully'
        : other.health !== undefined && random.chance(0.75)
          ? 'service_healthy'
          : 'service_started'
    needs[name] = { condition }
    if (random.chance(0.08)) needs[name]!.required = false
    if (random.chance(0.15)) needs[name]!.restart = true
  }
  return needs
}

/** What fails and is started again for ever never ends, and who waits for its end waits for ever. */
export function endsForGood({ exit, restart }: SimulatedService): boolean {
  if (exit === undefined) return false
  return restart === undefined || restart === 'no' || (restart === 'on-failure' && exit.code === 0)
}

function givePorts(random: Random, stack: string, services: Record<string, SimulatedService>): void {
  const free = stack === 'shop' ? [8080, 8081, 9000] : [7070, 7071]
  for (const service of Object.values(services)) {
    if ((service.replicas ?? 1) !== 1 || free.length === 0 || !random.chance(0.2)) continue
    const [port] = free.splice(random.int(0, free.length - 1), 1)
    service.port = port!
  }
}

/** The next state of somebody's file. */
export function changedModel(random: Random, stack: string, before: SimulatedModel): SimulatedModel {
  const model: SimulatedModel = structuredClone(before)
  const names = Object.keys(model.services)
  const name = random.pick(names)
  const service = model.services[name]!
  const how = random.weighted({
    version: 8,
    image: 2,
    scale: 3,
    drop: 2,
    add: 3,
    restart: 1,
    network: 1,
    volume: 0.4,
    fresh: 2,
  })
  switch (how) {
    case 'version':
      for (const one of random.chance(0.3) ? Object.values(model.services) : [service]) one.version += 1
      break
    case 'image':
      service.image = service.image === 'app:2' ? 'app:1' : 'app:2'
      break
    case 'scale':
      if (service.port === undefined && service.fixedName === undefined) service.replicas = random.int(0, 3)
      break
    case 'drop':
      if (names.length > 1) dropService(model, name)
      break
    case 'add': {
      const missing = SERVICES.find((candidate) => model.services[candidate] === undefined)
      if (missing !== undefined) {
        const earlier = Object.fromEntries(Object.entries(model.services).filter(([other]) => other < missing))
        model.services[missing] = randomService(random, earlier)
      }
      break
    }
    case 'restart':
      service.restart = random.pick(['no', 'always', 'unless-stopped'])
      break
    case 'network':
      model.networkFlavour = (model.networkFlavour ?? 0) + 1
      break
    case 'volume':
      model.volumeFlavour = (model.volumeFlavour ?? 0) + 1
      break
    case 'fresh':
      return { ...randomModel(random, stack), ...flavours(before) }
  }
  mendNeeds(model)
  return model
}

/** Nobody can wait for the end of what never ends, or for a health that is never checked. */
export function mendNeeds(model: SimulatedModel): void {
  for (const { needs } of Object.values(model.services)) {
    for (const [name, need] of Object.entries(needs ?? {})) {
      const other = model.services[name]
      const isJob = other !== undefined && endsForGood(other)
      const isMet =
        need.condition === 'service_healthy'
          ? other?.health !== undefined
          : need.condition === 'service_started' || isJob
      if (!isMet) need.condition = 'service_started'
    }
  }
}

function flavours({ networkFlavour, volumeFlavour }: SimulatedModel): Partial<SimulatedModel> {
  return {
    ...(networkFlavour === undefined ? {} : { networkFlavour }),
    ...(volumeFlavour === undefined ? {} : { volumeFlavour }),
  }
}

export function dropService(model: SimulatedModel, name: string): void {
  delete model.services[name]
  for (const service of Object.values(model.services)) {
    if (service.needs?.[name] === undefined) continue
    delete service.needs[name]
    if (Object.keys(service.needs).length === 0) delete service.needs
  }
}

export const networkNames = (stack: string, service: SimulatedService): string[] => [
  `${stack}_default`,
  ...(service.back ? [`${stack}_back`] : []),
  ...(service.externalNetwork ? [EXTERNAL_NETWORK] : []),
]

/** As `docker compose config --format json` would have it. */
export function modelOf(stack: string, simulated: SimulatedModel): Model {
  const services = Object.entries(simulated.services)
  const has = (key: keyof SimulatedService) => services.some(([, service]) => service[key] !== undefined)
  const labels = (flavour: number | undefined) =>
    flavour === undefined ? {} : { labels: { flavour: String(flavour) } }
  return {
    name: stack,
    services: Object.fromEntries(
      services.map(([name, service]) => [name, serviceOf(stack, name, service, has('rollout'))]),
    ),
    networks: {
      default: { name: `${stack}_default`, ...labels(simulated.networkFlavour) },
      ...(has('back') ? { back: { name: `${stack}_back` } } : {}),
      ...(has('externalNetwork') ? { ext: { name: EXTERNAL_NETWORK, external: true } } : {}),
    },
    volumes: {
      ...(has('volume') ? { data: { name: `${stack}_data`, ...labels(simulated.volumeFlavour) } } : {}),
      ...(has('externalVolume') ? { ext: { name: EXTERNAL_VOLUME, external: true } } : {}),
    },
  }
}

function deployOf({ replicas, rollout }: SimulatedService, isFollowed: boolean): Pick<Service, 'deploy'> {
  if (replicas === undefined && !isFollowed) return {}
  return {
    deploy: {
      ...(replicas === undefined ? {} : { replicas }),
      ...(isFollowed ? { update_config: { ...rollout, failure_action: 'continue' } } : {}),
    },
  }
}

function serviceOf(stack: string, name: string, service: SimulatedService, isFollowed: boolean): Service {
  const { exit, health, needs } = service
  const volumes: NonNullable<Service['volumes']> = [
    ...(service.volume ? [{ type: 'volume' as const, source: 'data', target: '/data' }] : []),
    ...(service.externalVolume ? [{ type: 'volume' as const, source: 'ext', target: '/ext' }] : []),
    ...(service.anonymous ? [{ type: 'volume' as const, target: '/cache' }] : []),
  ]
  return {
    image: service.image ?? 'app:1',
    environment: {
      VERSION: String(service.version),
      ...(exit === undefined ? {} : { SIM_EXIT: `${exit.code}:${exit.afterMs}` }),
      ...(health === undefined ? {} : { SIM_HEALTH: String(health) }),
      ...(service.stopMs === undefined ? {} : { SIM_STOP: String(service.stopMs) }),
      ...(service.stopCode === undefined ? {} : { SIM_STOP_CODE: String(service.stopCode) }),
    },
    networks: {
      default: null,
      ...(service.back ? { back: null } : {}),
      ...(service.externalNetwork ? { ext: null } : {}),
    },
    ...(volumes.length === 0 ? {} : { volumes }),
    ...(service.port === undefined
      ? {}
      : { ports: [{ mode: 'ingress', target: 80, published: String(service.port), protocol: 'tcp' }] }),
    ...(health === undefined ? {} : { healthcheck: { test: ['CMD', 'true'], interval: '1s', retries: 3 } }),
    ...(service.restart === undefined ? {} : { restart: service.restart }),
    ...deployOf(service, isFollowed),
    ...(service.fixedName ? { container_name: `${stack}-fixed-${name}` } : {}),
    ...(service.hook ? { post_start: [{ command: ['true'] }], pre_stop: [{ command: ['true'] }] } : {}),
    ...(needs === undefined
      ? {}
      : {
          depends_on: Object.fromEntries(
            Object.entries(needs).map(([other, need]) => [
              other,
              {
                condition: need.condition,
                required: need.required ?? true,
                ...(need.restart ? { restart: true } : {}),
              },
            ]),
          ),
        }),
  }
}
