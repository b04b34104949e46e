/**
 * The way back that a deployment takes by itself when its rollout fails: to the state in which the stack was last brought up
 * well, as it was. No revision is made for it, for nothing new is declared. It is written down before it is begun, so that a
 * deployment that a crash cuts short in the middle goes on with it.
 */
import { Problem, type ProblemDetails } from '../../protocol/problems.ts'
import type { ServiceState } from '../stack/desired.ts'
import type { Store } from '../store/store.ts'

export interface GoodState {
  readonly revision: number
  readonly disabled: readonly string[]
  readonly services: readonly ServiceState[]
}

export interface GoingBack {
  /** Undefined: nothing had been changed as yet. */
  readonly to: number | undefined
  readonly problem: ProblemDetails
}

const KEY = 'state'

/** The stack is as declared and all of it came up: this is where it goes back to. */
export function rememberGood({ stacks, memory }: Store, stack: string): void {
  const row = stacks.find(stack)
  if (row === undefined || row.presence === 'absent') return
  const { revision, disabled } = row
  memory.set(stack, 'good', KEY, { revision, disabled, services: stacks.services(stack) } satisfies GoodState)
}

export function goodState({ memory }: Store, stack: string): GoodState | undefined {
  return memory.all(stack, 'good')[KEY] as GoodState | undefined
}

/**
 * Makes the last good state the desired one; where a revision is on trial, that is what there is beside it. Undefined where
 * there is none, or it is the very one that failed.
 */
export function beginGoingBack(
  store: Store,
  { id, stack }: { readonly id: string; readonly stack: string },
  problem: Problem,
  at: string,
): GoingBack | undefined {
  const good = goodState(store, stack)
  const row = store.stacks.find(stack)
  if (row !== undefined && store.trials.find(stack) !== undefined) {
    const going: GoingBack = { to: row.revision, problem: problem.toDetails() }
    store.batch(() => {
      store.memory.set(stack, 'going-back', id, going)
      store.trials.forget(stack)
    })
    return going
  }
  if (good === undefined || row === undefined || isSame(good, store.stacks.services(stack))) return undefined
  // An image's tag moved, or a restart was asked for, under the same definition: then too there is a way back.
  const going: GoingBack = { to: good.revision, problem: problem.toDetails() }
  store.batch(() => {
    store.memory.set(stack, 'going-back', id, going)
    store.stacks.save({
      ...row,
      revision: good.revision,
      disabled: good.disabled,
      condition: 'converging',
      reason: undefined,
      updatedAt: at,
    })
    for (const { service } of store.stacks.services(stack)) store.stacks.removeService(stack, service)
    for (const state of good.services) {
      store.stacks.saveService(stack, state)
      if (state.run === 'running') store.memory.set(stack, 'owed', state.service, true)
      else store.memory.forget(stack, 'owed', state.service)
    }
  })
  return going
}

/** What was asked for is not the desired state as yet: there is nothing to go back from. */
export function stayWhereItIs(
  { memory }: Pick<Store, 'memory'>,
  { id, stack }: { readonly id: string; readonly stack: string },
  problem: Problem,
): GoingBack {
  const going: GoingBack = { to: undefined, problem: problem.toDetails() }
  memory.set(stack, 'going-back', id, going)
  return going
}

/** Begun by an earlier life of this deployment. */
export function goingBack({ memory }: Store, stack: string, deployment: string): GoingBack | undefined {
  return memory.all(stack, 'going-back')[deployment] as GoingBack | undefined
}

/** What failed, and where the stack is now. */
export function reasonOf({ to, problem }: GoingBack, failure: Problem | undefined): Problem {
  const words =
    failure === undefined
      ? `the stack is back on revision ${to}`
      : `the way back to revision ${to} failed as well: ${failure.message}`
  const code = problem.code === 'cancelled' && failure === undefined ? 'cancelled' : 'deployment-failed'
  return new Problem(code, `${problem.detail}\n${words}`, {
    hint:
      failure === undefined
        ? 'what the new version wrote to volumes and databases is not undone'
        : (failure.hint ?? 'evenkeel up and evenkeel rollback try again'),
    engine: problem.engine,
  })
}

const isSame = (good: GoodState, now: readonly ServiceState[]): boolean =>
  JSON.stringify(sorted(good.services)) === JSON.stringify(sorted(now))

const sorted = (states: readonly ServiceState[]): ServiceState[] =>
  [...states].sort((a, b) => (a.service < b.service ? -1 : 1))
