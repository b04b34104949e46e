/**
 * The planner: what must be done so that what is observed becomes what is desired. A pure function: no I/O, no clock, no
 * randomness, so that `evenkeel plan` shows exactly what will run, and a simulator can try very many situations.
 */
import type { StackPlan } from './actions.ts'
import { Draft } from './draft.ts'
import { planDown } from './plan-down.ts'
import type { PlanInput } from './plan-input.ts'
import { planNames } from './plan-names.ts'
import { planNetworks } from './plan-networks.ts'
import { planOperation } from './plan-operation.ts'
import { planRelease } from './plan-release.ts'
import { planServices } from './plan-services.ts'
import { planSplits } from './plan-split.ts'
import { planTrial } from './plan-trial.ts'
import { planVolumes } from './plan-volumes.ts'
import { inputSides } from './trial.ts'

export function plan(input: PlanInput): StackPlan {
  const draft = new Draft()
  if (input.operation !== undefined) {
    planOperation(draft, input, input.operation)
    return draft.finish()
  }
  if (input.desired.presence === 'absent') {
    planDown(draft, input)
    return draft.finish()
  }
  const images = input.imageActions?.(draft) ?? {}
  const stages = { images, networks: planNetworks(draft, input) }
  planVolumes(draft, input)
  const { rest, tried } = inputSides(input)
  const work = planServices(draft, rest, stages)
  planRelease(draft, rest, work, stages)
  if (tried !== undefined) planTrial(draft, { rest, tried }, stages, work)
  planSplits(draft, input)
  planNames(draft, input)
  return draft.finish()
}
