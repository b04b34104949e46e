/** What the planner is given. */
import type { DesiredStack } from './desired.ts'
import type { Draft } from './draft.ts'
import type { Observed, ObservedContainer } from './observed.ts'
import type { Operation } from './operation.ts'
import type { Policy } from './policy.ts'
import type { Routings } from './routing.ts'
import type { StepsState } from './steps.ts'

/** What a `down` removes beyond containers and networks. */
export interface Removal {
  readonly volumes: 'keep' | 'remove'
  readonly orphans: 'keep' | 'remove'
  /** References of the images to remove. */
  readonly images: readonly string[]
}

/** What cannot be observed and must survive a crash. */
export interface Memory {
  /** Restart counter that a container was last restarted for, by container id. */
  readonly restarted: Readonly<Record<string, number>>
  /** Named volumes that were there once. One that is gone is not silently made again. */
  readonly volumes: readonly string[]
  /** Named volumes that no command removes until they are unprotected. */
  readonly protected?: readonly string[]
  /** Services that somebody asked to run and that have not all been started since: a failed request is not forgotten. */
  readonly owed?: readonly string[]
  /** Ids of containers whose restart policy was taken from them when they were stopped through us. */
  readonly held?: readonly string[]
  /** Containers that the Engine may be about to stop, by id: a call of an earlier run whose answer nobody heard. */
  readonly stopping?: readonly string[]
  /** Ids of containers that run on after a signal that means stop: they are let run. */
  readonly signalled?: readonly string[]
  /** Replicas, as `replicaKey` names them, whose containers were removed on purpose (`rm`). */
  readonly vacant?: readonly string[]
  /** How often lately somebody stopped a container past us that is down since, by id. */
  readonly halted?: Readonly<Record<string, number>>
  /** Ids of containers that have ended by themselves within the last minutes. */
  readonly crashed?: readonly string[]
  /** Ids of containers that the Engine ends again and again by itself. */
  readonly endedByEngine?: readonly string[]
  /** Replicas, as `replicaKey` names them, that were made anew because they were unhealthy. */
  readonly cures?: Readonly<Record<string, Cures>>
  /** Services whose rollout stopped for a person to decide, by the revision that it was to reach. */
  readonly pausedRollouts?: Readonly<Record<string, number>>
  readonly routings?: Routings
  /** The release that an atomic stack was last switched to. Undefined: that is not known. */
  readonly switched?: number | undefined
  /** Services with steps that a request brought to a revision, and that are not all done. */
  readonly steps?: Readonly<Record<string, StepsState>>
  /** Ids of containers that the Engine pauses for a moment, to make an image of them. */
  readonly frozen?: readonly string[]
}

export interface Cures {
  readonly times: number
  /** When the last one was begun: Unix milliseconds. */
  readonly atMs: number
}

export interface PlanInput {
  /** Unix milliseconds. */
  readonly nowMs: number
  readonly desired: DesiredStack
  readonly observed: Observed
  readonly memory: Memory
  readonly policy: Policy
  /** Set for `down`: what goes, beyond containers and networks. */
  readonly removal?: Removal | undefined
  /** Set for what is done to containers that are there: then nothing else is done. */
  readonly operation?: Operation | undefined
  /** Ids of image actions that come before all containers of a service; drawn by the image stage. */
  readonly imageActions?: ImageStage | undefined
  /** In words, what differs between a container and what is desired of it. */
  readonly explain: (container: ObservedContainer) => string
}

/** Draws pulls and builds into the draft; answers the ids that each service waits for. */
export type ImageStage = (draft: Draft) => Readonly<Record<string, readonly string[]>>
