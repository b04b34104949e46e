/**
 * The planner: what must be done so that what is observed becomes what is desired. A pure function: no I/O, no clock, no
 * randomness, so that `evenkeel plan` shows exactly what will run, and a simulator can try very many situations.
 */
import type { StackPlan } from './actions.ts'
import { Draft } from './draft.ts'
import { planDown } from './plan-down.ts'
import type { PlanInput } from './plan-input.ts'
import { planNetworks } from './plan-networks.ts'
import { planOperation } from './plan-operation.ts'
import { planServices } from './plan-services.ts'
import { planVolumes } from './plan-volumes.ts'

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
  const networks = planNetworks(draft, input)
  planVolumes(draft, input)
  planServices(draft, input, { images, networks })
  return draft.finish()
}
