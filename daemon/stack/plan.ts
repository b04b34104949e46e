/**
 * The planner: what must be done so that what is observed becomes what is desired. A pure function: no I/O, no clock, no
 * randomness, so that `evenkeel plan` shows exactly what will run, and a simulator can try very many situations.
 */
import type { StackPlan } from './actions.ts'
import type { DesiredStack } from './desired.ts'
import { Draft } from './draft.ts'
import type { Observed, ObservedContainer } from './observed.ts'
import { planDown, type Removal } from './plan-down.ts'
import { planNetworks } from './plan-networks.ts'
import { planServices } from './plan-services.ts'
import { planVolumes } from './plan-volumes.ts'
import type { Policy } from './policy.ts'

/** What cannot be observed and must survive a crash. */
export interface Memory {
  /** Restart counter that a container was last restarted for, by container id. */
  readonly restarted: Readonly<Record<string, number>>
  /** Named volumes that were there once. One that is gone is not silently made again. */
  readonly volumes: readonly string[]
  /** Services that somebody asked to run and that have not all been started since: a failed request is not forgotten. */
  readonly owed?: readonly string[]
}

export interface PlanInput {
  readonly desired: DesiredStack
  readonly observed: Observed
  readonly memory: Memory
  readonly policy: Policy
  /** Set for `down`: what goes, beyond containers and networks. */
  readonly removal?: Removal | undefined
  /** Ids of image actions that come before all containers of a service; drawn by the image stage. */
  readonly imageActions?: ImageStage | undefined
  /** In words, what differs between a container and what is desired of it. */
  readonly explain: (container: ObservedContainer) => string
}

/** Draws pulls and builds into the draft; answers the ids that each service waits for. */
export type ImageStage = (draft: Draft) => Readonly<Record<string, readonly string[]>>

export function plan(input: PlanInput): StackPlan {
  const draft = new Draft()
  if (input.desired.presence === 'absent') {
    planDown(draft, input)
    return draft.finish()
  }
  const images = input.imageActions?.(draft) ?? {}
  const networks = planNetworks(draft, input)
  planVolumes(draft, input)
  planServices(draft, input, { images, networks })
  return draft.finish()
}
