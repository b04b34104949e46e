/** Puts what a request declares on trial: beside what serves, which stays the stack's desired state until it is promoted. */
import { Problem } from '../../protocol/problems.ts'
import type { TrialOptions, UpOptions } from '../../protocol/resources/stack.ts'
import { scopeOfTrial, type TrialScope } from '../stack/begin-trial.ts'
import type { DesiredStack } from '../stack/desired.ts'
import type { ServiceRouting } from '../stack/routing.ts'
import type { StackRow } from '../store/stacks.ts'
import type { TrialRow } from '../store/trials.ts'
import type { Core } from './core.ts'
import type { Pinned } from './pinned.ts'

interface Declared {
  readonly stack: StackRow
  readonly pinned: Pinned
  readonly options: UpOptions & { readonly trial: TrialOptions }
  /** The revision that the request names. */
  readonly asked: number
  readonly by: string
  readonly at: string
}

/** Undefined: nothing of it is another than what serves. Throws where it cannot be tried. */
export function beginTrial(core: Pick<Core, 'store' | 'desired'>, declared: Declared): TrialRow | undefined {
  const { store } = core
  const { stack, pinned } = declared
  const revisionOf = (number: number) => store.revisions.find(stack.name, number)
  const now = core.desired.compose(store.stacks.find(stack.name)!, store.stacks.services(stack.name), revisionOf)
  const next = core.desired.compose({ ...stack, revision: pinned.revision }, pinned.services, revisionOf)
  const trial = trialOf(
    now,
    next,
    store.memory.all(stack.name, 'published') as Record<string, ServiceRouting>,
    declared,
  )
  const before = store.trials.find(stack.name)
  return trial === undefined || before === undefined
    ? trial
    : { ...trial, begunAt: before.begunAt, begunBy: before.begunBy }
}

/** The same for a state that is not stored. */
export function trialOf(
  now: DesiredStack,
  next: DesiredStack,
  published: Readonly<Record<string, ServiceRouting>>,
  { stack, pinned, options, asked, by, at }: Declared,
): TrialRow | undefined {
  const { trial } = options
  const scope: TrialScope = scopeOfTrial({ strategy: trial.strategy, now, next, published })
  if (scope.kind === 'unchanged') return undefined
  if (scope.kind === 'refused') throw new Problem('conflict', scope.why, { hint: scope.hint })
  return {
    stack: stack.name,
    strategy: trial.strategy,
    revision: pinned.revision,
    asked,
    share: trial.strategy === 'canary' ? trial.share : trial.flip === 'by-hand' ? 0 : 100,
    services: scope.services,
    waiting: scope.waiting,
    promoted: { disabled: stack.disabled, services: pinned.services },
    keepMs: trial.strategy === 'canary' ? undefined : trial.keepSeconds * 1000,
    begunAt: at,
    begunBy: by,
  }
}
