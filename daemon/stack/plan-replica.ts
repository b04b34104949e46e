/** One replica of a service: what has to happen so that exactly one container of the desired spec and state is there. */
import type { DesiredService } from './desired.ts'
import type { Draft } from './draft.ts'
import type { ReplicaMatch } from './match.ts'
import type { ObservedContainer } from './observed.ts'
import { replicaKey } from './operation.ts'
import type { PlanInput } from './plan-input.ts'
import { ReplacementPlanner } from './plan-replacement.ts'
import { waitsForPerson } from './plan-steps.ts'
import { neverServed } from './release.ts'
import { ReplicaActions } from './replica-actions.ts'
import { addressOf } from './routing.ts'
import { RunRules } from './run-rules.ts'
import type { ServiceWork, Stages } from './service-work.ts'
import { judgeUnhealthy } from './unhealthy.ts'

export class ReplicaPlanner {
  readonly #draft: Draft
  readonly #input: PlanInput
  readonly #stages: Stages
  readonly #service: DesiredService
  readonly #actions: ReplicaActions
  readonly #replacement: ReplacementPlanner
  readonly #rules: RunRules

  constructor(draft: Draft, input: PlanInput, stages: Stages, service: DesiredService, job: boolean) {
    this.#draft = draft
    this.#input = input
    this.#stages = stages
    this.#service = service
    this.#actions = new ReplicaActions(draft, input, stages, service, job)
    this.#rules = new RunRules(input, service, job)
    this.#replacement = new ReplacementPlanner(draft, input, service, this.#actions, this.#rules)
  }

  get work(): ServiceWork {
    return this.#actions.work
  }

  /** A replica that the service has no more. */
  remove(container: ObservedContainer, reason: string): void {
    this.#actions.remove(container, reason)
  }

  /** After all replicas: batches follow each other. */
  finish(): void {
    this.#replacement.finish()
  }

  plan(match: ReplicaMatch): void {
    const { replica, current, surplus } = match
    const failed =
      current === undefined ? [] : match.outdated.filter((one) => neverServed(one, this.#input.memory.switched))
    const outdated = match.outdated.filter((one) => !failed.includes(one))
    if (outdated.length > 0 && this.#isPaused()) {
      this.#draft.keep()
      return
    }
    if ((current === undefined || current.state === 'created') && this.#hasFailedStep()) {
      // What was there before it serves on.
      if (outdated[0] === undefined) this.#draft.keep()
      else this.#settle(outdated[0], replica, [])
      return
    }
    const gone = [
      ...surplus.map((container) => this.#actions.remove(container, 'there are two of this replica')[1]),
      ...failed.map((container) => this.#actions.remove(container, 'it never took over', 'replace')[1]),
    ]
    if (current !== undefined && this.#actions.lenders().length > 0) {
      this.#replacement.replace(replica, [current, ...outdated], { after: gone })
      return
    }
    if (current !== undefined && this.#isToBeCured(current, replica)) {
      this.#replacement.replace(replica, [current, ...outdated], { after: gone, cure: 'unhealthy' })
      return
    }
    if (current !== undefined && this.#replacement.isBeside(outdated)) {
      this.#replacement.succeed(replica, current, outdated, gone)
      return
    }
    if (current !== undefined) {
      gone.push(...outdated.map((container) => this.#actions.remove(container, 'its successor is there', 'replace')[1]))
      this.#settle(current, replica, gone)
    } else if (outdated[0] !== undefined) this.#replacement.replace(replica, outdated, { after: gone })
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

  /** What it would be switched to needs a step that failed. */
  #hasFailedStep(): boolean {
    const { service, revision } = this.#service
    const state = this.#input.memory.steps?.[service]
    return state?.stage === 'before' && state.revision === revision && waitsForPerson(state, this.#input)
  }

  /** Its container was removed on purpose. */
  #isVacant(replica: number): boolean {
    return this.#input.memory.vacant?.includes(replicaKey(this.#service.service, replica)) === true
  }

  #create(replica: number): void {
    const holders = this.#holdersOf(replica)
    const gone = holders.map(
      (container) => this.#actions.remove(container, 'it is taken over (--take-over)', 'replace')[1],
    )
    // The Engine asks for a container's only network when it starts (20.10 and 28); for further ones when it is created.
    const { replaced } = this.#stages.networks
    const early = this.#service.networks.length === 1 && replaced[this.#service.networks[0]!] === undefined
    const created = this.#draft.add({
      body: {
        kind: 'create-container',
        service: this.#service.service,
        replica,
        name: this.#actions.name(replica),
        carriedVolumes: this.#actions.carried(holders),
      },
      ...this.#actions.of(replica),
      effect: holders.length > 0 ? 'replace' : 'create',
      reason: holders.length > 0 ? 'it takes the place of one that was not made here' : 'it is not there',
      after: [...this.#actions.needs(early ? 'without-networks' : 'all'), ...gone],
    })
    if (this.#service.run !== 'running') return
    const started = this.#actions.start(replica, undefined, [created], 'it is new', 'create')
    const isReleased = this.#service.releasing === 'atomic' && this.#input.policy.mode === 'request'
    if (this.#service.routing === undefined && !isReleased) return
    const counted = this.#actions.await(replica, undefined, [started])
    if (this.#service.routing !== undefined) this.#actions.admit(replica, undefined, [counted])
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

  /** A container of the right spec: its name and its run state are brought to what is desired. */
  #settle(container: ObservedContainer, replica: number, gone: string[]): void {
    const { service, run } = this.#service
    if (this.#actions.madeAnew().length > 0) {
      this.#replacement.replace(replica, [container], { after: gone })
      return
    }
    const shared = { ...this.#actions.of(replica), effect: 'change' as const }
    const after = [...gone]
    if (container.name !== this.#actions.name(replica)) {
      after.push(
        this.#draft.add({
          ...shared,
          body: { kind: 'rename-container', service, replica, id: container.id, name: this.#actions.name(replica) },
          reason: `it is called ${container.name}`,
          after,
        }),
      )
    }
    after.push(...this.#reconnect(container, replica))
    const moving = container.state === 'running' || container.state === 'restarting'
    if (run === 'stopped') {
      if (!moving && container.state !== 'paused' && !this.#rules.mayRise(container)) {
        this.#draft.keep()
        return
      }
      if (this.#rules.isLetRun(container)) {
        this.#draft.keep()
        return
      }
      const body = { kind: 'stop-container' as const, service, id: container.id, purpose: 'keep' as const }
      this.#actions.work.stops.push(this.#draft.add({ ...shared, body, reason: 'the service is stopped', after }))
    } else if (container.state === 'paused') {
      if (run === 'paused' || this.#input.memory.frozen?.includes(container.id)) {
        this.#draft.keep()
        return
      }
      const body = { kind: 'unpause-container' as const, service, replica, id: container.id }
      const unpaused = this.#draft.add({ ...shared, body, reason: 'it is paused', after })
      if (this.#rules.mustRestart(container)) this.#settleRunning(container, replica, [unpaused])
      else this.#actions.work.starts.push(unpaused)
    } else if (run === 'paused' && container.state !== 'running') {
      // Nothing is begun under a pause; what the Engine restarts is paused once it runs.
      this.#draft.keep()
    } else if (run === 'paused') {
      const body = { kind: 'pause-container' as const, service, replica, id: container.id }
      this.#draft.add({ ...shared, body, reason: 'the service is paused', after })
    } else if (moving) this.#settleRunning(container, replica, after)
    else if (this.#rules.mayStart(container)) {
      const reason =
        container.state === 'created'
          ? 'it was never started'
          : this.#rules.isHalted(container)
            ? 'it was stopped past evenkeel'
            : `it has exited (${container.exitCode ?? '?'})`
      this.#actions.start(
        replica,
        container.id,
        after,
        reason,
        'change',
        this.#rules.mustRestart(container) ? this.#service.restart : undefined,
      )
    } else {
      this.#draft.keep()
      if (this.#rules.isHalted(container))
        this.#draft.concern(
          `container ${container.name} was stopped past evenkeel, and is left alone: evenkeel start ${service} starts it`,
        )
    }
  }

  /** Networks of its service that it was on and was taken off. What was never started is made up for before its start. */
  #reconnect(container: ObservedContainer, replica: number): string[] {
    const { service, networks, specHash } = this.#service
    const { created } = this.#stages.networks
    if (container.state === 'created' || container.specHash !== specHash || specHash === undefined) return []
    return networks
      .filter((name) => container.networks[name] === undefined)
      .filter((name) => created[name] !== undefined || this.#input.observed.networks.some((one) => one.name === name))
      .map((network) =>
        this.#draft.add({
          ...this.#actions.of(replica),
          body: { kind: 'connect-network', service, replica, id: container.id, network },
          key: `${service} ${replica} ${network}`,
          effect: 'change',
          reason: `it is not on network ${network}`,
          after: [created[network]],
        }),
      )
  }

  #settleRunning(container: ObservedContainer, replica: number, after: string[]): void {
    const isEndedByEngine = this.#input.memory.endedByEngine?.includes(container.id) === true
    if (!this.#rules.mustRestart(container) && !isEndedByEngine) {
      this.#actions.work.untouched.push(container)
      if (!this.#readmit(container, replica, after)) this.#draft.keep()
      return
    }
    const reason = isEndedByEngine ? 'the Engine ends it again and again by itself' : 'a restart was asked for'
    this.#actions.restart(replica, container.id, after, reason, 'change')
  }

  /** One that runs and that the ingress does not know as it is: it was not admitted yet, or came back with another address. */
  #readmit(container: ObservedContainer, replica: number, after: string[]): boolean {
    const { routing, networks } = this.#service
    if (routing === undefined || container.health === 'unhealthy' || this.#replacement.holdsIngressPort(container))
      return false
    const address = addressOf(container.addresses, networks)
    const known = this.#actions.routings.routed[container.id]
    if (address === undefined || (known?.state === 'ready' && known.address === address)) return false
    const counted = this.#actions.await(replica, container.id, after, known === undefined ? undefined : 0)
    this.#actions.admit(replica, container.id, [counted])
    return true
  }
}
