/** One replica of a service: what has to happen so that exactly one container of the desired spec and state is there. */
import type { Effect } from '../../protocol/resources/plan.ts'
import type { DesiredService } from './desired.ts'
import type { Draft } from './draft.ts'
import { lostNetwork, type ReplicaMatch } from './match.ts'
import type { ObservedContainer, PublishedPort } from './observed.ts'
import { replicaKey } from './operation.ts'
import { BatchPlanner } from './plan-batches.ts'
import { removeContainer } from './plan-down.ts'
import type { PlanInput } from './plan-input.ts'
import { volumeCreation } from './plan-volumes.ts'
import { inScope } from './policy.ts'
import type { Rollout } from './rollout.ts'
import { addressOf, NO_ROUTINGS } from './routing.ts'
import type { ServiceWork, Stages } from './service-work.ts'
import { judgeUnhealthy } from './unhealthy.ts'

export class ReplicaPlanner {
  readonly work: ServiceWork
  readonly #draft: Draft
  readonly #input: PlanInput
  readonly #stages: Stages
  readonly #service: DesiredService
  readonly #job: boolean
  readonly #rollout: Rollout | undefined
  readonly #batches: BatchPlanner

  constructor(draft: Draft, input: PlanInput, stages: Stages, service: DesiredService, job: boolean) {
    this.#draft = draft
    this.#input = input
    this.#stages = stages
    this.#service = service
    this.#job = job
    // A job is to end: nobody could watch it run.
    this.#rollout = job ? undefined : service.rollouts?.[input.policy.rollout ?? 'update']
    this.#batches = new BatchPlanner(draft, input.desired.stack, service, this.#rollout)
    this.work = { service, starts: [], stops: [], untouched: [] }
  }

  remove(container: ObservedContainer, reason: string, effect: 'remove' | 'replace' = 'remove', after: string[] = []) {
    const force = this.#input.policy.graceSeconds === 0
    // Without a successor there is nobody to bring the next connection to: then it ends as in Compose.
    const isRouted = this.#routings.routed[container.id] !== undefined && this.#service.run === 'running'
    const drainMs = isRouted ? this.#service.routing?.drainMs : undefined
    const how = { reason, anonymousVolumes: 'keep' as const, after, force, effect, drainMs }
    return removeContainer(this.#draft, container, how)
  }

  /** After all replicas: batches follow each other. */
  finish(): void {
    this.#batches.finish()
  }

  get #routings() {
    return this.#input.memory.routings ?? NO_ROUTINGS
  }

  plan(match: ReplicaMatch): void {
    const { replica, current, outdated, surplus } = match
    if (outdated.length > 0 && this.#isPaused()) {
      this.#draft.keep()
      return
    }
    const gone = surplus.map((container) => this.remove(container, 'there are two of this replica')[1])
    if (current !== undefined && this.#lenders().length > 0) {
      this.#replace(replica, [current, ...outdated], { after: gone })
      return
    }
    if (current !== undefined && this.#isToBeCured(current, replica)) {
      this.#replace(replica, [current, ...outdated], { after: gone, cure: 'unhealthy' })
      return
    }
    if (current !== undefined && this.#order(outdated) === 'start-first' && this.#isBeside(outdated)) {
      this.#succeed(replica, current, outdated, gone)
      return
    }
    if (current !== undefined) {
      gone.push(...outdated.map((container) => this.remove(container, 'its successor is there', 'replace')[1]))
      this.#settle(current, replica, gone)
    } else if (outdated[0] !== undefined) this.#replace(replica, outdated, { after: gone })
    else if (!this.#isVacant(replica)) this.#create(replica)
  }

  /** The loop by itself replaces what fails its health check, unless data is at stake or the last try was just now. */
  #isToBeCured(container: ObservedContainer, replica: number): boolean {
    const { policy, memory, nowMs } = this.#input
    if (policy.mode !== 'heal' || this.#service.run !== 'running') return false
    if (container.state !== 'running' || container.health !== 'unhealthy') return false
    const { service } = this.#service
    const verdict = judgeUnhealthy(container, this.#service, memory.cures?.[replicaKey(service, replica)], nowMs)
    if (verdict.kind === 'replace') return true
    const is = `container ${container.name} is unhealthy`
    if (verdict.kind === 'wait') {
      const at = new Date(verdict.untilMs).toISOString().slice(0, 19)
      this.#draft.concern(`${is}; it was made anew ${verdict.times} time(s), and is again at ${at}Z`, verdict.untilMs)
    } else if (verdict.mounts.length === 0 || this.#service.healing?.unhealthy === 'report') {
      this.#draft.concern(`${is}, and left as it is: services.${service}.x-evenkeel.unhealthy is \`report\``)
    } else {
      this.#draft.concern(
        `${is}, and left as it is because it can write to ${verdict.mounts.join(', ')}: look at its logs; \`x-evenkeel: {unhealthy: replace}\` under services.${service} has the loop replace it`,
      )
    }
    return false
  }

  /** A rollout that failed waits for a person; the loop by itself does not go on with it. */
  #isPaused(): boolean {
    const { service, revision } = this.#service
    if (this.#input.policy.mode !== 'heal' || this.#input.memory.pausedRollouts?.[service] !== revision) return false
    this.#draft.concern(
      `the rollout of ${service} to revision ${revision} is paused: evenkeel up goes on with it, evenkeel rollback goes back`,
    )
    return true
  }

  /** Which of the two orders it is for these: what is only our own choice gives way to data that two would share. */
  #order(outdated: readonly ObservedContainer[]): 'start-first' | 'stop-first' {
    const rollout = this.#rollout
    if (rollout === undefined || rollout.order === 'stop-first' || this.#service.run !== 'running') return 'stop-first'
    if (this.#lenders().length > 0 || this.#madeAnew().length > 0) return 'stop-first'
    if (outdated.some((container) => lostNetwork(container, this.#service, this.#input.observed) !== undefined))
      return 'stop-first'
    if (!rollout.isWritten && outdated.some(({ writableMounts = [] }) => writableMounts.length > 0)) return 'stop-first'
    return 'start-first'
  }

  #explainOrder(order: 'start-first' | 'stop-first', outdated: readonly ObservedContainer[]): void {
    const rollout = this.#rollout
    if (rollout === undefined) return
    const [path] = outdated.flatMap(({ writableMounts = [] }) => writableMounts)
    const why =
      order === rollout.order
        ? rollout.why
        : path !== undefined && !rollout.isWritten
          ? `it can write to ${path}; deploy.update_config.order: start-first changes that`
          : 'what it shares with others is made anew'
    this.#draft.rollout({ service: this.#service.service, order, why })
  }

  #isBeside(outdated: readonly ObservedContainer[]): boolean {
    return outdated.some(({ state }) => state === 'running' || state === 'paused' || state === 'restarting')
  }

  /** Networks of the service that this plan makes anew. */
  #madeAnew() {
    return this.#service.networks.map((name) => this.#stages.networks.replaced[name]).filter((n) => n !== undefined)
  }

  /** Its container was removed on purpose. */
  #isVacant(replica: number): boolean {
    return this.#input.memory.vacant?.includes(replicaKey(this.#service.service, replica)) === true
  }

  /** Services that lend it a namespace, and whose container this plan makes. */
  #lenders(): string[] {
    return this.#service.sharesWith.filter((service) => this.#draft.has(creation(service)))
  }

  #name(replica: number): string {
    return this.#service.containerName ?? `${this.#input.desired.stack}-${this.#service.service}-${replica}`
  }

  #key(replica: number): string {
    return `${this.#service.service} ${replica}`
  }

  #object(replica: number): string {
    return `Container ${this.#name(replica)}`
  }

  /** What must be there before a container can be created: image, networks, volumes. */
  #needs(which: 'all' | 'without-networks' = 'all'): string[] {
    const { images } = this.#stages
    return [
      ...(images[this.#service.service] ?? []),
      ...(which === 'all' ? this.#networksMade() : []),
      ...this.#lenders().map(creation),
      ...this.#service.volumes.map(volumeCreation),
      ...this.#refuseTakenPorts(),
    ]
  }

  #networksMade(): string[] {
    const { created } = this.#stages.networks
    return this.#service.networks.map((name) => created[name]).filter((id) => id !== undefined)
  }

  #create(replica: number): void {
    const holders = this.#holdersOf(replica)
    const gone = holders.map((container) => this.remove(container, 'it is taken over (--take-over)', 'replace')[1])
    // The Engine asks for a container's only network when it starts (20.10 and 28); for further ones when it is created.
    const { replaced } = this.#stages.networks
    const early = this.#service.networks.length === 1 && replaced[this.#service.networks[0]!] === undefined
    const created = this.#draft.add({
      body: {
        kind: 'create-container',
        service: this.#service.service,
        replica,
        name: this.#name(replica),
        carriedVolumes: this.#carried(holders),
      },
      key: this.#key(replica),
      object: this.#object(replica),
      service: this.#service.service,
      effect: holders.length > 0 ? 'replace' : 'create',
      reason: holders.length > 0 ? 'it takes the place of one that was not made here' : 'it is not there',
      after: [...this.#needs(early ? 'without-networks' : 'all'), ...gone],
    })
    if (this.#service.run !== 'running') return
    const started = this.#start(replica, undefined, [created], 'it is new', 'create')
    if (this.#service.routing !== undefined)
      this.#admit(replica, undefined, [this.#await(replica, undefined, [started])])
  }

  /** Look-alikes of this replica that another tool made, where the request said to take them over. */
  #holdersOf(replica: number): ObservedContainer[] {
    if (this.#input.policy.lookAlikes !== 'replace') return []
    return this.#input.observed.containers.filter(
      (container) =>
        container.ownership === 'foreign' &&
        !container.oneOff &&
        container.service === this.#service.service &&
        container.replica === replica,
    )
  }

  /**
   * The new container is created beside the old one under a temporary name, so that whatever the Engine refuses is known
   * before anything is stopped, and so that it holds the anonymous volumes before their owner goes. A crash in between
   * leaves a pair that the next plan understands by its labels.
   */
  #replace(
    replica: number,
    outdated: readonly ObservedContainer[],
    /** `after`: the removals of what may hold its names. */
    { after, cure }: { readonly after: readonly string[]; readonly cure?: 'unhealthy' },
  ): void {
    const service = this.#service.service
    const order = this.#order(outdated)
    this.#explainOrder(order, outdated)
    const lost = lostNetwork(outdated[0]!, this.#service, this.#input.observed)
    const lender = this.#lenders()[0]
    const reason =
      lost !== undefined
        ? `network ${lost} was made anew`
        : lender !== undefined
          ? `it shares with ${lender}, which is made anew`
          : cure !== undefined
            ? 'it is unhealthy'
            : this.#input.explain(outdated[0]!)
    const networks = this.#madeAnew()
    const shared = {
      key: this.#key(replica),
      object: this.#object(replica),
      service,
      effect: 'replace' as const,
      reason,
    }
    const carriedVolumes = this.#carried(outdated)
    if (networks.length > 0) {
      // What refuses the successor is known before its predecessor goes; the networks themselves come in between.
      const first = this.#needs('without-networks')
      const gone = outdated.map((container) => this.remove(container, 'its network changed', 'replace', first)[1])
      for (const network of networks) this.#draft.order(network.removal, gone)
      const body = { kind: 'create-container' as const, service, replica, name: this.#name(replica), carriedVolumes }
      const created = this.#draft.add({ ...shared, body, after: [...this.#needs(), ...after, ...gone] })
      this.#startAndFollow(replica, [created], reason)
      return
    }
    const temporary = `${this.#name(replica)}.next-${(this.#service.specHash ?? '').slice(0, 8)}${this.#service.recreate}`
    const body = { kind: 'create-container' as const, service, replica, name: temporary, carriedVolumes, cure }
    // A dead successor of an earlier try may hold the very name.
    const holders = outdated.filter((container) => container.name === temporary)
    const freed = holders.map((container) => this.remove(container, reason, 'replace')[1])
    const created = this.#draft.add({ ...shared, body, after: [...this.#needs(), ...after, ...freed] })
    const leaving = outdated.filter((container) => !holders.includes(container))
    if (order === 'start-first') {
      const started = this.#start(replica, undefined, [created], reason, 'replace')
      const last = this.#handOver(replica, undefined, leaving, [started], reason)
      this.#batches.add([created], last)
      return
    }
    const gone = leaving.map((container) => this.remove(container, reason, 'replace', [created])[1])
    const renamed = this.#draft.add({
      ...shared,
      body: { kind: 'rename-container', service, replica, id: undefined, name: this.#name(replica) },
      after: [created, ...gone],
    })
    this.#batches.add([created], this.#startAndFollow(replica, [renamed], reason))
  }

  /** In the place of its predecessor, which is gone. Answers the ids of what comes last. */
  #startAndFollow(replica: number, after: string[], reason: string): string[] {
    if (this.#service.run !== 'running') return after
    const started = this.#start(replica, undefined, after, reason, 'replace')
    if (this.#rollout?.watched !== true) return [started]
    const counted = this.#await(replica, undefined, [started])
    return this.#service.routing === undefined ? [counted] : [this.#admit(replica, undefined, [counted])]
  }

  /** Both are there, as an earlier run left them: the newer one takes over, once it counts. */
  #succeed(
    replica: number,
    current: ObservedContainer,
    outdated: readonly ObservedContainer[],
    after: readonly string[],
  ): void {
    this.#explainOrder('start-first', outdated)
    const reason = 'its successor is there'
    const runs = current.state === 'running' || current.state === 'restarting'
    const started = runs ? [] : [this.#start(replica, current.id, [...after], 'it is to take over', 'replace')]
    this.#batches.add(started, this.#handOver(replica, current, outdated, [...after, ...started], reason))
  }

  /**
   * Start-first: the new one counts, the ingress brings it what is new, the old one ends what it has begun, and goes. Answers
   * the ids of what comes last.
   */
  #handOver(
    replica: number,
    current: ObservedContainer | undefined,
    leaving: readonly ObservedContainer[],
    after: readonly string[],
    reason: string,
  ): string[] {
    // One that served before its successor was made has proved itself: this is the way back.
    const isOld = current !== undefined && leaving.every(({ created }) => created > current.created)
    const counted = this.#await(replica, current?.id, after, isOld ? 0 : undefined)
    const { routing, service } = this.#service
    const holders = leaving.filter((container) => this.#holdsIngressPort(container))
    const admitted = routing === undefined ? [] : [this.#admit(replica, current?.id, [counted])]
    if (holders.length > 0)
      this.#draft.warn(
        `${portsOf(routing)} of ${service} moves from the Engine to the ingress: this once there is a gap, from the stop of the old container until the ingress listens`,
      )
    const gone = leaving.map((container) => {
      // The ingress can have the port, and bring the new one connections, only once the Engine has let go of it.
      const before = holders.includes(container) ? [counted] : [counted, ...admitted]
      return this.remove(container, reason, 'replace', before)[1]
    })
    const renamed = this.#draft.add({
      body: { kind: 'rename-container', service, replica, id: current?.id, name: this.#name(replica) },
      key: this.#key(replica),
      object: this.#object(replica),
      service,
      effect: 'replace',
      reason,
      after: [counted, ...gone],
    })
    return [...admitted, renamed]
  }

  /** Its port is the Engine's as yet: it was made before the ingress had it. */
  #holdsIngressPort({ id }: ObservedContainer): boolean {
    const { routing } = this.#service
    return this.#input.observed.ports.some(
      (held) => held.containerId === id && routing?.ports.some(({ port }) => port === held.port) === true,
    )
  }

  #await(replica: number, id: string | undefined, after: readonly string[], monitorMs?: number): string {
    const { monitorMs: declared = 0, monitor = 'instead' } = this.#rollout ?? {}
    const { service } = this.#service
    return this.#draft.add({
      body: { kind: 'await-replica', service, replica, id, monitorMs: monitorMs ?? declared, monitor },
      key: this.#key(replica),
      object: this.#object(replica),
      service,
      effect: 'wait',
      reason: 'until it counts',
      after,
    })
  }

  #admit(replica: number, id: string | undefined, after: readonly string[]): string {
    const { service } = this.#service
    return this.#draft.add({
      body: { kind: 'admit-replica', service, replica, id },
      key: this.#key(replica),
      object: this.#object(replica),
      service,
      effect: 'change',
      reason: 'the ingress is to bring it connections',
      after: [...after, `publish-service ${service}`],
    })
  }

  /** A container of the right spec: its name and its run state are brought to what is desired. */
  #settle(container: ObservedContainer, replica: number, gone: string[]): void {
    const { service, run } = this.#service
    const networks = this.#service.networks
      .map((name) => this.#stages.networks.replaced[name])
      .filter((n) => n !== undefined)
    if (networks.length > 0) {
      this.#replace(replica, [container], { after: gone })
      return
    }
    const shared = { key: this.#key(replica), object: this.#object(replica), service, effect: 'change' as const }
    const after = [...gone]
    if (container.name !== this.#name(replica)) {
      after.push(
        this.#draft.add({
          ...shared,
          body: { kind: 'rename-container', service, replica, id: container.id, name: this.#name(replica) },
          reason: `it is called ${container.name}`,
          after,
        }),
      )
    }
    after.push(...this.#reconnect(container, replica))
    const moving = container.state === 'running' || container.state === 'restarting'
    if (run === 'stopped') {
      if (!moving && container.state !== 'paused' && !this.#mayRise(container)) {
        this.#draft.keep()
        return
      }
      if (this.#isLetRun(container)) {
        this.#draft.keep()
        return
      }
      const body = { kind: 'stop-container' as const, service, id: container.id, purpose: 'keep' as const }
      this.work.stops.push(this.#draft.add({ ...shared, body, reason: 'the service is stopped', after }))
    } else if (container.state === 'paused') {
      if (run === 'paused' || this.#input.memory.frozen?.includes(container.id)) {
        this.#draft.keep()
        return
      }
      const body = { kind: 'unpause-container' as const, service, replica, id: container.id }
      const unpaused = this.#draft.add({ ...shared, body, reason: 'it is paused', after })
      if (this.#mustRestart(container)) this.#settleRunning(container, replica, [unpaused])
      else this.work.starts.push(unpaused)
    } else if (run === 'paused' && container.state !== 'running') {
      // Nothing is begun under a pause; what the Engine restarts is paused once it runs.
      this.#draft.keep()
    } else if (run === 'paused') {
      const body = { kind: 'pause-container' as const, service, replica, id: container.id }
      this.#draft.add({ ...shared, body, reason: 'the service is paused', after })
    } else if (moving) this.#settleRunning(container, replica, after)
    else if (this.#mayStart(container)) {
      const reason =
        container.state === 'created'
          ? 'it was never started'
          : this.#isHalted(container)
            ? 'it was stopped past evenkeel'
            : `it has exited (${container.exitCode ?? '?'})`
      this.#start(
        replica,
        container.id,
        after,
        reason,
        'change',
        this.#mustRestart(container) ? this.#service.restart : undefined,
      )
    } else {
      this.#draft.keep()
      if (this.#isHalted(container))
        this.#draft.concern(
          `container ${container.name} was stopped past evenkeel, and is left alone: evenkeel start ${service} starts it`,
        )
    }
  }

  /** Somebody stopped it past us. A job that was cut short is not known to be meant to run once more. */
  #isHalted(container: ObservedContainer): boolean {
    return !this.#job && container.state === 'exited' && (this.#input.memory.halted?.[container.id] ?? 0) > 0
  }

  /** Networks of its service that it was on and was taken off. What was never started is made up for before its start. */
  #reconnect(container: ObservedContainer, replica: number): string[] {
    const { service, networks, specHash } = this.#service
    if (container.state === 'created' || container.specHash !== specHash || specHash === undefined) return []
    return networks
      .filter((name) => container.networks[name] === undefined)
      .filter((name) => this.#input.observed.networks.some((network) => network.name === name))
      .map((network) =>
        this.#draft.add({
          body: { kind: 'connect-network', service, replica, id: container.id, network },
          key: `${this.#key(replica)} ${network}`,
          object: this.#object(replica),
          service,
          effect: 'change',
          reason: `it is not on network ${network}`,
        }),
      )
  }

  /** It took a signal that asks to stop and runs on: harder means are for a `stop` or another `kill`. */
  #isLetRun(container: ObservedContainer): boolean {
    const { policy, memory } = this.#input
    if (policy.mode === 'request' && inScope(policy, container.service)) return false
    return memory.signalled?.includes(container.id) === true
  }

  /** It had exited before it was stopped through us, so that a restarted Engine would follow its policy and start it. */
  #mayRise(container: ObservedContainer): boolean {
    if (container.state !== 'exited' || this.#service.restartPolicy === 'no') return false
    return !(this.#input.memory.held ?? []).includes(container.id)
  }

  #mustRestart(container: ObservedContainer): boolean {
    // It runs now, and may not for long: a restart waits for the stop that is under way, or for what a signal began.
    const { stopping, signalled } = this.#input.memory
    if (stopping?.includes(container.id) || signalled?.includes(container.id)) return true
    const done = Math.max(container.restart, this.#input.memory.restarted[container.id] ?? 0)
    return done < this.#service.restart
  }

  #settleRunning(container: ObservedContainer, replica: number, after: string[]): void {
    const { service, restart } = this.#service
    const isEndedByEngine = this.#input.memory.endedByEngine?.includes(container.id) === true
    if (!this.#mustRestart(container) && !isEndedByEngine) {
      this.work.untouched.push(container)
      if (!this.#readmit(container, replica, after)) this.#draft.keep()
      return
    }
    this.work.starts.push(
      this.#draft.add({
        body: { kind: 'restart-container', service, replica, id: container.id, generation: restart },
        key: this.#key(replica),
        object: this.#object(replica),
        service,
        effect: 'change',
        reason: isEndedByEngine ? 'the Engine ends it again and again by itself' : 'a restart was asked for',
        after,
      }),
    )
  }

  /** One that runs and that the ingress does not know as it is: it was not admitted yet, or came back with another address. */
  #readmit(container: ObservedContainer, replica: number, after: string[]): boolean {
    const { routing, networks } = this.#service
    if (routing === undefined || container.health === 'unhealthy' || this.#holdsIngressPort(container)) return false
    const address = addressOf(container.addresses, networks)
    const known = this.#routings.routed[container.id]
    if (address === undefined || (known?.state === 'ready' && known.address === address)) return false
    const counted = this.#await(replica, container.id, after, known === undefined ? undefined : 0)
    this.#admit(replica, container.id, [counted])
    return true
  }

  /**
   * A container that has exited is started by a request that names its service. A job that somebody waits for runs once
   * per revision. The loop by itself starts only what the Engine would keep running, and what never ran.
   */
  #mayStart(container: ObservedContainer): boolean {
    if (container.state === 'created') return true
    if (this.#job && container.exitCode === 0) return false
    if (this.#input.memory.owed?.includes(this.#service.service)) return true
    if (this.#input.policy.mode === 'request' && inScope(this.#input.policy, this.#service.service)) return true
    if (this.#isHalted(container)) {
      const { halted = 'once' } = this.#service.healing ?? {}
      return halted === 'always' || (halted === 'once' && this.#input.memory.halted?.[container.id] === 1)
    }
    return this.#service.restartPolicy === 'always' || this.#service.restartPolicy === 'unless-stopped'
  }

  #start(
    replica: number,
    id: string | undefined,
    after: string[],
    reason: string,
    effect: Effect,
    generation?: number | undefined,
  ): string {
    const started = this.#draft.add({
      body: { kind: 'start-container', service: this.#service.service, replica, id, generation },
      key: this.#key(replica),
      object: this.#object(replica),
      service: this.#service.service,
      effect,
      reason,
      after: [...after, ...this.#networksMade()],
    })
    this.work.starts.push(started)
    return started
  }

  #carried(from: readonly ObservedContainer[]): Readonly<Record<string, string>> {
    if (this.#input.policy.anonymousVolumes === 'renew') return {}
    return Object.assign({}, ...[...from].reverse().map((container) => container.anonymousVolumes))
  }

  /** A port that a container of somebody else holds: said before anything of this service is touched. */
  #refuseTakenPorts(): string[] {
    const { observed, desired } = this.#input
    const { policy } = this.#input
    const goes = (container: ObservedContainer): boolean =>
      // A one-off that holds a port runs, and is left alone.
      !container.oneOff &&
      (container.ownership === 'ours' ||
        (desired.services[container.service] === undefined
          ? policy.orphans === 'remove'
          : policy.lookAlikes === 'replace'))
    const own = new Set(observed.containers.filter(goes).map((container) => container.id))
    const taken = this.#service.hostPorts.flatMap((wanted) => {
      const holder = observed.ports.find(
        (port) =>
          !own.has(port.containerId) &&
          port.port === wanted.port &&
          port.protocol === wanted.protocol &&
          overlaps(port, wanted.ip),
      )
      return holder === undefined ? [] : [{ wanted, holder }]
    })
    if (taken[0] === undefined) return []
    const { wanted, holder } = taken[0]
    const { service } = this.#service
    return [
      this.#draft.add({
        body: {
          kind: 'refuse',
          code: 'port-taken',
          message: `port ${wanted.port}/${wanted.protocol} of service ${service} is held by container ${holder.containerName}`,
          hint: `stop ${holder.containerName}, or publish services.${service}.ports on another port`,
        },
        key: service,
        object: `Service ${desired.stack}/${service}`,
        service,
        effect: 'wait',
        reason: `port ${wanted.port}/${wanted.protocol} is taken`,
      }),
    ]
  }
}

const ANY = new Set(['', '0.0.0.0', '::'])
const overlaps = (port: PublishedPort, ip: string): boolean => ANY.has(port.ip) || ANY.has(ip) || port.ip === ip

const portsOf = (routing: DesiredService['routing']): string =>
  `port ${(routing?.ports ?? []).map(({ port }) => port).join(', ')}`

/** The action that makes the first container of a service. */
const creation = (service: string): string => `create-container ${service} 1`
