/** What happens in one simulation, as data: requests, faults and what people do by hand, in order. */
import type { UpOptions } from '../../protocol/resources/stack.ts'
import { CALL_FAULTS, type CallFault } from './faults.ts'
import { changedModel, dropService, mendNeeds, randomModel, type SimulatedModel } from './models.ts'
import { Random } from './random.ts'

export type RequestStep =
  | { do: 'up'; stack: string; model: SimulatedModel; options: Partial<UpOptions> }
  | { do: 'down'; stack: string; services: string[]; volumes: 'keep' | 'remove'; timeoutSeconds?: number }
  | { do: 'start' | 'stop' | 'restart'; stack: string; services: string[]; dependencies: 'include' | 'ignore' }
  | { do: 'scale'; stack: string; scale: Record<string, number> }
  | { do: 'kill'; stack: string; services: string[]; signal: 'SIGKILL' | 'SIGTERM' | 'SIGHUP' }
  | { do: 'pause' | 'unpause'; stack: string; services: string[] }
  /** Of what does not run when it is asked for. */
  | { do: 'remove'; stack: string; services: string[]; containers?: readonly string[] }
  /** A project that Compose started before, held against this model. */
  | { do: 'adopt'; stack: string; model: SimulatedModel; there?: Readonly<Record<string, number>> }
  /** A one-off container of a service, which ends after so long. */
  | { do: 'run'; stack: string; service: string; model: SimulatedModel; forMs: number; after: 'keep' | 'remove' }

export type HandAction =
  | 'remove'
  | 'stop'
  | 'kill'
  | 'crash'
  | 'rename'
  | 'pause'
  | 'start'
  | 'remove-network'
  | 'lose-volume'

export type Step =
  | RequestStep
  | { do: 'wait'; ms: number }
  | { do: 'fault'; fault: CallFault; on: 'look' | 'change'; after: number }
  | { do: 'crash' }
  | { do: 'crash-at-write'; after: number }
  | { do: 'events'; how: 'lose' | 'repeat' | 'late' | 'break'; count: number }
  | { do: 'engine-restart'; downMs: number }
  | { do: 'hand'; what: HandAction; stack: string; pick: number }
  /** Without a stack: the whole daemon. */
  | { do: 'hold' | 'resume'; stack?: string }
  /** What the Engine cannot do for a time: delete the files of containers, give another network addresses. */
  | { do: 'trouble'; what: 'removals-stick' | 'pools-are-out'; forMs: number }
  | { do: 'clock'; ms: number }
  | { do: 'retag' }
  | { do: 'foreign'; what: 'take-port' | 'free-port' | 'attach' | 'detach' | 'take-name' | 'free-name' }

export interface Schedule {
  readonly seed: number
  readonly apiVersion: string
  readonly stacks: readonly string[]
  /** Nothing is made to fail: whatever is asked for must be had. */
  readonly calm?: true
  /** What Docker Compose has started before all else. */
  readonly composed?: SimulatedModel
  readonly steps: readonly Step[]
}

const REQUESTS: Readonly<Record<RequestStep['do'], true>> = {
  up: true,
  down: true,
  start: true,
  stop: true,
  restart: true,
  scale: true,
  kill: true,
  pause: true,
  unpause: true,
  remove: true,
  adopt: true,
  run: true,
}

export const isRequest = (step: Step): step is RequestStep => step.do in REQUESTS

/** The stack that Compose started. */
export const COMPOSED = 'proj'

const WEIGHTS = {
  up: 7,
  down: 1.6,
  stop: 1.2,
  start: 1.1,
  restart: 1.2,
  scale: 1,
  kill: 0.9,
  pause: 0.5,
  unpause: 0.5,
  remove: 0.5,
  run: 0.7,
  hold: 0.35,
  resume: 0.5,
  trouble: 0.3,
  wait: 6,
  fault: 6,
  crash: 0.8,
  'crash-at-write': 1.3,
  events: 1,
  'engine-restart': 0.8,
  hand: 3,
  clock: 0.4,
  retag: 0.4,
  foreign: 0.5,
}

/** Where nothing is made to fail. */
const CALM_WEIGHTS = { up: 6, stop: 1, start: 1, restart: 1.5, scale: 1.5, kill: 1, pause: 0.5, unpause: 0.7, wait: 4 }

export function randomSchedule(seed: number): Schedule {
  const random = new Random(seed)
  const apiVersion = random.chance(0.25) ? '1.41' : '1.51'
  if (random.chance(0.08)) return calmSchedule(seed, random, apiVersion)
  const stacks = random.chance(0.15) ? ['shop', 'blog'] : ['shop']
  const models = new Map<string, SimulatedModel>()
  const steps: Step[] = []
  const count = random.pick([3, 4, 5, 6, 7, 8, 9, 11, 13])
  const composed = random.chance(0.1) ? randomModel(random, COMPOSED) : undefined
  if (composed !== undefined) {
    stacks.push(COMPOSED)
    const model = random.chance(0.3) ? withoutFlavours(changedModel(random, COMPOSED, composed)) : composed
    models.set(COMPOSED, model)
    if (random.chance(0.3)) steps.push(randomStep(random, 'fault', stacks, models))
    steps.push({ do: 'adopt', stack: COMPOSED, model })
  }
  // Most begin with a stack that is up, for most of what can go wrong goes wrong then.
  if (random.chance(0.3)) steps.push(randomStep(random, 'fault', stacks, models))
  steps.push(randomStep(random, 'up', stacks, models))
  if (random.chance(0.6)) steps.push({ do: 'wait', ms: random.pick([500, 3000, 10_000]) })
  while (steps.length < count) steps.push(randomStep(random, random.weighted(WEIGHTS), stacks, models))
  return { seed, apiVersion, stacks, steps, ...(composed === undefined ? {} : { composed }) }
}

function calmSchedule(seed: number, random: Random, apiVersion: string): Schedule {
  const models = new Map<string, SimulatedModel>()
  const steps: Step[] = [randomStep(random, 'up', ['shop'], models)]
  const count = random.int(3, 8)
  while (steps.length < count) steps.push(randomStep(random, random.weighted(CALM_WEIGHTS), ['shop'], models))
  for (const step of steps) if (step.do === 'up') calmDown(step)
  return { seed, apiVersion, stacks: ['shop'], steps, calm: true }
}

/** Programs that do well, images that are there, and as much time as it takes. */
function calmDown({ model, options }: Extract<Step, { do: 'up' }>): void {
  delete options.waitTimeoutSeconds
  delete model.volumeFlavour
  for (const service of Object.values(model.services)) {
    delete service.exit
    if (service.health === 'never') service.health = 100
    if (service.image !== 'app:2' && service.image !== 'app:data') delete service.image
  }
  mendNeeds(model)
}

/** What Compose made is taken as it is: its networks and volumes do not say what they were made from. */
function withoutFlavours(model: SimulatedModel): SimulatedModel {
  delete model.networkFlavour
  delete model.volumeFlavour
  return model
}

function randomStep(
  random: Random,
  kind: keyof typeof WEIGHTS,
  stacks: readonly string[],
  models: Map<string, SimulatedModel>,
): Step {
  const stack = random.pick(stacks)
  const model = models.get(stack)
  switch (kind) {
    case 'up':
      return randomUp(random, stack, models)
    case 'down':
      return {
        do: 'down',
        stack,
        services: model !== undefined && random.chance(0.25) ? someServices(random, model) : [],
        volumes: random.chance(0.3) ? 'remove' : 'keep',
        ...(random.chance(0.3) ? { timeoutSeconds: 0 } : {}),
      }
    case 'stop':
    case 'start':
    case 'restart':
      return {
        do: kind,
        stack,
        services: model !== undefined && random.chance(0.6) ? someServices(random, model) : [],
        dependencies: random.chance(0.3) ? 'include' : 'ignore',
      }
    case 'scale':
      return { do: 'scale', stack, scale: randomScale(random, model) }
    case 'kill':
      return {
        do: 'kill',
        stack,
        services: model !== undefined && random.chance(0.5) ? someServices(random, model) : [],
        signal: random.pick(['SIGKILL', 'SIGKILL', 'SIGTERM', 'SIGHUP']),
      }
    case 'pause':
    case 'unpause':
    case 'remove':
      return {
        do: kind,
        stack,
        services: model !== undefined && random.chance(0.5) ? someServices(random, model) : [],
      }
    case 'run':
      if (model === undefined) return randomUp(random, stack, models)
      return {
        do: 'run',
        stack,
        service: random.pick(Object.keys(model.services)),
        model,
        forMs: random.pick([20, 500, 8000]),
        after: random.pick(['keep', 'remove', 'remove']),
      }
    case 'hold':
    case 'resume':
      return random.chance(0.75) ? { do: kind, stack } : { do: kind }
    case 'trouble':
      return {
        do: 'trouble',
        what: random.pick(['removals-stick', 'pools-are-out']),
        forMs: random.pick([300, 5000, 60_000]),
      }
    case 'wait':
      return { do: 'wait', ms: random.pick([5, 30, 100, 300, 1000, 3000, 12_000, 70_000]) }
    case 'fault': {
      const on = random.chance(0.8) ? 'change' : 'look'
      return { do: 'fault', fault: random.pick(CALL_FAULTS), on, after: random.int(0, on === 'change' ? 9 : 18) }
    }
    case 'crash':
      return { do: 'crash' }
    case 'crash-at-write':
      return { do: 'crash-at-write', after: random.int(0, 40) }
    case 'events':
      return { do: 'events', how: random.pick(['lose', 'repeat', 'late', 'break']), count: random.int(1, 12) }
    case 'engine-restart':
      return { do: 'engine-restart', downMs: random.pick([10, 500, 5000, 40_000]) }
    case 'hand':
      return { do: 'hand', what: randomHand(random), stack, pick: random.int(0, 20) }
    case 'clock':
      return { do: 'clock', ms: random.pick([-3_600_000, 3_600_000, -2000, 86_400_000]) }
    case 'retag':
      return { do: 'retag' }
    case 'foreign':
      return {
        do: 'foreign',
        what: random.pick(['take-port', 'free-port', 'attach', 'detach', 'take-name', 'free-name']),
      }
  }
}

const randomHand = (random: Random): HandAction =>
  random.weighted({
    remove: 4,
    stop: 3,
    kill: 2,
    crash: 2,
    rename: 2,
    pause: 2,
    start: 1,
    'remove-network': 1,
    'lose-volume': 0.4,
  })

function randomUp(random: Random, stack: string, models: Map<string, SimulatedModel>): Step {
  const before = models.get(stack)
  const options: Partial<UpOptions> = {}
  let model = before
  if (model === undefined) model = randomModel(random, stack)
  else if (random.chance(0.65)) model = changedModel(random, stack, model)
  if (stack === COMPOSED) withoutFlavours(model)
  if (before !== undefined && random.chance(0.25)) {
    options.services = someServices(random, model)
    if (random.chance(0.3)) options.dependencies = 'ignore'
  }
  if (random.chance(0.15)) options.recreate = random.pick(['force', 'force-all', 'never'])
  if (random.chance(0.08)) options.start = 'create-only'
  if (random.chance(0.12)) options.wait = 'ready'
  if (options.wait !== undefined && random.chance(0.3)) options.waitTimeoutSeconds = random.pick([1, 5])
  if (random.chance(0.1)) options.scale = randomScale(random, model)
  if (random.chance(0.1)) options.timeoutSeconds = random.pick([0, 1])
  if (random.chance(0.05)) options.anonymousVolumes = 'renew'
  models.set(stack, model)
  if (random.chance(0.03)) {
    model = structuredClone(model)
    Object.values(model.services)[0]!.image = random.pick(['nowhere:1', 'remote:1'])
  }
  return { do: 'up', stack, model, options }
}

function someServices(random: Random, model: SimulatedModel): string[] {
  const names = Object.keys(model.services)
  const some = random.some(names, 0.4)
  return some.length === 0 ? [random.pick(names)] : some
}

function randomScale(random: Random, model: SimulatedModel | undefined): Record<string, number> {
  const names = Object.entries(model?.services ?? { a: { version: 1 } })
  const [name, service] = random.pick(names)
  const isSingle = service.port !== undefined || service.fixedName !== undefined
  return { [name]: random.int(0, isSingle ? 1 : 3) }
}

/** Smaller schedules that may fail alike: without a step, or with less in a step. */
export function* smaller(schedule: Schedule): Generator<Schedule> {
  for (const candidate of candidates(schedule)) {
    for (const step of candidate.steps) if ('model' in step) mendNeeds(step.model)
    yield candidate
  }
}

function* candidates(schedule: Schedule): Generator<Schedule> {
  const { steps } = schedule
  for (let size = Math.max(1, steps.length >> 1); size >= 1; size >>= 1) {
    for (let from = 0; from < steps.length; from += size)
      yield { ...schedule, steps: [...steps.slice(0, from), ...steps.slice(from + size)] }
  }
  const names = new Set(steps.flatMap((step) => ('model' in step ? Object.keys(step.model.services) : [])))
  for (const name of names) {
    const without = steps.map((step) => withoutService(step, name))
    if (without.every((step) => step !== undefined)) yield { ...schedule, steps: without as Step[] }
  }
  for (const [index, step] of steps.entries()) {
    for (const simpler of simplerSteps(step))
      yield { ...schedule, steps: steps.map((other, at) => (at === index ? simpler : other)) }
  }
}

function withoutService(step: Step, name: string): Step | undefined {
  if (step.do === 'up') {
    const model = structuredClone(step.model)
    dropService(model, name)
    if (Object.keys(model.services).length === 0) return undefined
    const services = step.options.services?.filter((other) => other !== name)
    if (services?.length === 0) return undefined
    const { [name]: _, ...scale } = step.options.scale ?? {}
    return { ...step, model, options: { ...step.options, ...(services && { services }), scale } }
  }
  if (step.do === 'run' || step.do === 'adopt') {
    if (step.do === 'run' && step.service === name) return undefined
    const model = structuredClone(step.model)
    dropService(model, name)
    return Object.keys(model.services).length === 0 ? undefined : { ...step, model }
  }
  if ('services' in step && step.services.includes(name)) {
    const services = step.services.filter((other) => other !== name)
    return services.length === 0 ? undefined : { ...step, services }
  }
  return step.do === 'scale' && step.scale[name] !== undefined ? undefined : step
}

function* simplerSteps(step: Step): Generator<Step> {
  if (step.do !== 'up') return
  for (const key of Object.keys(step.options)) {
    const { [key as keyof UpOptions]: _, ...options } = step.options
    yield { ...step, options }
  }
  for (const [name, service] of Object.entries(step.model.services)) {
    for (const key of Object.keys(service)) {
      if (key === 'version') continue
      const model = structuredClone(step.model)
      delete (model.services[name] as unknown as Record<string, unknown>)[key]
      yield { ...step, model }
    }
  }
}
