/** What the Engine says of a container's health, where its word alone is not enough. */
import type { ContainerInspect } from '../engine/types.ts'

/** What the Engine takes where a check does not say. */
const DEFAULT_RETRIES = 3

/**
 * Whether its check failed as often in a row as it may. The Engine calls a container unhealthy as well from a pause on until
 * it is asked again (moby, `CloseMonitorChannel`), and tells of no change then.
 */
export function hasFailed({ State, Config }: Pick<ContainerInspect, 'State' | 'Config'>): boolean {
  if (State.Health?.Status !== 'unhealthy') return false
  return State.Health.FailingStreak >= (Config.Healthcheck?.Retries || DEFAULT_RETRIES)
}
