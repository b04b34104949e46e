/** Which of several containers of one replica serves: start-first replacements that were cut short or failed leave more than one. */
import type { ObservedContainer } from './observed.ts'
import type { Routed } from './routing.ts'

/** The one that serves first. What took over once carries the replica's name; of what never did the oldest one is known best. */
export function servingFirst(
  containers: readonly ObservedContainer[],
  name: string,
  routed: Readonly<Record<string, Routed>>,
): ObservedContainer[] {
  const ranks = (container: ObservedContainer): number[] => [
    Number(routed[container.id]?.state !== 'ready'),
    Number(container.state !== 'running'),
    HEALTH[container.health],
    Number(container.name !== name),
    container.created,
  ]
  return [...containers].sort((a, b) => {
    const others = ranks(b)
    return ranks(a).reduce((order, rank, index) => order || rank - others[index]!, 0)
  })
}

const HEALTH: Readonly<Record<ObservedContainer['health'], number>> = { healthy: 0, none: 0, starting: 1, unhealthy: 2 }
