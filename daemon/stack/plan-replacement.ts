/** A replica whose container is outdated: its successor comes, and takes over before or after the old one goes. */
import type { DesiredService } from './desired.ts'
import type { Draft } from './draft.ts'
import { lostNetwork } from './match.ts'
import type { ObservedContainer } from './observed.ts'
import { BatchPlanner } from './plan-batches.ts'
import type { PlanInput } from './plan-input.ts'
import { portThatComesBack } from './plan-ports.ts'
import type { ReplicaActions } from './replica-actions.ts'
import type { RunRules } from './run-rules.ts'
import { servingFirst } from './serving.ts'

export class ReplacementPlanner {
  readonly #draft: Draft
  readonly #input: PlanInput
  readonly #service: DesiredService
  readonly #actions: ReplicaActions
  readonly #rules: RunRules
  readonly #batches: BatchPlanner

  constructor(draft: Draft, input: PlanInput, service: DesiredService, actions: ReplicaActions, rules: RunRules) {
    this.#draft = draft
    this.#input = input
    this.#service = service
    this.#actions = actions
    this.#rules = rules
    this.#batches = new BatchPlanner(draft, input.desired.stack, service, actions.rollout)
  }

  /** After all replicas: batches follow each other. */
  finish(): void {
    this.#batches.finish()
  }

  /** The outdated ones serve still, and go on until their successor counts. */
  isBeside(outdated: readonly ObservedContainer[]): boolean {
    if (this.#order(outdated) === 'stop-first') return false
    return outdated.some(({ state }) => state === 'running' || state === 'paused' || state === 'restarting')
  }

  /**
   * The new container is created beside the old one under a temporary name, so that whatever the Engine refuses is known
   * before anything is stopped, and so that it holds the anonymous volumes before their owner goes. A crash in between
   * leaves a pair that the next plan understands by its labels.
   */
  replace(
    replica: number,
    outdated: readonly ObservedContainer[],
    /** `after`: the removals of what may hold its names. */
    { after, cure }: { readonly after: readonly string[]; readonly cure?: 'unhealthy' },
  ): void {
    const service = this.#service.service
    const order = this.#order(outdated)
    this.#explainOrder(order, outdated)
    const lost = lostNetwork(outdated[0]!, this.#service, this.#input.observed)
    const lender = this.#actions.lenders()[0]
    const reason =
      lost !== undefined
        ? `network ${lost} was made anew`
        : lender !== undefined
          ? `it shares with ${lender}, which is made anew`
          : cure !== undefined
            ? 'it is unhealthy'
            : this.#input.explain(outdated[0]!)
    const networks = this.#actions.madeAnew()
    const shared = {
      ...this.#actions.of(replica),
      effect: 'replace' as const,
      reason,
    }
    const carriedVolumes = this.#actions.carried(outdated)
    if (networks.length > 0) {
      // What refuses the successor is known before its predecessor goes; the networks themselves come in between.
      const first = this.#actions.needs('without-networks')
      const gone = outdated.map(
        (container) => this.#actions.remove(container, 'its network changed', 'replace', first)[1],
      )
      for (const network of networks) this.#draft.order(network.removal, gone)
      const body = {
        kind: 'create-container' as const,
        service,
        replica,
        name: this.#actions.name(replica),
        carriedVolumes,
      }
      const created = this.#draft.add({ ...shared, body, after: [...this.#actions.needs(), ...after, ...gone] })
      this.#startAndFollow(replica, [created], reason)
      return
    }
    const temporary = `${this.#actions.name(replica)}.next-${(this.#service.specHash ?? '').slice(0, 8)}${this.#service.recreate}`
    const body = { kind: 'create-container' as const, service, replica, name: temporary, carriedVolumes, cure }
    // A dead successor of an earlier try may hold the very name.
    const holders = outdated.filter((container) => container.name === temporary)
    const freed = holders.map((container) => this.#actions.remove(container, reason, 'replace')[1])
    const created = this.#draft.add({ ...shared, body, after: [...this.#actions.needs(), ...after, ...freed] })
    const leaving = outdated.filter((container) => !holders.includes(container))
    if (order === 'start-first') {
      const started = this.#actions.start(replica, undefined, [created], reason, 'replace')
      const last = this.#handOver(replica, undefined, leaving, [started], reason)
      this.#batches.add([created], last)
      return
    }
    const gone = leaving.map((container) => this.#actions.remove(container, reason, 'replace', [created])[1])
    const renamed = this.#draft.add({
      ...shared,
      body: { kind: 'rename-container', service, replica, id: undefined, name: this.#actions.name(replica) },
      after: [created, ...gone],
    })
    this.#batches.add([created], this.#startAndFollow(replica, [renamed], reason))
  }

  /** In the place of its predecessor, which is gone. Answers the ids of what comes last. */
  #startAndFollow(replica: number, after: string[], reason: string): string[] {
    if (this.#service.run !== 'running') return after
    const started = this.#actions.start(replica, undefined, after, reason, 'replace')
    if (this.#actions.rollout?.watched !== true) return [started]
    const counted = this.#actions.await(replica, undefined, [started])
    return this.#service.routing === undefined ? [counted] : [this.#actions.admit(replica, undefined, [counted])]
  }

  /** Both are there, as an earlier run left them: the newer one takes over, once it counts. */
  succeed(
    replica: number,
    current: ObservedContainer,
    outdated: readonly ObservedContainer[],
    after: readonly string[],
  ): void {
    this.#explainOrder('start-first', outdated)
    const reason = 'its successor is there'
    const runs = current.state === 'running' || current.state === 'restarting'
    // It may not for long: what stops it is under way.
    const started =
      runs && this.#rules.mustRestart(current)
        ? [this.#actions.restart(replica, current.id, after, 'it is to take over', 'replace')]
        : this.#actions.bringUp(replica, current, after, 'it is to take over')
    this.#batches.add(started, this.#handOver(replica, current, outdated, [...after, ...started], reason))
  }

  /**
   * Start-first: the new one counts, the ingress brings it what is new, the old one ends what it has begun, and goes. Of
   * several old ones only the one that serves is kept for so long. Answers the ids of what comes last.
   */
  #handOver(
    replica: number,
    current: ObservedContainer | undefined,
    leaving: readonly ObservedContainer[],
    after: readonly string[],
    reason: string,
  ): string[] {
    const counted = this.#actions.await(replica, current?.id, after, this.#isProved(current, leaving) ? 0 : undefined)
    const { routing, service } = this.#service
    const [serving] = servingFirst(leaving, this.#actions.name(replica), this.#actions.routings.routed)
    const holders = leaving.filter((container) => this.holdsIngressPort(container))
    const admitted = routing === undefined ? [] : [this.#actions.admit(replica, current?.id, [counted])]
    if (holders.length > 0)
      this.#draft.warn(
        `${portsOf(routing)} of ${service} moves from the Engine to the ingress: this once there is a gap, from the stop of the old container until the ingress listens`,
      )
    const gone = leaving.map((container) => {
      // Without this each try that never counts would leave one more.
      if (container !== serving) return this.#actions.remove(container, 'it never took over', 'replace')[1]
      // The ingress can have the port, and bring the new one connections, only once the Engine has let go of it.
      const before = holders.includes(container) ? [counted] : [counted, ...admitted]
      return this.#actions.remove(container, reason, 'replace', before)[1]
    })
    const renamed = this.#draft.add({
      body: { kind: 'rename-container', service, replica, id: current?.id, name: this.#actions.name(replica) },
      ...this.#actions.of(replica),
      effect: 'replace',
      reason,
      after: [counted, ...gone],
    })
    // The old one goes once the whole release is switched: the next batch is to be there before.
    return this.#service.releasing === 'atomic' ? [counted] : [...admitted, renamed]
  }

  /** It served before its successor was made, which is the way back; or it serves beside the others already. */
  #isProved(current: ObservedContainer | undefined, leaving: readonly ObservedContainer[]): boolean {
    if (current === undefined) return false
    if (leaving.every(({ created }) => created > current.created)) return true
    return current.state === 'running' && this.#actions.routings.routed[current.id]?.state === 'ready'
  }

  /** Its port is the Engine's as yet: it was made before the ingress had it. */
  holdsIngressPort({ id }: ObservedContainer): boolean {
    const { routing } = this.#service
    return this.#input.observed.ports.some(
      (held) => held.containerId === id && routing?.ports.some(({ port }) => port === held.port) === true,
    )
  }

  /** Which of the two orders it is for these: the file's word and our own choice, unless that cannot be had for them. */
  #order(outdated: readonly ObservedContainer[]): 'start-first' | 'stop-first' {
    const rollout = this.#actions.rollout
    if (rollout === undefined || rollout.order === 'stop-first') return 'stop-first'
    return this.#obstacle(outdated) === undefined ? 'start-first' : 'stop-first'
  }

  /** Why they go before their successor starts. What is only our own choice gives way to data that two would share. */
  #obstacle(outdated: readonly ObservedContainer[]): string | undefined {
    if (this.#service.run !== 'running') return 'it is not to run'
    const isLost = (container: ObservedContainer): boolean =>
      lostNetwork(container, this.#service, this.#input.observed) !== undefined
    if (this.#actions.lenders().length > 0 || this.#actions.madeAnew().length > 0 || outdated.some(isLost))
      return 'what it shares with others is made anew'
    const moved = portThatComesBack(this.#input, this.#service.service, outdated)
    if (moved !== undefined) return `port ${moved.port} moves to ${moved.to}, which is to be there before it`
    const [path] = outdated.flatMap(({ writableMounts = [] }) => writableMounts)
    return path === undefined || this.#actions.rollout?.isWritten === true
      ? undefined
      : `it can write to ${path}; deploy.update_config.order: start-first changes that`
  }

  #explainOrder(order: 'start-first' | 'stop-first', outdated: readonly ObservedContainer[]): void {
    const rollout = this.#actions.rollout
    if (rollout === undefined) return
    const why = order === rollout.order ? rollout.why : (this.#obstacle(outdated) ?? rollout.why)
    this.#draft.rollout({ service: this.#service.service, order, why })
  }
}

const portsOf = (routing: DesiredService['routing']): string =>
  `port ${(routing?.ports ?? []).map(({ port }) => port).join(', ')}`
