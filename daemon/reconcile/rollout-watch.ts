/** What a round's failures mean for its rollouts: put up with, stop for a person, or the whole stack goes back. */
import { Problem } from '../../protocol/problems.ts'
import type { Action } from '../stack/actions.ts'
import type { DesiredService, DesiredStack } from '../stack/desired.ts'
import { replicaKey } from '../stack/operation.ts'
import type { Policy } from '../stack/policy.ts'
import { type Rollout, tolerates } from '../stack/rollout.ts'
import { isEngineAway } from './perform/engine-answers.ts'

export type RolloutVerdict =
  | { readonly kind: 'go-back'; readonly problem: Problem }
  | { readonly kind: 'pause'; readonly services: readonly string[]; readonly problem: Problem }

/** What a new version is needed for. That an old one does not go is no reason to have it back: the loop goes on from there. */
const OF_THE_NEW: ReadonlySet<Action['body']['kind']> = new Set([
  'create-container',
  'start-container',
  'await-replica',
  'publish-service',
  'run-steps',
  'admit-replica',
  'switch-release',
  'split-traffic',
])

export class RolloutWatch {
  readonly #desired: DesiredStack
  readonly #policy: Policy
  /** Services whose containers are replaced and followed; without one a round is what it is in Compose. */
  readonly #followed = new Set<string>()
  /** All of it is switched at once, with what it leaves as it is on its networks. */
  #isWhole = false
  readonly #failures = new Map<string, Set<string>>()
  readonly #over = new AbortController()
  #verdict: RolloutVerdict | undefined

  constructor(desired: DesiredStack, policy: Policy) {
    this.#desired = desired
    this.#policy = policy
  }

  /** Aborted when the verdict is there: nothing more of the round is begun. */
  get over(): AbortSignal {
    return this.#over.signal
  }

  get verdict(): RolloutVerdict | undefined {
    return this.#verdict
  }

  begin(actions: readonly Action[]): void {
    if (this.#policy.mode !== 'request') return
    const awaited = new Set(actions.filter(({ body }) => body.kind === 'await-replica').map(({ service }) => service))
    for (const { service, effect, body, set } of actions) {
      if (body.kind === 'switch-release') {
        for (const one of body.services) this.#followed.add(one)
        this.#isWhole = true
      }
      const isNew = effect === 'replace' || set === 'trial'
      const isFollowed = body.kind === 'run-steps' || (isNew && awaited.has(service))
      if (service !== undefined && isFollowed) this.#followed.add(service)
    }
  }

  /** The failure of an action. That of the way back is a failure, and no reason to go back. */
  failed({ body, service: of }: Action, error: Problem): void {
    // A switch is that of all services.
    const service = of ?? (body.kind === 'switch-release' ? body.services[0] : undefined)
    if (this.#followed.size === 0 || service === undefined || this.#verdict !== undefined) return
    // That the Engine is away says nothing of a version: the loop goes on once it is back.
    const isOfTheNew = OF_THE_NEW.has(body.kind) || (this.#isWhole && body.kind === 'connect-network')
    if (!isOfTheNew || isEngineAway(error)) return
    const failures = this.#failures.get(service) ?? new Set()
    this.#failures.set(service, failures.add('replica' in body ? replicaKey(service, body.replica) : service))
    if (this.tolerates(service)) return
    const action = this.#rolloutOf(service)?.failureAction ?? 'rollback'
    if (action === 'rollback' && this.#policy.rollout !== 'rollback')
      this.#verdict = { kind: 'go-back', problem: error }
    else this.#verdict = { kind: 'pause', services: [service], problem: error }
    this.#over.abort(new Problem('deployment-failed', `${service} failed`))
  }

  /** Whether what has failed of it so far is put up with. */
  tolerates(service: string): boolean {
    const failed = this.#failures.get(service)?.size ?? 0
    const rollout = this.#rolloutOf(service)
    if (failed === 0) return true
    return rollout !== undefined && tolerates(rollout, failed, this.#of(service)?.replicas ?? 1)
  }

  /** All that failed was put up with. */
  get isTolerable(): boolean {
    return this.#failures.size > 0 && this.#verdict === undefined
  }

  #rolloutOf(service: string): Rollout | undefined {
    return this.#of(service)?.rollouts?.[this.#policy.rollout ?? 'update']
  }

  /** Where some of it is on trial, that is what may fail. */
  #of(service: string): DesiredService | undefined {
    return this.#desired.trial?.services[service] ?? this.#desired.services[service]
  }
}
