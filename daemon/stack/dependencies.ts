/** Order among services: what must be up before what. */
import type { Dependency } from '../../protocol/stackfile/model.ts'

export type DependencyMap = Readonly<Record<string, Readonly<Record<string, Dependency>>>>

/**
 * Services in an order in which each comes after what it depends on. Names that are nowhere are passed over. No file has a
 * cycle, but services at different revisions may need each other: it is cut where it closes.
 */
export function dependencyOrder(services: readonly string[], dependencies: DependencyMap): string[] {
  const known = new Set(services)
  const state = new Map<string, 'open' | 'done'>()
  const order: string[] = []
  const visit = (service: string): void => {
    if (state.has(service) || !known.has(service)) return
    state.set(service, 'open')
    for (const dependency of Object.keys(dependencies[service] ?? {})) visit(dependency)
    state.set(service, 'done')
    order.push(service)
  }
  for (const service of services) visit(service)
  return order
}

/** The named services and all that they need, directly or not. */
export function withDependencies(services: readonly string[], dependencies: DependencyMap): Set<string> {
  const found = new Set<string>()
  const visit = (service: string): void => {
    if (found.has(service)) return
    found.add(service)
    for (const dependency of Object.keys(dependencies[service] ?? {})) visit(dependency)
  }
  for (const service of services) visit(service)
  return found
}

/** The named services and all that need them, directly or not. */
export function withDependents(services: readonly string[], dependencies: DependencyMap): Set<string> {
  const reversed: Record<string, Record<string, Dependency>> = {}
  for (const [service, needs] of Object.entries(dependencies)) {
    for (const [dependency, how] of Object.entries(needs)) {
      reversed[dependency] ??= {}
      reversed[dependency][service] = how
    }
  }
  return withDependencies(services, reversed)
}

/** Services that another one waits for to finish: jobs, run once per revision. */
export function jobsOf(dependencies: DependencyMap): ReadonlySet<string> {
  const awaited = Object.values(dependencies).flatMap((needs) =>
    Object.entries(needs).filter(([, { condition }]) => condition === 'service_completed_successfully'),
  )
  return new Set(awaited.map(([service]) => service))
}
