/** One round: observe, plan, execute. What requests and the loop by itself have in common. */
import { Problem } from '../../protocol/problems.ts'
import type { Action, StackPlan } from '../stack/actions.ts'
import type { DesiredStack } from '../stack/desired.ts'
import type { Observed } from '../stack/observed.ts'
import type { Operation } from '../stack/operation.ts'
import { plan } from '../stack/plan.ts'
import type { Cures, Memory, Removal } from '../stack/plan-input.ts'
import type { Policy } from '../stack/policy.ts'
import { withEveryRelease } from '../stack/release.ts'
import type { Routed, ServiceRouting, Split } from '../stack/routing.ts'
import type { StepsState } from '../stack/steps.ts'
import { type MemoryKind, OF_A_CONTAINER } from '../store/memory.ts'
import { changeReason } from './change-reason.ts'
import type { Core } from './core.ts'
import { type Credentials, NO_CREDENTIALS } from './credentials.ts'
import { execute, type Outcome, type Task } from './executor.ts'
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
  declared: DesiredStack,
  how: {
    readonly policy: Policy
    /** What the Engine said just now, where it was asked already. */
    readonly observed?: Observed | undefined
    readonly removal?: Removal | undefined
    readonly operation?: Operation | undefined
    readonly table?: ImageTable
    readonly credentials?: Credentials
    readonly warn?: (message: string) => void
  },
  signal: AbortSignal,
): Promise<Round> {
  const { store, observer } = core
  // One that was let go since is paused in what was seen before.
  const frozen = new Set(core.frozen)
  const looked = how.observed ?? (await look(core, declared, signal))
  const desired = withEveryRelease(declared, looked)
  const seen = core.probes.observe(desired, looked)
  const observed = how.removal?.volumes === 'remove' ? await observer.withSizes(seen, signal) : seen
  forgetGone(core, desired.stack, observed)
  return {
    plan: plan({
      nowMs: core.clock.now().getTime(),
      desired,
      observed,
      memory: { ...memoryOf(core, desired.stack, observed), frozen: [...frozen, ...core.frozen] },
      policy: how.policy,
      removal: how.removal,
      operation: how.operation,
      explain: (container) => changeReason(container, desired, (number) => store.revisions.find(desired.stack, number)),
    }),
    context: new RunContext({
      desired,
      observed,
      policy: how.policy,
      images: how.table ?? new ImageTable(core.engine),
      credentials: how.credentials ?? NO_CREDENTIALS,
      store,
      warn: how.warn ?? (() => {}),
    }),
  }
}

/** A list may call a container running that a signal ended while the list was made, and that was told: then once more. */
async function look({ store, observer }: Core, declared: DesiredStack, signal: AbortSignal): Promise<Observed> {
  const ended = () =>
    Object.entries(store.memory.all(declared.stack, 'signalled')).flatMap(([id, how]) => (how === 'ended' ? [id] : []))
  const before = ended()
  const looked = await observer.observe(declared, signal)
  const meanwhile = ended().filter((id) => !before.includes(id))
  const isOlder = looked.containers.some(({ id, state }) => state === 'running' && meanwhile.includes(id))
  return isOlder ? observer.observe(declared, signal) : looked
}

/** What is remembered of a stack, as its planner wants it. */
export function memoryOf(core: Core, stack: string, observed: Observed): Memory & Required<Omit<Memory, 'switched'>> {
  const { memory } = core.store
  const keys = (kind: MemoryKind) => Object.keys(memory.all(stack, kind))
  const { runOn, mayEnd } = signalled(core, stack, observed)
  return {
    restarted: memory.all(stack, 'restarted') as Record<string, number>,
    volumes: volumesOnce(core, stack, observed),
    owed: keys('owed'),
    held: keys('held'),
    stopping: [...keys('stopping'), ...mayEnd],
    signalled: runOn,
    vacant: keys('vacant'),
    halted: core.endings.haltedOf(stack),
    crashed: observed.containers.filter(({ id }) => core.endings.hasCrashed(id)).map(({ id }) => id),
    endedByEngine: observed.containers.filter(({ id }) => core.endings.isLoopToBeEnded(id)).map(({ id }) => id),
    cures: memory.all(stack, 'cures') as Record<string, Cures>,
    frozen: [...core.frozen],
    pausedRollouts: memory.all(stack, 'paused') as Record<string, number>,
    routings: {
      published: memory.all(stack, 'published') as Record<string, ServiceRouting>,
      routed: memory.all(stack, 'routed') as Record<string, Routed>,
      splits: memory.all(stack, 'split') as Record<string, Split>,
    },
    steps: memory.all(stack, 'steps') as Record<string, StepsState>,
    switched: memory.all(stack, 'release').switched as number | undefined,
    protected: memory.keys('protected'),
  }
}

/** Ids do not come again: what is gone is of no use any more. */
function forgetGone({ store, endings }: Core, stack: string, observed: Observed): void {
  const there = new Set([...observed.containers, ...observed.networks].map(({ id }) => id))
  for (const { id } of store.adopted.of(stack)) if (!there.has(id)) store.adopted.forget(id)
  for (const kind of OF_A_CONTAINER)
    for (const id of Object.keys(store.memory.all(stack, kind)))
      if (!there.has(id)) store.memory.forget(stack, kind, id)
  for (const id of Object.keys(endings.haltedOf(stack))) if (!there.has(id)) endings.forgive(stack, id)
}

/** Volumes that were there once. One whose making was begun counts from the moment that it is seen. */
function volumesOnce({ store }: Core, stack: string, observed: Observed): string[] {
  const remembered = Object.entries(store.memory.all(stack, 'volume'))
  return remembered.flatMap(([name, value]) => {
    if (value === true) return [name]
    if (!observed.volumes.some((volume) => volume.name === name)) return []
    store.memory.set(stack, 'volume', name, true)
    return [name]
  })
}

/**
 * Containers that run on after a signal that means stop, and those of which that is not known: whose call nobody heard the
 * answer of, or whose end was told of already while they are still seen to run. One that is seen to have ended did what it
 * was told: that is over.
 */
function signalled({ store }: Core, stack: string, observed: Observed): { runOn: string[]; mayEnd: string[] } {
  const [runOn, mayEnd]: [string[], string[]] = [[], []]
  for (const [id, value] of Object.entries(store.memory.all(stack, 'signalled'))) {
    const container = observed.containers.find((candidate) => candidate.id === id)
    if (container === undefined || container.state === 'exited' || container.state === 'dead')
      store.memory.forget(stack, 'signalled', id)
    else if (value === true) runOn.push(id)
    else mayEnd.push(id)
  }
  return { runOn, mayEnd }
}

interface RoundOutcome extends Outcome {
  /** Services of which something failed, or was not begun. */
  readonly unfinished: ReadonlySet<string>
}

export async function executeRound(
  core: Core,
  actions: readonly Action[],
  context: RunContext,
  progress: DeploymentProgress,
  signal: AbortSignal,
): Promise<RoundOutcome> {
  progress.begin(actions)
  context.rollouts.begin(actions)
  const both = AbortSignal.any([signal, context.rollouts.over])
  oweStopped(core, context.desired, actions)
  const unfinished = new Set<string>()
  const outcome = await execute({
    actions,
    signal: both,
    perform: (action, ended) =>
      perform(action, context, core, ended, {
        report: (detail) => progress.detail(action, detail),
        became: (label) => progress.became(action, label),
      }),
    onChange: (action, change) => {
      const isMissing = change.state === 'failed' || change.state === 'skipped'
      // A wait is for somebody else's sake: that it failed says nothing of whether its service was started.
      if (isMissing && action.body.kind !== 'await-service' && action.service !== undefined)
        unfinished.add(action.service)
      if (change.state === 'failed') context.rollouts.failed(action, change.error)
      progress.change(action, change)
    },
  })
  const begun = new Set(actions.flatMap(({ body, service }) => (BEGINS.has(body.kind) ? (service ?? []) : [])))
  settleOwed(core, context.desired.stack, (service) => begun.has(service) && !unfinished.has(service))
  return { ...outcome, unfinished }
}

const BEGINS: ReadonlySet<Action['body']['kind']> = new Set([
  'start-container',
  'restart-container',
  'unpause-container',
])

/**
 * Whoever stops a container to replace or restart it owes a start: where the round is cut short in between, what is left was
 * stopped by our own hand, and its restart policy says nothing of that.
 */
function oweStopped({ store }: Core, desired: DesiredStack, actions: readonly Action[]): void {
  const stopped = actions.filter(
    ({ body, effect }) => body.kind === 'restart-container' || (body.kind === 'stop-container' && effect === 'replace'),
  )
  const services = new Set(stopped.flatMap(({ service }) => service ?? []))
  for (const service of services) {
    if (desired.services[service]?.run === 'running') store.memory.set(desired.stack, 'owed', service, true)
  }
}

/**
 * Services that were all brought to run owe nothing any more: what exits from now on follows its restart policy. Those that
 * a round had no part for are as they were.
 */
export function settleOwed({ store }: Core, stack: string, isSettled: (service: string) => boolean): void {
  const settled = Object.keys(store.memory.all(stack, 'owed')).filter(isSettled)
  if (settled.length === 0) return
  store.batch(() => {
    for (const service of settled) store.memory.forget(stack, 'owed', service)
  })
}

/** One failure as it is; of several the first, and how many more. */
export function failureOf(outcome: Outcome<Task>): Problem | undefined {
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
