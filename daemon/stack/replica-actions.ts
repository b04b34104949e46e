/** The actions upon one replica of a service, as every stage of its life has them. */
import type { Effect } from '../../protocol/resources/plan.ts'
import { replicaName } from './container-name.ts'
import type { DesiredService } from './desired.ts'
import type { Draft } from './draft.ts'
import type { ObservedContainer } from './observed.ts'
import { removeContainer } from './plan-down.ts'
import type { PlanInput } from './plan-input.ts'
import { refuseTakenPorts } from './plan-ports.ts'
import { volumeCreation } from './plan-volumes.ts'
import type { Rollout } from './rollout.ts'
import { NO_ROUTINGS } from './routing.ts'
import type { ServiceWork, Stages } from './service-work.ts'

export class ReplicaActions {
  readonly work: ServiceWork
  readonly rollout: Rollout | undefined
  readonly #draft: Draft
  readonly #input: PlanInput
  readonly #stages: Stages
  readonly #service: DesiredService

  constructor(draft: Draft, input: PlanInput, stages: Stages, service: DesiredService, job: boolean) {
    this.#draft = draft
    this.#input = input
    this.#stages = stages
    this.#service = service
    // A job is to end: nobody could watch it run.
    this.rollout = job ? undefined : service.rollouts?.[input.policy.rollout ?? 'update']
    this.work = { service, starts: [], stops: [], untouched: [] }
  }

  remove(container: ObservedContainer, reason: string, effect: 'remove' | 'replace' = 'remove', after: string[] = []) {
    const force = this.#input.policy.graceSeconds === 0
    // Without a successor there is nobody to bring the next connection to: then it ends as in Compose.
    const isRouted = this.routings.routed[container.id] !== undefined && this.#service.run === 'running'
    const drainMs = isRouted ? this.#service.routing?.drainMs : undefined
    const how = { reason, anonymousVolumes: 'keep' as const, after, force, effect, drainMs }
    return removeContainer(this.#draft, container, how)
  }

  get routings() {
    return this.#input.memory.routings ?? NO_ROUTINGS
  }

  /** Services that lend it a namespace, and whose container this plan makes. */
  lenders(): string[] {
    return this.#service.sharesWith.filter((service) => this.#draft.has(creation(service)))
  }

  name(replica: number): string {
    return replicaName(this.#input.desired.stack, this.#service, replica)
  }

  /** What all actions upon the replica have in common. */
  of(replica: number): { readonly key: string; readonly object: string; readonly service: string } {
    const { service } = this.#service
    return { key: `${service} ${replica}`, object: `Container ${this.name(replica)}`, service }
  }

  /** What must be there before a container can be created: image, networks, volumes. */
  needs(which: 'all' | 'without-networks' = 'all'): string[] {
    const { images } = this.#stages
    return [
      ...(images[this.#service.service] ?? []),
      ...(which === 'all' ? this.networksMade() : []),
      ...this.lenders().map(creation),
      ...this.#service.volumes.map(volumeCreation),
      ...refuseTakenPorts(this.#draft, this.#input, this.#service),
    ]
  }

  networksMade(): string[] {
    const { created } = this.#stages.networks
    return this.#service.networks.map((name) => created[name]).filter((id) => id !== undefined)
  }

  /** Networks of the service that this plan makes anew. */
  madeAnew() {
    return this.#service.networks.map((name) => this.#stages.networks.replaced[name]).filter((n) => n !== undefined)
  }

  start(
    replica: number,
    id: string | undefined,
    after: string[],
    reason: string,
    effect: Effect,
    generation?: number | undefined,
  ): string {
    const started = this.#draft.add({
      body: { kind: 'start-container', service: this.#service.service, replica, id, generation },
      ...this.of(replica),
      effect,
      reason,
      after: [...after, ...this.networksMade()],
    })
    this.work.starts.push(started)
    return started
  }

  restart(replica: number, id: string, after: readonly string[], reason: string, effect: Effect): string {
    const { service, restart: generation } = this.#service
    const restarted = this.#draft.add({
      body: { kind: 'restart-container', service, replica, id, generation },
      ...this.of(replica),
      effect,
      reason,
      after,
    })
    this.work.starts.push(restarted)
    return restarted
  }

  /** What it takes until it runs; nothing where it does. */
  bringUp(replica: number, { id, state }: ObservedContainer, after: readonly string[], reason: string): string[] {
    if (state === 'running' || state === 'restarting') return []
    if (state !== 'paused') return [this.start(replica, id, [...after], reason, 'replace')]
    const unpaused = this.#draft.add({
      body: { kind: 'unpause-container', service: this.#service.service, replica, id },
      ...this.of(replica),
      effect: 'replace',
      reason,
      after,
    })
    this.work.starts.push(unpaused)
    return [unpaused]
  }

  await(replica: number, id: string | undefined, after: readonly string[], monitorMs?: number): string {
    const { monitorMs: declared = 0, monitor = 'instead' } = this.rollout ?? {}
    const { service } = this.#service
    return this.#draft.add({
      body: { kind: 'await-replica', service, replica, id, monitorMs: monitorMs ?? declared, monitor },
      ...this.of(replica),
      effect: 'wait',
      reason: 'until it counts',
      after,
    })
  }

  admit(replica: number, id: string | undefined, after: readonly string[]): string {
    const { service } = this.#service
    return this.#draft.add({
      body: { kind: 'admit-replica', service, replica, id },
      ...this.of(replica),
      effect: 'change',
      reason: 'the ingress is to bring it connections',
      after: [...after, `publish-service ${service}`],
    })
  }

  carried(from: readonly ObservedContainer[]): Readonly<Record<string, string>> {
    if (this.#input.policy.anonymousVolumes === 'renew') return {}
    return Object.assign({}, ...[...from].reverse().map((container) => container.anonymousVolumes))
  }
}

/** The action that makes the first container of a service. */
const creation = (service: string): string => `create-container ${service} 1`
