/** One round: observe, plan, execute. What requests and the loop by itself have in common. */
import { Problem } from '../../protocol/problems.ts'
import type { RegistryAuth } from '../engine/types.ts'
import type { Action, StackPlan } from '../stack/actions.ts'
import type { DesiredStack } from '../stack/desired.ts'
import { plan } from '../stack/plan.ts'
import type { Removal } from '../stack/plan-down.ts'
import type { Policy } from '../stack/policy.ts'
import { changeReason } from './change-reason.ts'
import type { Core } from './core.ts'
import { execute, type Outcome } from './executor.ts'
import { ImageTable } from './images.ts'
import { perform } from './perform.ts'
import type { DeploymentProgress } from './progress.ts'
import { RunContext } from './run-context.ts'

export interface Round {
  readonly plan: StackPlan
  readonly context: RunContext
}

export async function prepareRound(
  core: Core,
  desired: DesiredStack,
  how: {
    readonly policy: Policy
    readonly removal?: Removal | undefined
    readonly table?: ImageTable
    readonly registryAuth?: Readonly<Record<string, RegistryAuth>> | undefined
    readonly warn?: (message: string) => void
  },
  signal: AbortSignal,
): Promise<Round> {
  const { store, observer } = core
  const observed = await observer.observe(desired, signal)
  const restarted = store.memory.all(desired.stack, 'restarted') as Record<string, number>
  const volumes = Object.keys(store.memory.all(desired.stack, 'volume'))
  return {
    plan: plan({
      desired,
      observed,
      memory: { restarted, volumes },
      policy: how.policy,
      removal: how.removal,
      explain: (container) => changeReason(container, desired, (number) => store.revisions.find(desired.stack, number)),
    }),
    context: new RunContext({
      desired,
      observed,
      policy: how.policy,
      images: how.table ?? new ImageTable(core.engine),
      registryAuth: how.registryAuth ?? {},
      store,
      warn: how.warn ?? (() => {}),
    }),
  }
}

export function executeRound(
  core: Core,
  actions: readonly Action[],
  context: RunContext,
  progress: DeploymentProgress,
  signal: AbortSignal,
): Promise<Outcome> {
  progress.begin(actions)
  return execute({
    actions,
    signal,
    perform: (action, ended) => perform(action, context, core, ended, (detail) => progress.detail(action, detail)),
    onChange: (action, change) => progress.change(action, change),
  })
}

/** One failure as it is; of several the first, and how many more. */
export function failureOf(outcome: Outcome): Problem | undefined {
  const [first, ...others] = outcome.failures
  if (first === undefined) return undefined
  if (others.length === 0) return first.error
  const messages = [...new Set(others.map(({ error }) => error.message).filter((m) => m !== first.error.message))]
  if (messages.length === 0) return first.error
  return new Problem(first.error.code, [first.error.message, ...messages.slice(0, 9)].join('\n'), {
    hint: first.error.hint,
    engine: first.error.engine,
    cause: first.error,
  })
}
