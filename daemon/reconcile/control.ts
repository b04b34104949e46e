/**
 * What the outside may ask of the core: the use cases behind the API. Each change is acknowledged once it is in SQLite;
 * the stack's loop then works on it. Rejects with a `Problem`.
 */
import type { Container } from '../../protocol/resources/container.ts'
import type { Accepted, CancelRequest, Deployment } from '../../protocol/resources/deployment.ts'
import type { ResolvedName } from '../../protocol/resources/name.ts'
import type { KillOptions, PauseOptions, RemoveOptions } from '../../protocol/resources/operations.ts'
import type { Plan } from '../../protocol/resources/plan.ts'
import type { Revision } from '../../protocol/resources/revision.ts'
import type {
  AdoptRequest,
  DownOptions,
  RollbackRequest,
  ScaleRequest,
  ServicesRequest,
  Stack,
  StackSummary,
  TrialDecision,
  UpRequest,
} from '../../protocol/resources/stack.ts'
import type { Trial } from '../../protocol/resources/trial.ts'
import type { Model } from '../../protocol/stackfile/model.ts'
import type { ModelPolicy } from '../stack/model-policy.ts'

/** Who asks: shown in history and audit. */
export interface Caller {
  readonly name: string
  /** What it may ask the Engine for; undefined: anything. */
  readonly policy?: ModelPolicy
}

/** What of containers takes more than their list: what differs from the declaration, and what those that crash said last. */
export interface ContainerDetail {
  readonly drift: 'show' | 'omit'
  readonly lastLines: 'show' | 'omit'
}

export interface Control {
  up(stack: string, request: UpRequest, caller: Caller): Promise<Accepted>
  plan(stack: string, request: UpRequest, caller: Caller): Promise<Plan>
  drift(stack: string): Promise<Plan>
  down(stack: string, options: DownOptions, caller: Caller): Promise<Accepted>
  start(stack: string, request: ServicesRequest, caller: Caller): Promise<Accepted>
  stop(stack: string, request: ServicesRequest, caller: Caller): Promise<Accepted>
  /** `anew`: services whose containers are made anew instead. */
  restart(stack: string, request: ServicesRequest, caller: Caller, anew?: readonly string[]): Promise<Accepted>
  scale(stack: string, request: ScaleRequest, caller: Caller): Promise<Accepted>
  rollback(stack: string, request: RollbackRequest, caller: Caller): Promise<Accepted>
  /** Has the revision on trial everywhere; where it stands by, it gets the traffic first. */
  promote(stack: string, request: TrialDecision, caller: Caller): Promise<Accepted>
  abort(stack: string, request: TrialDecision, caller: Caller): Promise<Accepted>
  /** Ends a deployment that waits or is under way; what it changed goes back to what was there. */
  cancel(stack: string, request: CancelRequest, caller: Caller): Accepted
  planRollback(stack: string, request: RollbackRequest, caller: Caller): Promise<Plan>
  kill(stack: string, options: KillOptions, caller: Caller): Promise<Accepted>
  pause(stack: string, options: PauseOptions, caller: Caller): Promise<Accepted>
  unpause(stack: string, options: PauseOptions, caller: Caller): Promise<Accepted>
  remove(stack: string, options: RemoveOptions, caller: Caller): Promise<Accepted>
  adopt(stack: string, request: AdoptRequest, caller: Caller): Promise<Accepted>
  /** What `up` would do once the project is adopted. */
  planAdopted(stack: string, request: AdoptRequest, caller: Caller): Promise<Plan>
  eject(stack: string, caller: Caller): Promise<Accepted>
  /** The stack as it is meant to be, as one model. */
  model(stack: string): Model

  stacks(): Promise<StackSummary[]>
  stack(stack: string): Promise<Stack>
  containers(stack: string, detail: ContainerDetail): Promise<Container[]>
  /** Undefined: nothing of it is on trial. */
  trial(stack: string): Trial | undefined
  names(stack: string): Promise<ResolvedName[]>
  revisions(stack: string, limit: number): Revision[]
  revision(stack: string, number: number): Revision
  deployments(stack: string, limit: number, revision?: number): Deployment[]
  deployment(id: string): Deployment
  /** As soon as it has ended, or as it stands after so long. */
  deploymentWithin(id: string, waitMs: number): Promise<Deployment>
}
