/** What must hold once the world is quiet: the machine against the ledger, and the daemon's word against both. */
import { COMPOSE, OURS } from '../../daemon/stack/labels.ts'
import type { ExpectedService, ExpectedStack } from './ledger.ts'
import { EXTERNAL_VOLUME, endsForGood, networkNames, type SimulatedModel } from './models.ts'
import type { Step } from './schedule.ts'
import type { SimulatedContainer } from './simulated-objects.ts'
import { sqliteControl } from './sqlite.ts'
import type { World } from './world.ts'

export interface Verdict {
  /** What is not as declared, although nothing stands in the way. */
  readonly differences: readonly string[]
  /** What is not as declared for a lasting reason. */
  readonly excused: readonly string[]
  /** Lasting reasons. */
  readonly obstacles: readonly string[]
  /** Somebody waits for the end of what never ends, by the words of the file: no deployment comes to its end then. */
  readonly endless: boolean
  /** Programs that do not do well: the condition may say so. */
  readonly ailing: boolean
}

/** The loop looks so long after a container has started. */
const LOOK_MS = 1000

export function judge(world: World, stack: string): Verdict {
  return new Case(world, stack).verdict()
}

class Case {
  readonly #world: World
  readonly #stack: string
  readonly #expected: ExpectedStack
  readonly #ours: readonly SimulatedContainer[]
  readonly #differences: string[] = []
  readonly #excused: string[] = []
  readonly #obstacles: string[] = []
  /** Services that cannot be as declared: at all, as far as running goes, or as far as their definition goes. */
  readonly #hindered = new Map<string, 'all' | 'run' | 'spec'>()
  #blocked = false
  #endless = false

  constructor(world: World, stack: string) {
    this.#world = world
    this.#stack = stack
    this.#expected = world.ledger.expected(stack)
    // One-off containers are nobody's affair but of who asked for them.
    this.#ours = [...world.machine.containers.values()].filter(
      (container) =>
        container.labels[COMPOSE.project] === stack &&
        container.labels[COMPOSE.oneOff] !== 'True' &&
        world.isOurs(container),
    )
  }

  verdict(): Verdict {
    if (this.#expected.presence === 'present') {
      this.#findObstacles()
      for (const [name, service] of this.#expected.services) this.#checkService(name, service)
      this.#checkStrangers()
      this.#checkNetworks()
      this.#checkVolumes()
    } else this.#checkAbsence()
    return {
      differences: this.#differences,
      excused: this.#excused,
      obstacles: this.#obstacles,
      endless: this.#endless,
      ailing: this.#ours.some(
        ({ failingStreak, state, exitCode, program, lastExit }) =>
          failingStreak > 0 ||
          (state === 'exited' && lastExit === 'hand') ||
          state === 'restarting' ||
          (state === 'exited' && exitCode !== 0) ||
          (program.exit !== undefined && program.exit.code !== 0),
      ),
    }
  }

  #of(service: string): SimulatedContainer[] {
    return this.#ours.filter((container) => container.labels[COMPOSE.service] === service)
  }

  #differs(service: string | undefined, kind: 'there' | 'spec' | 'run', message: string): void {
    const hindered = service === undefined ? undefined : this.#hindered.get(service)
    const isExcused = this.#blocked || hindered === 'all' || hindered === kind
    if (isExcused) this.#excused.push(message)
    else this.#differences.push(message)
  }

  #findObstacles(): void {
    const { machine, guard } = this.#world
    const { services } = this.#expected
    const block = (message: string) => {
      this.#blocked = true
      this.#obstacles.push(message)
    }
    const usesVolume = [...services.values()].some(({ spec, run }) => run !== 'removed' && spec.volume)
    const data = machine.volumes.find(`${this.#stack}_data`)
    if (usesVolume && data === undefined && guard.handRemoved.has(`${this.#stack}_data`))
      block('its volume was taken away by hand')
    if (usesVolume && data !== undefined && data.labels[OURS.instance] === this.#world.instance) {
      const wanted = this.#modelWith('volume')?.volumeFlavour
      if (data.labels.flavour !== (wanted === undefined ? undefined : String(wanted)))
        block('the definition of its volume changed')
    }
    const network = machine.networks.find(`${this.#stack}_default`)
    if (network !== undefined && network.labels[OURS.instance] === this.#world.instance) {
      const foreign = machine.networks.usersOf(network).find((c) => this.#isStrange(c))
      const flavour = this.#expected.model?.networkFlavour
      if (foreign !== undefined && network.labels.flavour !== (flavour === undefined ? undefined : String(flavour)))
        block(`its network is to be made anew, and ${foreign.name} uses it`)
    }
    for (const [name, { spec }] of this.#expected.services) {
      for (const [need, { condition }] of Object.entries(spec.needs ?? {})) {
        if (condition !== 'service_completed_successfully' || !this.#isEndless(need)) continue
        this.#endless = true
        block(`${name} waits for the end of ${need}, which never ends`)
      }
    }
    for (const { name, health, program } of this.#ours) {
      // The loop makes it anew from time to time, or leaves it alone where it has data.
      if (health !== undefined && program.healthyAfterMs === 'never') this.#obstacles.push(`${name} never is healthy`)
    }
    for (const [name, service] of this.#inOrder()) this.#hinder(name, service)
    const flavour = this.#expected.model?.networkFlavour
    const isOld =
      network !== undefined && network.labels.flavour !== (flavour === undefined ? undefined : String(flavour))
    if (isOld && [...this.#hindered.values()].includes('all')) {
      // A network is made anew for all of its services or for none.
      for (const name of services.keys())
        if (!this.#hindered.has(name)) this.#set(name, 'spec', `${name} waits for its network`)
    }
  }

  /** By what its file says now, or by what an older container of it does. */
  #isEndless(name: string): boolean {
    const service = this.#expected.services.get(name)
    if (service === undefined || service.run !== 'running') return false
    return (
      !endsForGood(service.spec) ||
      this.#of(name).some(
        ({ program, policy }) =>
          program.exit === undefined ||
          policy.Name === 'always' ||
          policy.Name === 'unless-stopped' ||
          (policy.Name === 'on-failure' && program.exit.code !== 0),
      )
    )
  }

  #hinder(name: string, service: ExpectedService): void {
    const { spec, run, replicas } = service
    if (run === 'removed' || replicas === 0) return
    const there = this.#of(name)
    // Where it can write to no mount, or never ran, it is made anew.
    const stuck = there.find((one) => one.hasTaskLeft && one.startedBefore && one.mounts.length > 0)
    if (stuck !== undefined) this.#set(name, 'all', `${stuck.name} cannot be started any more`)
    const own = new Set(there.map((container) => container.id))
    for (const other of this.#world.machine.containers.values()) {
      if (own.has(other.id)) continue
      const holdsPort = other.state === 'running' || other.state === 'paused'
      if (spec.port !== undefined && holdsPort && other.ports.some((port) => port.hostPort === spec.port)) {
        if (!this.#isOfStack(other) || this.#mayHold(other, spec.port))
          this.#set(name, 'all', `port ${spec.port} of ${name} is held by ${other.name}`)
      }
      for (let replica = 1; replica <= replicas; replica += 1) {
        const foreign = !this.#world.isOurs(other)
        if (foreign && other.name === this.#name(name, service, replica))
          this.#set(name, 'all', `the name ${other.name} is taken`)
      }
    }
    if (replicas > 1 && (spec.port !== undefined || spec.fixedName))
      this.#set(name, 'all', `${name} cannot have ${replicas} replicas`)
    for (const [need, { condition, required }] of Object.entries(spec.needs ?? {})) {
      const other = this.#expected.services.get(need)
      if (required === false || other === undefined || other.run !== 'running' || other.replicas === 0) continue
      if (this.#hindered.has(need)) this.#set(name, 'run', `${name} needs ${need}`)
      else if (condition !== 'service_started' && !this.#of(need).every((c) => meets(c, condition)))
        this.#set(name, 'run', `${name} needs ${need}, which does not do well`)
    }
  }

  #isOfStack(container: SimulatedContainer): boolean {
    return container.labels[COMPOSE.project] === this.#stack && this.#world.isOurs(container)
  }

  /** The loop does not touch it: somebody else's, or a one-off. */
  #isStrange(container: SimulatedContainer): boolean {
    return container.labels[COMPOSE.oneOff] === 'True' || !this.#world.isOurs(container)
  }

  /**
   * Another service has the port by right: it was left as it was, by an `up` of some services or by `--no-recreate`, or it
   * starts first, and its old container stays for as long as the new one does not count.
   */
  #mayHold(container: SimulatedContainer, port: number): boolean {
    const holder = this.#expected.services.get(container.labels[COMPOSE.service] ?? '')
    if (holder === undefined || (holder.run !== 'running' && holder.run !== 'paused')) return false
    return holder.spec.port === port || holder.keepsOld || (startsFirst(holder) && neverCounts(holder))
  }

  #set(service: string, kind: 'all' | 'run' | 'spec', message: string): void {
    if (this.#hindered.get(service) !== 'all') this.#hindered.set(service, kind)
    this.#obstacles.push(message)
  }

  /** Dependencies first: names are in that order, by how the models are made. */
  #inOrder(): [string, ExpectedService][] {
    return [...this.#expected.services].sort(([a], [b]) => (a < b ? -1 : 1))
  }

  #modelWith(key: 'volume'): SimulatedModel | undefined {
    const { model, services } = this.#expected
    const has = (candidate: SimulatedModel | undefined) =>
      Object.values(candidate?.services ?? {}).some((service) => service[key] !== undefined)
    return has(model) ? model : [...services.values()].map((service) => service.model).findLast(has)
  }

  #name(service: string, { spec }: ExpectedService, replica: number): string {
    return spec.fixedName ? `${this.#stack}-fixed-${service}` : `${this.#stack}-${service}-${replica}`
  }

  #checkService(name: string, service: ExpectedService): void {
    const wanted = service.run === 'removed' ? 0 : service.replicas
    const there = this.#of(name)
    for (let replica = 1; replica <= wanted; replica += 1) {
      const found = there.filter((container) => container.labels[COMPOSE.number] === String(replica))
      const [container] = found
      if (container === undefined && service.vacant.has(replica)) continue
      // The old one stays for as long as the new one does not count, or may not even start.
      if (found.length === 2 && this.#mayKeepOld(name, service)) continue
      if (found.length !== 1 || container === undefined)
        this.#differs(name, 'there', `${name} ${replica}: there are ${found.length} containers of it`)
      else this.#checkContainer(name, service, replica, container)
    }
    for (const container of there) {
      const number = Number(container.labels[COMPOSE.number])
      if (number < 1 || number > wanted)
        this.#differs(name, 'spec', `${container.name}: ${name} has ${wanted} replicas`)
    }
  }

  #checkContainer(name: string, service: ExpectedService, replica: number, container: SimulatedContainer): void {
    const { spec, keepsOld } = service
    const differs = (kind: 'spec' | 'run', what: string) => this.#differs(name, kind, `${container.name}: ${what}`)
    if (container.name !== this.#name(name, service, replica))
      differs('spec', `is not called ${this.#name(name, service, replica)}`)
    if (container.createdMonotonicMs < service.createdAfterMs) differs('spec', 'was to be made anew')
    if (!keepsOld) {
      if (!container.env.includes(`VERSION=${spec.version}`))
        differs('spec', `is not of version ${spec.version} (${container.env.join(' ')})`)
      const networks = networkNames(this.#stack, spec).sort().join(' ')
      if ([...container.networks.keys()].sort().join(' ') !== networks)
        if (container.startedBefore)
          // What follows the create call is made up for before the first start at the latest.
          differs('spec', `is not in the networks ${networks}`)
      if (spec.port !== undefined && container.ports[0]?.hostPort !== spec.port)
        differs('spec', `does not publish ${spec.port}`)
      const mounts = container.mounts.map((mount) => mount.Name ?? '')
      if (spec.volume && !mounts.includes(`${this.#stack}_data`)) differs('spec', 'has not its volume')
      if (spec.externalVolume && !mounts.includes(EXTERNAL_VOLUME)) differs('spec', 'has not its external volume')
    }
    const state = this.#stateProblem(service, container)
    if (state !== undefined) differs('run', state)
  }

  #mayKeepOld(name: string, service: ExpectedService): boolean {
    return startsFirst(service) && (neverCounts(service) || this.#hindered.has(name))
  }

  #stateProblem(service: ExpectedService, container: SimulatedContainer): string | undefined {
    const { state, lastExit, policy, program, endsByHand } = container
    if (service.run === 'stopped') {
      return state === 'exited' || state === 'created' ? undefined : `is ${state}, and was stopped through us`
    }
    if (service.run === 'paused') {
      // One that ends before the loop has looked is never caught running.
      const isTooShort = state === 'restarting' && (program.exit?.afterMs ?? Number.POSITIVE_INFINITY) < LOOK_MS
      const isQuiet = state === 'paused' || state === 'exited' || state === 'created' || isTooShort
      return isQuiet ? undefined : `is ${state}, and is to be paused`
    }
    if (program.exit !== undefined) {
      const wasRun = container.startedBefore && (state === 'exited' || state === 'running' || state === 'restarting')
      return wasRun ? undefined : `is ${state} and was never run`
    }
    if (state === 'running') {
      if (container.startedMonotonicMs < service.startedAfterMs) return 'was to be restarted'
      for (const [name, { networkId }] of container.networks)
        if (this.#world.machine.networks.find(name)?.id !== networkId) return `is in a network ${name} that is gone`
      return undefined
    }
    const { restart = 'no' } = service.spec
    const isDown = (name: string) => name === 'no' || name.startsWith('on-failure')
    // An older container that `--no-recreate` keeps has the policy of its own file; the loop goes by the new one.
    const staysDown = isDown(policy.Name) || (service.keepsOld && isDown(restart))
    // Healed once; whoever stops it again means it.
    if (state === 'exited' && lastExit === 'hand' && endsByHand > 1) return undefined
    const byOthers = lastExit === 'hand' || lastExit === 'engine' || lastExit === 'program'
    if (state === 'exited' && staysDown && byOthers && service.spec.restart !== 'always') return undefined
    return `is ${state} (exit ${container.exitCode} by ${lastExit}), and is to run`
  }

  /** Containers of ours that nobody declared, and names that are only for a moment. */
  #checkStrangers(): void {
    for (const container of this.#ours) {
      const service = container.labels[COMPOSE.service] ?? ''
      const declared = this.#expected.services.get(service)
      if (declared !== undefined && startsFirst(declared) && neverCounts(declared)) continue
      if (declared === undefined) this.#differs(undefined, 'spec', `${container.name} is of no service`)
      const expected = this.#expected.services.get(service)
      if (container.name.includes('.next-') && !(expected !== undefined && this.#mayKeepOld(service, expected)))
        this.#differs(service, 'spec', `${container.name} has a temporary name`)
    }
  }

  #checkNetworks(): void {
    const { machine, instance } = this.#world
    const flavour = this.#expected.model?.networkFlavour
    const used = new Map<string, string>()
    for (const [name, { spec, run }] of this.#expected.services)
      if (run !== 'removed') for (const network of networkNames(this.#stack, spec)) used.set(network, name)
    for (const [name, service] of used) {
      const network = machine.networks.find(name)
      if (network === undefined) this.#differs(service, 'spec', `network ${name} is not there`)
      else if (name === `${this.#stack}_default` && network.labels[OURS.instance] === instance) {
        if (network.labels.flavour !== (flavour === undefined ? undefined : String(flavour)))
          this.#differs(this.#refused(name), 'spec', `network ${name} is not as declared`)
      }
    }
  }

  /** A service that cannot be had keeps its network from being made anew. */
  #refused(network: string): string | undefined {
    for (const [name, { spec }] of this.#expected.services)
      if (this.#hindered.get(name) === 'all' && networkNames(this.#stack, spec).includes(network)) return name
    return undefined
  }

  #checkVolumes(): void {
    for (const [name, { spec, run }] of this.#expected.services) {
      if (run === 'removed' || !spec.volume || this.#world.machine.volumes.has(`${this.#stack}_data`)) continue
      this.#differs(name, 'spec', `volume ${this.#stack}_data is not there`)
    }
  }

  #checkAbsence(): void {
    const { machine, instance } = this.#world
    for (const container of this.#ours) this.#differences.push(`${container.name} is there, and the stack is not`)
    for (const network of machine.networks.all()) {
      if (network.labels[OURS.instance] !== instance || network.labels[COMPOSE.project] !== this.#stack) continue
      const foreign = machine.networks.usersOf(network).find((c) => this.#isStrange(c))
      if (foreign === undefined) this.#differences.push(`network ${network.name} is there, and the stack is not`)
      else this.#obstacles.push(`${foreign.name} uses network ${network.name}`)
    }
    if (!this.#expected.volumesGone) return
    for (const volume of machine.volumes.all()) {
      if (volume.labels[OURS.instance] === instance && volume.labels[COMPOSE.project] === this.#stack)
        this.#differences.push(`volume ${volume.name} is there after down --volumes`)
    }
  }
}

function meets(container: SimulatedContainer, condition: string): boolean {
  if (condition === 'service_healthy') return container.state === 'running' && container.health === 'healthy'
  return container.state === 'exited' && container.startedBefore && container.exitCode === 0
}

/** Rules about requests, and about the word that the daemon gives for a stack. Undefined: all is well. */
export function judgeWord(world: World, stack: string, verdict: Verdict): string | undefined {
  const rows = world.ledger.deployments().filter((row) => row.stack === stack)
  const open = rows.find((row) => row.state === 'queued' || row.state === 'running')
  if (open !== undefined && !verdict.endless) return `its ${open.kind} is still ${open.state}`
  const [row] = sqliteControl.query<{ condition: string; reason: string | null }>(
    world.folder,
    'SELECT condition, reason FROM stacks WHERE name = ?',
    stack,
  )
  const { presence } = world.ledger.expected(stack)
  if (row === undefined) return presence === 'unknown' ? undefined : 'the daemon does not know it'
  const { condition, reason } = row
  const { differences, excused, obstacles, ailing } = verdict
  if (condition === 'steady' && (differences.length > 0 || excused.length > 0))
    return `it is called steady: ${[...differences, ...excused][0]}`
  if ((condition === 'failed' || condition === 'blocked') && (reason ?? '') === '')
    return `it is ${condition}, and no word why`
  const isGood = condition === 'steady' || condition === 'absent'
  if (!isGood && differences.length + excused.length + obstacles.length === 0 && !ailing)
    return `it is called ${condition} (${reason}), and is as declared`
  if (presence === 'absent' && condition === 'steady') return 'it is called steady, and is down'
  return undefined
}

/** No accepted request is lost: each is in the store, and has ended as it may. */
export function judgeRequests(world: World, calm: boolean): string | undefined {
  const rows = new Map(world.ledger.deployments().map((row) => [row.id, row]))
  for (const { step, deployment, answer } of world.ledger.entries) {
    if (answer !== 'accepted') continue
    const row = rows.get(deployment!)
    const what = `${step.do} of ${step.stack}`
    if (row === undefined) return `the accepted ${what} is not in the store`
    // Who puts a stack on hold ends what is under way for it.
    if (row.state === 'cancelled' && world.ledger.wasHeld) continue
    if (row.state !== 'succeeded' && row.state !== 'failed' && row.state !== 'superseded')
      return `the accepted ${what} ended as ${row.state}`
    if (row.state === 'succeeded' && row.applied !== 1) return `the ${what} succeeded, and was never applied`
    if (calm && row.state === 'failed' && !keepsWithoutCheck(world, step.stack) && !wantsPortOfOther(world, step))
      return `the ${what} failed, and nothing was wrong: ${row.error}`
    const later = [...rows.values()].some((other) => other.stack === row.stack && other.sequence > row.sequence)
    if (row.state === 'superseded' && !later) return `the ${what} was superseded by nothing`
  }
  return undefined
}

/** `up --no-recreate` kept a container of a file that had no health check, and somebody now waits for its health. */
function keepsWithoutCheck({ ledger }: World, stack: string): boolean {
  const unchecked = new Set<string>()
  for (const { step, answer } of ledger.entries) {
    if (step.do !== 'up' || step.stack !== stack || answer !== 'accepted') continue
    const { services } = step.model
    const awaited = Object.values(services).flatMap(({ needs = {} }) =>
      Object.keys(needs).filter((need) => needs[need]!.condition === 'service_healthy'),
    )
    if (step.options.recreate === 'never' && awaited.some((need) => unchecked.has(need))) return true
    for (const [name, { health }] of Object.entries(services)) if (health === undefined) unchecked.add(name)
  }
  return false
}

/** `up SERVICE` of one that has a port which another service had, that is not named and so keeps it, whatever the file now says. */
function wantsPortOfOther({ ledger }: World, step: Step): boolean {
  if (step.do !== 'up') return false
  const { services: named = [] } = step.options
  const wanted = new Set(named.flatMap((name) => step.model.services[name]?.port ?? []))
  return ledger.entries.some(
    ({ step: earlier, answer }) =>
      earlier.do === 'up' &&
      earlier.stack === step.stack &&
      answer === 'accepted' &&
      Object.entries(earlier.model.services).some(
        ([name, { port }]) => port !== undefined && wanted.has(port) && !named.includes(name),
      ),
  )
}

const startsFirst = ({ spec }: ExpectedService): boolean => spec.rollout?.order === 'start-first'

/** It is to run on, and does not. */
const neverCounts = ({ spec: { health, exit } }: ExpectedService): boolean => health === 'never' || exit !== undefined
