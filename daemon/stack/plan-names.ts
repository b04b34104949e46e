/** Names of the plan that a container of the same stack has: a hand has renamed it, or the file gives its `container_name` to another one. */
import { replicaName } from './container-name.ts'
import type { Draft } from './draft.ts'
import type { ObservedContainer } from './observed.ts'
import type { PlanInput } from './plan-input.ts'

/** After all replicas are planned. Whoever has the name may have to wait for whom it is meant for: it lets go of it first. */
export function planNames(draft: Draft, { desired, observed }: PlanInput): void {
  for (const { id, body } of draft.actions) {
    if (body.kind !== 'create-container' && body.kind !== 'rename-container') continue
    const holder = observed.containers.find(({ name }) => name === body.name)
    if (holder === undefined || holder.ownership !== 'ours' || holder.oneOff) continue
    if (holder.service === body.service && holder.replica === body.replica) continue
    const service = desired.services[holder.service]
    // A `container_name` with several replicas: no order of things gives it to all of them.
    if (service !== undefined && replicaName(desired.stack, service, holder.replica) === holder.name) continue
    draft.order(id, [letGo(draft, holder, id)])
  }
}

/** By the name that it is to have by the plan, where that comes in time; else by one that nobody else wants. */
function letGo(draft: Draft, holder: ObservedContainer, before: string): string {
  const own = draft.actions.find(({ body }) => body.kind === 'rename-container' && body.id === holder.id)
  if (own !== undefined && !draft.isAfter(own.id, before)) return own.id
  const freed = draft.add({
    body: {
      kind: 'rename-container',
      service: holder.service,
      replica: holder.replica,
      id: holder.id,
      name: `${holder.name}.was-${holder.id.slice(0, 8)}`,
    },
    key: holder.id,
    object: `Container ${holder.name}`,
    effect: 'change',
    reason: 'another one is to have its name',
  })
  if (own !== undefined) draft.order(own.id, [freed])
  return freed
}
