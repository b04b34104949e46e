/** What stands in the store once a deployment has ended: how, and what is forgotten with it. */
import type { Problem } from '../../protocol/problems.ts'
import type { ServiceTraffic } from '../../protocol/resources/deployment.ts'
import type { DeploymentRow } from '../store/deployments.ts'
import type { Store } from '../store/store.ts'
import type { Core } from './core.ts'
import { conditionOf, endStateOf } from './end-state.ts'
import { rememberGood } from './go-back.ts'
import { settleOwed } from './run-plan.ts'

export interface Ending {
  /** What it failed of. */
  readonly problem: Problem | undefined
  readonly warnings: ReadonlySet<string>
  readonly traffic: readonly ServiceTraffic[]
  /** Services that are as they are wanted where it has succeeded. */
  readonly reached: ReadonlySet<string> | 'all'
  /** Services of which not all was done all the same. */
  readonly unfinished: ReadonlySet<string>
  /** Replicas failed, and the file puts up with it. */
  readonly tolerated: boolean
}

/** Of what was meant of a stack, or remembered of its containers, nothing holds any more once it is down. */
const FORGOTTEN_AT_DOWN = [
  'restarted',
  'cures',
  'owed',
  'held',
  'stopping',
  'signalled',
  'vacant',
  'halted',
  'good',
  'paused',
  'steps',
] as const

export function endDeployment(core: Core, row: DeploymentRow, ending: Ending): void {
  const { store, credentials, progress, recorder, log } = core
  const { id, stack, kind } = row
  const { problem, warnings, traffic } = ending
  credentials.delete(id)
  const at = core.clock.now().toISOString()
  const state = endStateOf(problem)
  store.batch(() => {
    store.deployments.end(id, {
      state,
      at,
      error: problem?.toDetails(),
      warnings: [...warnings],
      ...(traffic.length > 0 && { traffic }),
    })
    store.memory.forget(stack, 'going-back', id)
    store.memory.forget(stack, 'traffic', id)
    if (problem === undefined) succeeded(core, row, ending, at)
    else if (state === 'failed' && store.stacks.find(stack) !== undefined)
      store.stacks.setCondition(stack, conditionOf(problem), problem.message, at)
  })
  if (problem !== undefined && state === 'failed')
    log.warn({ stack, deployment: id, code: problem.code }, `${kind} failed: ${problem.message}`)
  recorder.record({
    at,
    stack,
    type: `deployment.${state}`,
    message: problem === undefined ? `${kind} succeeded` : `${kind}: ${problem.message}`,
    attributes: { deployment: id },
  })
  progress.publish({ deployment: id, type: 'ended' })
}

function succeeded(core: Core, row: DeploymentRow, { reached, unfinished, tolerated }: Ending, at: string): void {
  const { store } = core
  const name = row.stack
  const stack = store.stacks.find(name)
  if (stack === undefined) return
  const isReached = (service: string): boolean => reached === 'all' || reached.has(service)
  settleOwed(core, name, (service) => isReached(service) && !unfinished.has(service))
  if (stack.presence === 'present') {
    const left = reached === 'all' ? undefined : failureBefore(store, row)
    store.stacks.setCondition(name, left === undefined ? 'steady' : 'failed', left, at)
    if (!tolerated) rememberGood(store, name)
    // What a service had no new container for, it had no step for.
    for (const service of Object.keys(store.memory.all(name, 'steps')))
      if (isReached(service)) store.memory.forget(name, 'steps', service)
    return
  }
  store.stacks.setCondition(name, 'absent', undefined, at)
  for (const state of store.stacks.services(name)) store.stacks.removeService(name, state.service)
  for (const kind of FORGOTTEN_AT_DOWN)
    for (const key of Object.keys(store.memory.all(name, kind))) store.memory.forget(name, kind, key)
  core.endings.forgetStack(name)
}

/** Why the deployment before failed: what this one had no part in may be as that one left it, until the loop has looked. */
function failureBefore({ deployments }: Store, { id, stack }: DeploymentRow): string | undefined {
  const before = deployments.list(stack, 2).find((one) => one.id !== id)
  return before?.state === 'failed' ? before.error?.detail : undefined
}
