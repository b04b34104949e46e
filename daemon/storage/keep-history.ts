/** Bounds what is kept of the past, by count and by age, and clears away build contexts that nothing names any more. */
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
/** A context belongs to no revision until the request comes that it was uploaded for, and to none at all for a job. */
const UNNAMED_MS = DAY_MS

interface Sweepable {
  sweep(wanted: ReadonlySet<string>, olderThanMs: number): Promise<number>
}

interface Past {
  readonly store: Pick<Store, 'batch' | 'events' | 'deployments' | 'revisions'>
  readonly contexts: Sweepable
  readonly bundles: Sweepable
  readonly clock: Clock
  readonly log: { warn(fields: object, message: string): void }
}

/** Until the signal ends it: at once, then every ten minutes. What fails is tried again the next time. */
export async function keepHistory(
  { store, contexts, bundles, clock, log }: Past,
  limits: HistoryLimits,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      forgetOld(store, limits, clock.now())
      await contexts.sweep(store.revisions.contexts(), UNNAMED_MS)
      await bundles.sweep(store.revisions.bundles(), UNNAMED_MS)
    } catch (err) {
      log.warn({ err }, 'what is old could not be cleared away; it is tried again in ten minutes')
    }
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
