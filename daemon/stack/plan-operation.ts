/** Operations on the containers that are there: `kill`, `pause`, `unpause`, `rm`. They make nothing and wait for nothing. */
import type { Draft } from './draft.ts'
import type { ObservedContainer } from './observed.ts'
import type { Operation } from './operation.ts'
import type { PlanInput } from './plan-input.ts'
import { inScope } from './policy.ts'

export function planOperation(draft: Draft, input: PlanInput, operation: Operation): void {
  for (const container of input.observed.containers) {
    switch (operation.kind) {
      case 'kill':
        kill(draft, input, container, operation)
        break
      case 'pause':
        if (isOurs(input, container) && container.state === 'running') settle(draft, container, 'pause')
        break
      case 'unpause':
        if (isOurs(input, container) && container.state === 'paused') settle(draft, container, 'unpause')
        break
      case 'remove':
        if (isDiscarded(input, container, operation)) discard(draft, input, container, operation)
        break
    }
  }
}

/** A container of a service of ours that the request is about. */
function isOurs({ desired, policy }: PlanInput, container: ObservedContainer): boolean {
  if (container.ownership !== 'ours' || desired.services[container.service] === undefined) return false
  return inScope(policy, container.service)
}

const isRunning = ({ state }: ObservedContainer): boolean =>
  state === 'running' || state === 'paused' || state === 'restarting'

const drawOf = (container: ObservedContainer) => ({
  key: container.id,
  object: `Container ${container.name}`,
  service: container.service,
})

function kill(
  draft: Draft,
  input: PlanInput,
  container: ObservedContainer,
  { signal, orphans, stops }: Extract<Operation, { kind: 'kill' }>,
): void {
  const isOrphan = input.desired.services[container.service] === undefined
  const isMeant = isOrphan ? orphans === 'kill' && input.policy.scope === 'all' : isOurs(input, container)
  if (!isMeant || !isRunning(container)) return
  const { service, id } = container
  const purpose = !container.oneOff && (stops === 'all' || stops.includes(service)) ? 'stop' : 'signal'
  draft.add({
    ...drawOf(container),
    body: { kind: 'kill-container', service, id, signal, purpose },
    effect: 'change',
    reason: `${signal} was asked for`,
  })
}

function settle(draft: Draft, container: ObservedContainer, to: 'pause' | 'unpause'): void {
  const { service, replica, id } = container
  draft.add({
    ...drawOf(container),
    body: { kind: `${to}-container`, service, replica, id },
    effect: 'change',
    reason: `${to} was asked for`,
  })
}

type Removal = Extract<Operation, { kind: 'remove' }>

function isDiscarded(input: PlanInput, container: ObservedContainer, { containers }: Removal): boolean {
  return containers.includes(container.id) && isOurs(input, container) && !container.oneOff && !isRunning(container)
}

function discard(draft: Draft, input: PlanInput, container: ObservedContainer, removal: Removal): void {
  const { service, replica, id } = container
  const stays = input.observed.containers.some(
    (other) =>
      isOurs(input, other) &&
      !other.oneOff &&
      other.service === service &&
      other.replica === replica &&
      !isDiscarded(input, other, removal),
  )
  const { anonymousVolumes } = removal
  draft.add({
    ...drawOf(container),
    body: { kind: 'discard-container', service, replica, id, leaves: stays ? 'another' : 'vacancy', anonymousVolumes },
    effect: 'remove',
    reason: 'rm was asked for',
  })
}
