/** Bounds what is kept of the past, by count and by age. */
import type { Clock } from '../reconcile/clock.ts'
import type { Store } from '../store/store.ts'

export interface HistoryLimits {
  readonly events: number
  readonly eventDays: number
  /** Of each stack. */
  readonly deployments: number
  readonly deploymentDays: number
  /** Logs of removed containers, of each stack. */
  readonly logMib: number
  readonly logDays: number
}

export const HISTORY: HistoryLimits = {
  events: 20_000,
  eventDays: 90,
  deployments: 200,
  deploymentDays: 365,
  logMib: 50,
  logDays: 7,
}

const EVERY_MS = 10 * 60_000
const DAY_MS = 86_400_000

/** Until the signal ends it: at once, then every ten minutes. */
export async function keepHistory(
  store: Pick<Store, 'batch' | 'events' | 'deployments'>,
  limits: HistoryLimits,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    forgetOld(store, limits, clock.now())
    await clock.sleep(EVERY_MS, signal)
  }
}

export function forgetOld(
  store: Pick<Store, 'batch' | 'events' | 'deployments'>,
  limits: HistoryLimits,
  now: Date,
): void {
  const before = (days: number) => new Date(now.getTime() - days * DAY_MS).toISOString()
  store.batch(() => {
    store.events.prune(limits.events, before(limits.eventDays))
    for (const stack of store.deployments.stacks())
      store.deployments.prune(stack, limits.deployments, before(limits.deploymentDays))
  })
}
