/** What the ingress has of one release of a stack in the place of another, written down as a whole. */
import type { Routed, ServiceRouting } from '../stack/routing.ts'
import type { MemoryRepository } from '../store/memory.ts'

/** From one release of a stack to another. */
export interface ReleaseSwitch {
  readonly publish: readonly { readonly service: string; readonly routing: ServiceRouting }[]
  readonly unpublish: readonly string[]
  readonly admit: readonly (Pick<Routed, 'service' | 'address' | 'revision'> & { readonly id: string })[]
  /** Ids of containers: nothing new comes to them from then on. */
  readonly drain: readonly string[]
}

/** What a switch changes of a stack's part in the ingress. */
const KINDS = ['published', 'routed', 'traffic-paused', 'split'] as const

/** Answers what takes it back. */
export function writeSwitch(
  memory: MemoryRepository,
  stack: string,
  { publish, unpublish, admit, drain }: ReleaseSwitch,
): () => void {
  const before = KINDS.map((kind) => [kind, memory.all(stack, kind)] as const)
  const routed = memory.all(stack, 'routed') as Record<string, Routed>
  memory.together(() => {
    for (const service of unpublish) {
      for (const [id, one] of Object.entries(routed)) if (one.service === service) memory.forget(stack, 'routed', id)
      memory.forget(stack, 'published', service)
      memory.forget(stack, 'traffic-paused', service)
      memory.forget(stack, 'split', service)
    }
    for (const { service, routing } of publish) memory.set(stack, 'published', service, routing)
    for (const { id, ...admitted } of admit)
      memory.set(stack, 'routed', id, { ...admitted, state: 'ready' } satisfies Routed)
    for (const id of drain) {
      const one = routed[id]
      if (one?.state === 'ready' && !unpublish.includes(one.service))
        memory.set(stack, 'routed', id, { ...one, state: 'draining' } satisfies Routed)
    }
  })
  return () =>
    memory.together(() => {
      for (const [kind, values] of before) {
        for (const key of Object.keys(memory.all(stack, kind))) memory.forget(stack, kind, key)
        for (const [key, value] of Object.entries(values)) memory.set(stack, kind, key, value)
      }
    })
}
