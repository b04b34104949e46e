/** Which services of a request have steps to go through before and after they are switched to their revision. */
import type { Model } from '../../protocol/stackfile/model.ts'
import type { ServiceState } from '../stack/desired.ts'
import type { StepsState } from '../stack/steps.ts'

interface Owing {
  readonly scope: ReadonlySet<string> | 'all'
  readonly before: readonly ServiceState[]
  readonly after: readonly ServiceState[]
  readonly modelOf: (revision: number) => Model
  readonly remembered: Readonly<Record<string, StepsState>>
  /** A way back runs none: nothing that they did is undone by it. */
  readonly isWayBack: boolean
}

/** Of services that the request is about; those at the revision at which they were owe no more than they did. */
export function owedSteps({ scope, before, after, modelOf, remembered, isWayBack }: Owing): Record<string, StepsState> {
  const revisions = new Map(before.map(({ service, revision }) => [service, revision]))
  const owed = after.flatMap(({ service, revision }): [string, StepsState][] => {
    const known = remembered[service]
    if (scope !== 'all' && !scope.has(service)) return known === undefined ? [] : [[service, known]]
    const hasSteps = modelOf(revision).services[service]?.['x-evenkeel']?.deploy !== undefined
    if (!hasSteps || isWayBack) return []
    // What has failed is tried again.
    if (known?.revision === revision) return [[service, { ...known, hasFailed: false }]]
    return revisions.get(service) === revision ? [] : [[service, { revision, stage: 'before', done: 0 }]]
  })
  return Object.fromEntries(owed)
}
