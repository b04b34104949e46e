/** Which services of a model a job is about. Pure. */
import { Problem } from '../../protocol/problems.ts'
import type { Model, Service } from '../../protocol/stackfile/model.ts'
import { scopeOf } from '../reconcile/apply-request.ts'

export type Entry = readonly [name: string, service: Service]

export function selectedServices(
  model: Model,
  { services, dependencies }: { readonly services: readonly string[]; readonly dependencies: 'include' | 'ignore' },
): Entry[] {
  for (const name of services) {
    if (model.services[name] !== undefined) continue
    throw new Problem('service-not-found', `no such service: ${name}`, {
      hint: `the file has: ${Object.keys(model.services).join(', ')}`,
    })
  }
  const scope = scopeOf(model, services, dependencies)
  return Object.entries(model.services).filter(([name]) => scope === 'all' || scope.has(name))
}
