/** What is on trial: its replicas beside those that serve. They are planned as any others, by the same means. */
import type { DesiredService } from './desired.ts'
import type { Draft } from './draft.ts'
import { gatesOf } from './gates.ts'
import { trialFailure, trialOverAtMs } from './judge-trial.ts'
import { matchService } from './match.ts'
import type { PlanInput } from './plan-input.ts'
import { ReplicaPlanner } from './plan-replica.ts'
import { unroute, unrouteGone } from './plan-routing.ts'
import type { ServiceWork, Stages } from './service-work.ts'

/** `rest` and `tried`: both sides of the input; `work`: what the plan does to what serves. */
export function planTrial(
  whole: Draft,
  { rest, tried }: { readonly rest: PlanInput; readonly tried: PlanInput },
  stages: Stages,
  work: ReadonlyMap<string, ServiceWork>,
): void {
  const trial = rest.desired.trial!
  const draft = whole.forTrial()
  const isHealing = rest.policy.mode === 'heal'
  const failure = isHealing ? trialFailure(rest, tried) : undefined
  if (failure !== undefined) whole.decide(failure)
  const names = Object.keys(trial.services)
  const splits = rest.memory.routings?.splits
  const overAtMs = isHealing ? trialOverAtMs({ ...trial, services: names }, splits) : undefined
  if (overAtMs !== undefined && rest.nowMs >= overAtMs) whole.decide({ kind: 'over' })
  else if (overAtMs !== undefined) whole.lookAgain(overAtMs)
  for (const service of Object.values(trial.services)) {
    if (failure?.service === service.service) {
      for (const id of failure.failed) unroute(draft, tried, id, 'it has failed on trial')
      continue
    }
    planService(draft, tried, stages, service, gatesOf(whole, rest, work, service))
  }
  unrouteGone(draft, tried)
  freeNames(whole, rest)
}

function planService(
  draft: Draft,
  tried: PlanInput,
  stages: Stages,
  service: DesiredService,
  gates: readonly string[],
): void {
  const own = tried.observed.containers.filter(
    (one) => one.service === service.service && one.ownership === 'ours' && !one.oneOff,
  )
  const planner = new ReplicaPlanner(draft, tried, stages, service, false)
  const match = matchService(service, own, tried.observed)
  for (const container of match.excess) planner.remove(container, `${service.replicas} replica(s) are on trial`)
  for (const replica of match.replicas) planner.plan(replica)
  planner.finish()
  for (const start of planner.work.starts) draft.order(start, gates)
}

/** Of a trial of before there may be one that has the name still. */
function freeNames(draft: Draft, { observed }: PlanInput): void {
  for (const { id, body, set } of draft.actions) {
    if (set !== 'trial' || body.kind !== 'create-container') continue
    const holder = observed.containers.find(({ name }) => name === body.name)
    if (holder !== undefined) draft.order(id, [`remove-container ${holder.id}`])
  }
}
