/** The loop by itself: looks whether a stack is still as declared, and brings it back where it is not. */
import { randomUUID } from 'node:crypto'
import { Problem } from '../../protocol/problems.ts'
import { TrialDecision } from '../../protocol/resources/stack.ts'
import type { StackPlan } from '../stack/actions.ts'
import type { DesiredStack } from '../stack/desired.ts'
import type { Observed } from '../stack/observed.ts'
import { HEAL } from '../stack/policy.ts'
import type { Core } from './core.ts'
import { conditionOf, endStateOf } from './end-state.ts'
import { Pace } from './pace.ts'
import { DeploymentProgress } from './progress.ts'
import type { StackRequest } from './requests.ts'
import { executeRound, failureOf, prepareRound, settleOwed } from './run-plan.ts'

/**
 * `steady`: nothing to do, or not before a given time. `changed`: look again. A failure is the problem itself, or that of
 * services, which are tried again at a time of their own.
 */
export type HealOutcome = 'steady' | { readonly steadyUntilMs: number } | 'changed' | Problem | ServicesWait

export interface ServicesWait {
  /** When the first of them is tried again: Unix milliseconds. */
  readonly dueAtMs: number
  /** What failed in this round, and how many times in a row; undefined: those that wait were not tried. */
  readonly failed: { readonly problem: Problem; readonly attempt: number } | undefined
}

export async function heal(
  core: Core,
  stack: string,
  signal: AbortSignal,
  pace: Pace = new Pace(),
): Promise<HealOutcome> {
  const { store } = core
  const desired = readOrBlock(core, stack)
  if (desired === undefined) return 'steady'
  const { plan, context } = await prepareRound(core, desired, { policy: HEAL }, signal)
  const now = core.clock.now()
  const at = now.toISOString()
  if (plan.blocked !== undefined) {
    store.stacks.setCondition(stack, 'blocked', `${plan.blocked.reason}: ${plan.blocked.hint}`, at)
    return 'steady'
  }
  if (plan.trial !== undefined && endTrial(core, desired, plan.trial, at)) return 'changed'
  if (plan.actions.length === 0) {
    settleOwed(core, stack, () => true)
    settle(core, desired, context.observed, plan.concerns, at)
    return plan.lookAgainAtMs === undefined ? 'steady' : { steadyUntilMs: plan.lookAgainAtMs }
  }
  const actions = pace.due(plan.actions, now.getTime())
  if (actions.length === 0) {
    settleFailed(core, stack, pace, at)
    return { dueAtMs: Math.min(pace.dueAtMs, plan.lookAgainAtMs ?? Number.POSITIVE_INFINITY), failed: undefined }
  }
  const id = randomUUID()
  store.batch(() => {
    store.deployments.add({
      id,
      stack,
      kind: 'heal',
      revision: desired.revision,
      state: 'running',
      requestedBy: 'evenkeel',
      request: { kind: 'heal' },
      createdAt: at,
    })
    store.deployments.begin(id, at)
    store.stacks.setCondition(stack, 'converging', undefined, at)
  })
  const progress = new DeploymentProgress(id, core)
  const outcome = await executeRound(core, actions, context, progress, signal)
  progress.end()
  const problem = signal.aborted ? asEnded(signal) : failureOf(outcome)
  const isDown =
    desired.presence === 'absent' && outcome.failures.every(({ action }) => action.body.kind === 'remove-network')
  const attempt = signal.aborted ? undefined : pace.took(actions, outcome.failures, core.clock.now().getTime())
  const ended = core.clock.now().toISOString()
  store.batch(() => {
    store.deployments.end(id, {
      state: endStateOf(problem),
      at: ended,
      error: problem?.toDetails(),
      warnings: [],
    })
    // A network that strangers are still on does not bring a stack back that is down.
    if (isDown) store.stacks.setCondition(stack, 'absent', undefined, ended)
    else if (problem !== undefined && !signal.aborted)
      store.stacks.setCondition(stack, conditionOf(problem), problem.message, ended)
  })
  core.progress.publish({ deployment: id, type: 'ended' })
  if (problem === undefined) return 'changed'
  return attempt === undefined ? problem : { dueAtMs: pace.dueAtMs, failed: { problem, attempt } }
}

/** What nobody has to decide is asked for by the same requests as a person has. Answers whether anything was. */
function endTrial(
  { store }: Core,
  { stack, revision, trial }: DesiredStack,
  verdict: NonNullable<StackPlan['trial']>,
  at: string,
): boolean {
  if (trial === undefined || (verdict.kind === 'failed' && verdict.remedy === 'pause')) return false
  const options = TrialDecision.parse({})
  const request: StackRequest =
    verdict.kind === 'over'
      ? { kind: 'promote', options }
      : {
          kind: 'abort',
          options,
          because: `the ${trial.strategy} of revision ${trial.revision} has failed: ${verdict.why}\nthe stack stays on revision ${revision}; see: evenkeel logs --previous ${verdict.service}`,
        }
  store.deployments.add({
    id: randomUUID(),
    stack,
    kind: verdict.kind === 'over' ? 'promote' : 'abort',
    revision: trial.revision,
    state: 'queued',
    requestedBy: 'evenkeel',
    request,
    createdAt: at,
  })
  return true
}

/** All that is left to do is that of services which wait for their time. */
function settleFailed({ store }: Core, stack: string, { problems }: Pace, at: string): void {
  const condition = problems.some((problem) => conditionOf(problem) === 'blocked') ? 'blocked' : 'failed'
  const reason = [...new Set(problems.map(({ message }) => message))].slice(0, 10).join('\n')
  const row = store.stacks.find(stack)
  if (row !== undefined && (row.condition !== condition || row.reason !== reason))
    store.stacks.setCondition(stack, condition, reason, at)
}

/** Undefined where there is nothing that it could be brought to. */
function readOrBlock({ desired, store, clock }: Core, stack: string): DesiredStack | undefined {
  try {
    return desired.read(stack)
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'stack-blocked') throw error
    const row = store.stacks.find(stack)
    const reason = `${error.message}: ${error.hint ?? ''}`
    if (row?.condition !== 'blocked' || row.reason !== reason)
      store.stacks.setCondition(stack, 'blocked', reason, clock.now().toISOString())
    return undefined
  }
}

function asEnded(signal: AbortSignal): Problem {
  return signal.reason instanceof Problem ? signal.reason : new Problem('cancelled', 'the daemon was stopped')
}

/**
 * Nothing is left to do. A stack whose last run failed stays `failed` for as long as one of its containers shows it:
 * there is no plan against a program that crashes. What is left as it is although it is not well is told.
 */
function settle(core: Core, desired: DesiredStack, observed: Observed, concerns: readonly string[], at: string): void {
  const row = core.store.stacks.find(desired.stack)
  if (row === undefined) return
  if (concerns.length > 0) {
    const reason = concerns.slice(0, 10).join('\n')
    if (row.condition !== 'failed' || row.reason !== reason)
      core.store.stacks.setCondition(desired.stack, 'failed', reason, at)
    return
  }
  const settled = desired.presence === 'absent' ? 'absent' : 'steady'
  if (row.condition === settled) return
  if (row.condition === 'failed' && desired.presence === 'present' && isAiling(desired, observed)) return
  core.store.stacks.setCondition(desired.stack, settled, undefined, at)
}

function isAiling(desired: DesiredStack, observed: Observed): boolean {
  return observed.containers.some((container) => {
    if (container.ownership !== 'ours' || container.oneOff) return false
    const service = desired.services[container.service]
    if (service?.run !== 'running') return false
    if (container.health === 'unhealthy' || container.state === 'restarting') return true
    return container.state === 'exited' && container.exitCode !== 0
  })
}
