/** Runs a plan along its DAG: what can go side by side does, up to a bound; what follows a failure is skipped. */
import { Problem } from '../../protocol/problems.ts'
import type { Action } from '../stack/actions.ts'

/**
 * Engine calls in flight for one stack. Flat from 3 to 16 on two cores; 8 keeps the Engine answering others (measured,
 * see CONTRIBUTING.md).
 */
export const CONCURRENCY = 8

export type StepChange =
  | { readonly state: 'running' }
  | { readonly state: 'done' }
  | { readonly state: 'failed'; readonly error: Problem }
  | { readonly state: 'skipped'; readonly because: string }

/** What the executor needs to know of an action: its place among the others. */
export interface Task {
  readonly id: string
  readonly after: readonly string[]
  /** Ids in `after` whose failure does not stop this one. */
  readonly tolerates: readonly string[]
  readonly body?: { readonly kind: string }
}

export interface Execution<T extends Task = Action> {
  readonly actions: readonly T[]
  /** Carries out one action. Its signal ends what can be ended: waits, pulls, builds. */
  readonly perform: (action: T, signal: AbortSignal) => Promise<void>
  readonly onChange: (action: T, change: StepChange) => void
  readonly signal: AbortSignal
  readonly concurrency?: number
}

export interface Outcome<T extends Task = Action> {
  readonly failures: readonly { readonly action: T; readonly error: Problem }[]
  readonly skipped: number
}

/** Actions that only wait or refuse take no slot: a chain of waits must not hold up what could go on. */
const takesSlot = ({ body }: Task): boolean => !WAITS.has(body?.kind ?? '')
const WAITS = new Set(['await-service', 'await-replica', 'continue-rollout', 'drain-replica', 'refuse'])

export async function execute<T extends Task>(execution: Execution<T>): Promise<Outcome<T>> {
  const { actions, perform, onChange, signal, concurrency = CONCURRENCY } = execution
  const failures: { action: T; error: Problem }[] = []
  const ended = new Map<string, 'done' | 'failed'>()
  const waiting = new Set(actions)
  const running = new Set<Promise<void>>()
  let slots = concurrency
  let skipped = 0

  const skip = (action: T, because: string): void => {
    waiting.delete(action)
    ended.set(action.id, 'failed')
    skipped += 1
    onChange(action, { state: 'skipped', because })
  }

  const begin = (action: T): void => {
    waiting.delete(action)
    const slot = takesSlot(action)
    if (slot) slots -= 1
    onChange(action, { state: 'running' })
    const work = perform(action, signal)
      .then(
        () => {
          ended.set(action.id, 'done')
          onChange(action, { state: 'done' })
        },
        (cause: unknown) => {
          const error = asProblem(cause)
          ended.set(action.id, 'failed')
          failures.push({ action, error })
          onChange(action, { state: 'failed', error })
        },
      )
      .finally(() => {
        if (slot) slots += 1
        running.delete(work)
      })
    running.add(work)
  }

  while (waiting.size > 0 || running.size > 0) {
    for (const action of waiting) {
      if (signal.aborted) {
        skip(action, 'the run was ended')
        continue
      }
      const verdict = readiness(action, ended)
      if (verdict === 'ready' && (slots > 0 || !takesSlot(action))) begin(action)
      else if (typeof verdict === 'object') skip(action, verdict.failed)
    }
    if (running.size > 0) await Promise.race(running)
    else if (waiting.size > 0)
      throw new Error(`a plan cannot go on: ${[...waiting].map((action) => action.id).join(', ')}`)
  }
  return { failures, skipped }
}

function readiness(
  action: Task,
  ended: ReadonlyMap<string, 'done' | 'failed'>,
): 'ready' | 'waiting' | { failed: string } {
  let verdict: 'ready' | 'waiting' = 'ready'
  for (const id of action.after) {
    const state = ended.get(id)
    if (state === 'failed' && !action.tolerates.includes(id)) return { failed: `${id} failed` }
    if (state === undefined) verdict = 'waiting'
  }
  return verdict
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  const message = error instanceof Error ? error.message : String(error)
  return new Problem('internal', message, { cause: error })
}
