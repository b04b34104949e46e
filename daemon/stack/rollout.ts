/**
 * How the replicas of a service are replaced: in which order, how many at a time, and what a failure means. The file's word
 * (`deploy.update_config`, `deploy.rollback_config`), completed by ours. Pure.
 */
import type { Model, UpdateConfig } from '../../protocol/stackfile/model.ts'
import { isReleased } from '../../protocol/stackfile/release-policy.ts'
import { parseDuration } from '../../protocol/stackfile/units.ts'
import { type IngressReach, orderOf, type RolloutOrder } from './replacement-order.ts'
import type { ServiceRouting } from './routing.ts'

export type FailureAction = 'pause' | 'continue' | 'rollback'

export interface Rollout {
  readonly order: RolloutOrder
  /** Why this order, for people; and what to write to have the other one. */
  readonly why: string
  /** The file asks for this order. What is only our choice gives way where data is at stake. */
  readonly isWritten: boolean
  /**
   * Whether replicas are followed until they count, in batches. Without it replacing is what it is in Compose: all at once,
   * and what was started counts.
   */
  readonly watched: boolean
  /** Replicas at a time; 0: all. */
  readonly parallelism: number
  /** Between batches. */
  readonly delayMs: number
  /** How long a new replica must run before it counts. */
  readonly monitorMs: number
  /** `instead`: a health check that passes makes up for it. `beside`: it is written, and both must hold. */
  readonly monitor: 'instead' | 'beside'
  /** Failed replicas, of all, that are put up with. */
  readonly maxFailureRatio: number
  /** Undefined where the file says nothing: then the whole stack goes back. */
  readonly failureAction: FailureAction | undefined
}

/** Swarm's own: `--update-monitor`, `--update-parallelism`. */
const MONITOR_MS = 5000
const PARALLELISM = 1

export interface Rollouts {
  readonly update: Rollout
  /** On the way back to an earlier revision. */
  readonly rollback: Rollout
}

export function rolloutsOf(
  model: Model,
  service: string,
  routing: ServiceRouting | undefined,
  reach: IngressReach,
): Rollouts {
  const spec = model.services[service]!
  const { update_config: update, rollback_config } = spec.deploy ?? {}
  // What is not said of the way back is as on the way there.
  const rollback =
    rollback_config === undefined || update?.order === undefined
      ? (rollback_config ?? update)
      : { order: update.order, ...rollback_config }
  const rolloutOf = (config: UpdateConfig | undefined): Rollout => {
    const { order, why } = orderOf(spec, config?.order, reach, isReleased(model, service) ? 'atomic' : 'rolling')
    const isWritten = config?.order !== undefined && config.order === order
    return {
      order,
      why,
      isWritten,
      watched:
        config !== undefined ||
        order === 'start-first' ||
        routing !== undefined ||
        spec['x-evenkeel']?.ready !== undefined,
      parallelism: config?.parallelism ?? PARALLELISM,
      delayMs: milliseconds(config?.delay) ?? 0,
      monitorMs: milliseconds(config?.monitor) ?? (config !== undefined || order === 'start-first' ? MONITOR_MS : 0),
      monitor: config?.monitor === undefined ? 'instead' : 'beside',
      maxFailureRatio: config?.max_failure_ratio ?? 0,
      failureAction: failureActionOf(config),
    }
  }
  return { update: rolloutOf(update), rollback: rolloutOf(rollback) }
}

/** Whether failures of so many of a service's replicas are put up with. */
export function tolerates(
  { failureAction, maxFailureRatio }: Pick<Rollout, 'failureAction' | 'maxFailureRatio'>,
  failed: number,
  replicas: number,
): boolean {
  return failureAction === 'continue' || failed / Math.max(replicas, 1) <= maxFailureRatio
}

function failureActionOf(config: UpdateConfig | undefined): FailureAction | undefined {
  const action = config?.failure_action
  return action === 'pause' || action === 'continue' || action === 'rollback' ? action : undefined
}

const milliseconds = (duration: string | undefined): number | undefined => {
  const ns = duration === undefined ? undefined : parseDuration(duration)
  return ns === undefined ? undefined : ns / 1e6
}
