/**
 * Everything that a plan can contain. A closed union: the executor is a table typed by it, so that a new action does not
 * compile until it is handled. Actions name containers by id where they exist, by service and replica where they will.
 */
import type { ProblemCode } from '../../protocol/problems.ts'
import type { Effect } from '../../protocol/resources/plan.ts'
import type { ServiceRouting } from './routing.ts'
import type { StepTime } from './steps.ts'

export type ActionBody =
  | {
      readonly kind: 'pull-image'
      readonly reference: string
      readonly platform: string | undefined
      /** The service to build where the pull fails. */
      readonly fallback: string | undefined
    }
  | { readonly kind: 'build-image'; readonly service: string; readonly reference: string }
  | { readonly kind: 'create-network'; readonly key: string; readonly name: string }
  | {
      readonly kind: 'remove-network'
      readonly id: string
      readonly name: string
      /** Of a release of which nothing is left: what else is ours on it is taken off. */
      readonly release?: number | undefined
    }
  | { readonly kind: 'create-volume'; readonly key: string; readonly name: string }
  | {
      readonly kind: 'remove-volume'
      readonly name: string
      /** For people. Undefined where it is not known. */
      readonly sizeBytes: number | undefined
    }
  | {
      readonly kind: 'create-container'
      readonly service: string
      readonly replica: number
      /** The name to create it under: its own, or a temporary one while the predecessor still holds that. */
      readonly name: string
      /** Anonymous volumes by mount target, taken over from the predecessor. */
      readonly carriedVolumes: Readonly<Record<string, string>>
      /** Set where its predecessor failed its health check: each such try is counted before it is made. */
      readonly cure?: 'unhealthy' | undefined
    }
  | {
      readonly kind: 'start-container'
      readonly service: string
      readonly replica: number
      readonly id: string | undefined
      /** The restart counter that this start answers as well. */
      readonly generation: number | undefined
    }
  | { readonly kind: 'unpause-container'; readonly service: string; readonly replica: number; readonly id: string }
  | { readonly kind: 'pause-container'; readonly service: string; readonly replica: number; readonly id: string }
  | {
      readonly kind: 'restart-container'
      readonly service: string
      readonly replica: number
      readonly id: string
      readonly generation: number | undefined
    }
  /** Puts it back on a network of its service that somebody took it off. */
  | {
      readonly kind: 'connect-network'
      readonly service: string
      readonly replica: number
      readonly id: string
      readonly network: string
    }
  /** `keep`: it stays stopped whatever the Engine's restart policy says. `remove` and `replace`: it goes next. */
  | {
      readonly kind: 'stop-container'
      readonly service: string
      readonly id: string
      readonly purpose: 'keep' | 'remove' | 'replace'
    }
  /** `stop`: whatever it does to the program, what ends of it stays down. `signal`: it is delivered, and that is all. */
  | {
      readonly kind: 'kill-container'
      readonly service: string
      readonly id: string
      readonly signal: string
      readonly purpose: 'stop' | 'signal'
    }
  /**
   * It goes unless it runs. A replica that has no other container then stays empty until somebody asks for it (`vacancy`);
   * where one stays (`another`), this was but a leftover beside it.
   */
  | {
      readonly kind: 'discard-container'
      readonly service: string
      readonly replica: number
      readonly id: string
      readonly leaves: 'vacancy' | 'another'
      readonly anonymousVolumes: 'keep' | 'remove'
    }
  | {
      readonly kind: 'remove-container'
      readonly service: string
      readonly id: string
      readonly mode: 'stopped' | 'force'
      readonly anonymousVolumes: 'keep' | 'remove'
    }
  | {
      readonly kind: 'rename-container'
      readonly service: string
      readonly replica: number
      readonly id: string | undefined
      readonly name: string
    }
  | {
      readonly kind: 'await-service'
      readonly service: string
      readonly until: 'healthy' | 'completed' | 'ready'
      readonly required: boolean
    }
  /** Until a new replica counts: healthy, and for so long without failing. */
  | {
      readonly kind: 'await-replica'
      readonly service: string
      readonly replica: number
      readonly id: string | undefined
      readonly monitorMs: number
      /** `instead`: a health check that passes makes up for the time. */
      readonly monitor: 'instead' | 'beside'
    }
  /** The commands that the file has a deployment run, each in a container of the new revision. */
  | { readonly kind: 'run-steps'; readonly service: string; readonly when: StepTime }
  /** Between two batches of a rollout: goes on unless too many replicas have failed. */
  | { readonly kind: 'continue-rollout'; readonly service: string; readonly batch: number; readonly delayMs: number }
  /** The ingress is to have this of a service: ports, routes, and a backend for its replicas. */
  | { readonly kind: 'publish-service'; readonly service: string; readonly routing: ServiceRouting }
  | { readonly kind: 'unpublish-service'; readonly service: string }
  /** All that the ingress is to have of a release in the place of what it has, at once. */
  | {
      readonly kind: 'switch-release'
      readonly release: number
      /** Whose new containers it is for. */
      readonly services: readonly string[]
      readonly publish: readonly { readonly service: string; readonly routing: ServiceRouting }[]
      readonly unpublish: readonly string[]
      readonly admit: readonly {
        readonly service: string
        readonly replica: number
        readonly id: string | undefined
      }[]
      /** Ids of containers that nothing new comes to from then on. */
      readonly drain: readonly string[]
    }
  /** The ingress brings it new connections from now on. */
  | {
      readonly kind: 'admit-replica'
      readonly service: string
      readonly replica: number
      readonly id: string | undefined
    }
  /** Nothing new comes to it; what it has begun may end for so long. */
  | { readonly kind: 'drain-replica'; readonly service: string; readonly id: string; readonly drainMs: number }
  /** The ingress forgets it: it is not there any more. */
  | { readonly kind: 'unroute-replica'; readonly service: string; readonly id: string }
  /**
   * Of what is new for these, so many percent goes to their containers of a revision, at once for all of them. `isPromoted`: no
   * less than their part of the containers.
   */
  | {
      readonly kind: 'split-traffic'
      readonly services: readonly string[]
      readonly revision: number
      readonly share: number
      readonly isPromoted: boolean
    }
  /** All of their containers are alike to the ingress again. */
  | { readonly kind: 'merge-traffic'; readonly services: readonly string[] }
  | { readonly kind: 'remove-image'; readonly reference: string }
  /** Fails at once with this: what comes after it is known to be impossible, and so nothing of it is begun. */
  | { readonly kind: 'refuse'; readonly code: ProblemCode; readonly message: string; readonly hint: string }

export type ActionKind = ActionBody['kind']

/** An action in its place: what comes before it, and why it is done at all. */
export interface Action {
  /** Unique within its plan, and the same for the same situation: `start-container web 1`. */
  readonly id: string
  readonly body: ActionBody
  /** As a person names what it acts on: `Container shop-web-1`. */
  readonly object: string
  readonly service: string | undefined
  /** It is upon a replica on trial, which another one of its number serves beside. */
  readonly set?: 'trial' | undefined
  readonly effect: Effect
  readonly reason: string
  /** Ids of the actions that come before it. They are all in the same plan, and make no cycle. */
  readonly after: readonly string[]
  /** Ids in `after` whose failure does not stop this one (a dependency that is not required). */
  readonly tolerates: readonly string[]
}

/** How a service is replaced in this plan, for people. */
export interface PlannedRollout {
  readonly service: string
  readonly order: 'start-first' | 'stop-first'
  readonly why: string
}

/** What is on trial does not do. */
export interface TrialFailure {
  readonly kind: 'failed'
  readonly service: string
  /** Ids of containers. */
  readonly failed: readonly string[]
  readonly why: string
  /** `abort`: what serves has all of the traffic again. `pause`: a person decides. */
  readonly remedy: 'abort' | 'pause'
}

/** Why a stack cannot be brought to what was declared without a person's decision. */
export interface Blocked {
  readonly reason: string
  readonly hint: string
}

export interface StackPlan {
  readonly actions: readonly Action[]
  readonly warnings: readonly string[]
  readonly rollouts: readonly PlannedRollout[]
  /** What is not well and is left as it is, in words for a person. */
  readonly concerns: readonly string[]
  /** When there will be something to do that is not to be done yet: Unix milliseconds. */
  readonly lookAgainAtMs: number | undefined
  /** Containers, networks and volumes that are as declared. */
  readonly unchanged: number
  readonly blocked: Blocked | undefined
  /** What is to become of the trial, where nobody has to decide that. */
  readonly trial?: TrialFailure | { readonly kind: 'over' } | undefined
}
