/** What requests mean for a revision on trial. Pure. */
import { Problem } from '../../protocol/problems.ts'
import type { UpOptions } from '../../protocol/resources/stack.ts'
import { trialWords } from '../../protocol/trial-words.ts'
import type { ServiceState } from '../stack/desired.ts'
import type { TrialRow } from '../store/trials.ts'
import type { ChangeRequest } from './requests.ts'
import type { AppliedState, StackState } from './stack-state.ts'

type UpOf = Extract<ChangeRequest, { kind: 'up' }>

/** Only one revision is on trial at a time, and nothing else is brought up until it is decided upon. Throws. */
export function mustLeaveTrialAlone(before: StackState | undefined, { revision, options }: UpOf): void {
  if (options.trial !== undefined) mustBeTriable(before, options)
  const trial = before?.trial
  if (trial === undefined) return
  const isThis = revision === trial.revision || revision === trial.asked
  if (isThis && options.trial?.strategy === trial.strategy) return
  throw trialUnderWay(trial)
}

/** Throws where a request would have the stack at another revision than what is on trial is tried beside. */
export function mustNotBeOnTrial(trial: TrialRow | undefined): void {
  if (trial !== undefined) throw trialUnderWay(trial)
}

const trialUnderWay = (trial: TrialRow): Problem =>
  new Problem('trial-under-way', `a ${trial.strategy} of stack ${trial.stack} is under way: ${trialWords(trial)}`, {
    hint: 'decide upon it first: evenkeel promote has it everywhere, evenkeel abort takes it back',
  })

function mustBeTriable(before: StackState | undefined, options: UpOptions): void {
  const strategy = options.trial?.strategy ?? ''
  if (before === undefined || before.stack.presence === 'absent')
    throw new Problem('conflict', `there is nothing beside which a ${strategy} could be: the stack is not up`, {
      hint: 'bring it up first: evenkeel up',
    })
  const isPlain =
    options.recreate === 'changed' &&
    options.start === 'start' &&
    options.purpose === 'services' &&
    options.anonymousVolumes === 'keep' &&
    Object.keys(options.scale).length === 0
  if (!isPlain)
    throw new Problem('bad-request', `a ${strategy} takes what changed, and nothing else`, {
      hint: 'leave out what has containers made anew, not started or scaled, and volumes made anew',
    })
}

/** Nothing that is declared anew: what was tried is everywhere, or nowhere. Throws where nothing is on trial. */
export function applyDecision(
  before: StackState,
  request: Extract<ChangeRequest, { kind: 'promote' | 'abort' }>,
  at: string,
): AppliedState {
  const { stack, services, trial } = before
  if (trial === undefined)
    throw new Problem('conflict', `nothing of stack ${stack.name} is on trial`, {
      hint: 'see: evenkeel history; a trial begins with: evenkeel deploy --canary 10%',
    })
  const converging = { ...stack, condition: 'converging' as const, reason: undefined, updatedAt: at }
  const shared = { scope: 'all' as const, oneOffs: [] }
  if (request.kind === 'abort') return { ...shared, stack: converging, services }
  // What stands by gets the traffic first; who was there before is kept for a while.
  if (trial.share === 0) return { ...shared, stack: converging, services, trial: { ...trial, share: 100 } }
  const { disabled } = trial.promoted
  return {
    ...shared,
    stack: { ...converging, revision: trial.revision, disabled },
    services: trial.promoted.services.map((state) => asNow(state, services)),
  }
}

/** What was asked of a service since the trial began, holds for what takes its place. */
export function asNow(state: ServiceState, now: readonly ServiceState[]): ServiceState {
  const known = now.find(({ service }) => service === state.service)
  if (known === undefined) return state
  return {
    ...state,
    run: known.run,
    scale: known.scale ?? state.scale,
    recreate: Math.max(known.recreate, state.recreate),
    restart: Math.max(known.restart, state.restart),
  }
}
