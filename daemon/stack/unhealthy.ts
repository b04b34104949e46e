/**
 * What to do about a container that fails its health check. That the check has failed often enough, and that its start
 * period is over, is the Engine's judgement: only then does it call a container unhealthy.
 */
import type { DesiredService } from './desired.ts'
import type { ObservedContainer } from './observed.ts'
import type { Cures } from './plan-input.ts'

/** From one replacement to the next: doubled each time. */
const FIRST_WAIT_MS = 10_000
const LAST_WAIT_MS = 300_000
/** A replica that was left alone for so long begins anew. */
const FORGOTTEN_MS = 30 * 60_000

export type Verdict =
  | { readonly kind: 'replace' }
  | { readonly kind: 'wait'; readonly untilMs: number; readonly times: number }
  | { readonly kind: 'report'; readonly mounts: readonly string[] }

export function judgeUnhealthy(
  container: ObservedContainer,
  service: DesiredService,
  cures: Cures | undefined,
  nowMs: number,
): Verdict {
  if (!mayBeMadeAnew(container, service)) return { kind: 'report', mounts: container.writableMounts ?? [] }
  const times = curesBefore(cures, nowMs)
  if (cures === undefined || times === 0) return { kind: 'replace' }
  const untilMs = cures.atMs + Math.min(FIRST_WAIT_MS * 2 ** (times - 1), LAST_WAIT_MS)
  // A clock that was set back must not put it off for longer than the longest wait.
  return nowMs >= untilMs || untilMs > nowMs + LAST_WAIT_MS ? { kind: 'replace' } : { kind: 'wait', untilMs, times }
}

/**
 * By the loop itself, without what it wrote outside its mounts. What can write to one may have done harm to data: a person
 * looks first.
 */
export function mayBeMadeAnew({ writableMounts }: ObservedContainer, { healing }: DesiredService): boolean {
  if (healing?.unhealthy !== undefined) return healing.unhealthy === 'replace'
  return writableMounts === undefined || writableMounts.length === 0
}

/** How many of them still count. */
export function curesBefore(cures: Cures | undefined, nowMs: number): number {
  return cures === undefined || nowMs - cures.atMs > FORGOTTEN_MS ? 0 : cures.times
}
