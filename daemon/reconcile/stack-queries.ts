/** What there is of stacks: their rows, and the containers that the Engine has of them. */
import type { Container, DriftField } from '../../protocol/resources/container.ts'
import type { Stack, StackSummary } from '../../protocol/resources/stack.ts'
import type { ContainerSummary } from '../engine/types.ts'
import { COMPOSE } from '../stack/labels.ts'
import { defined } from '../stack/mapping/resources.ts'
import type { RevisionRow } from '../store/revisions.ts'
import type { StackRow } from '../store/stacks.ts'
import type { ContainerDetail } from './control.ts'
import type { Core } from './core.ts'
import { crashLoops } from './crash-loops.ts'
import { deadline } from './deadline.ts'
import { driftOf } from './drift.ts'
import { mustFind } from './must-find.ts'
import { isEngineAway } from './perform/engine-answers.ts'
import { containerOf, stackOfRow, summaryOf } from './views.ts'

export function rowOf({ store }: Core, stack: string): StackRow {
  return mustFind(store.stacks.find(stack), 'stack-not-found', `there is no stack ${stack}`, 'see: evenkeel ls')
}

export async function listStacks(core: Core): Promise<StackSummary[]> {
  const { store } = core
  const containers = await oursOf(core)
  const crashing = await crashLoops(core, containers ?? [], deadline(), 'alone')
  return store.stacks
    .all()
    .filter((row) => row.presence === 'present' || row.condition !== 'absent')
    .map((row) => summaryOf(store, row, containers, crashing))
}

export async function showStack(core: Core, stack: string): Promise<Stack> {
  const { store } = core
  const row = rowOf(core, stack)
  const containers = await oursOf(core, stack)
  return stackOfRow(store, row, containers, await crashLoops(core, containers ?? [], deadline(), 'alone'))
}

export async function listContainers(
  core: Core,
  stack: string,
  { drift, lastLines }: ContainerDetail,
): Promise<Container[]> {
  const { store, observer } = core
  const signal = deadline()
  const services = new Set(store.stacks.services(stack).map((state) => state.service))
  const adopted = new Map(store.adopted.of(stack).map((one) => [one.id, one]))
  const summaries = await observer.containers(stack, signal)
  if (summaries.length === 0) rowOf(core, stack)
  const [drifted, crashing] = await Promise.all([
    drift === 'show' ? driftOf(core, stack, summaries, signal) : NO_DRIFT,
    crashLoops(core, summaries, signal, lastLines === 'show' ? 'with last lines' : 'alone'),
  ])
  return summaries
    .map((summary) => ({
      ...containerOf(summary, stack, { instance: store.instance, services, adopted }),
      ...defined({ drift: drifted.get(summary.Id), crashLoop: crashing.get(summary.Id) }),
    }))
    .sort((a, b) => (a.service < b.service ? -1 : a.service > b.service ? 1 : a.replica - b.replica))
}

/** Each revision that a service is at, with the services that are. */
export function declaredParts({ store }: Core, stack: string): Pick<RevisionRow, 'model' | 'files'>[] {
  const states = store.stacks.services(stack)
  return [...new Set(states.map(({ revision }) => revision))].flatMap((number) => {
    const row = store.revisions.find(stack, number)
    if (row === undefined) return []
    const own = states.filter(({ revision }) => revision === number).map(({ service }) => service)
    const services = Object.entries(row.model.services).filter(([name]) => own.includes(name))
    return [{ model: { ...row.model, services: Object.fromEntries(services) }, files: row.files }]
  })
}

/** Undefined where the Engine does not answer: what we know ourselves is still worth showing. */
async function oursOf({ engine, observer }: Core, stack?: string): Promise<ContainerSummary[] | undefined> {
  const signal = deadline()
  // By Compose's label: adopted containers have none of ours.
  const label = [COMPOSE.project]
  try {
    return await (stack === undefined
      ? engine.containers.list({ all: true, filters: { label } }, { signal })
      : observer.containers(stack, signal))
  } catch (error) {
    if (isEngineAway(error)) return undefined
    throw error
  }
}

const NO_DRIFT: ReadonlyMap<string, DriftField[]> = new Map()
