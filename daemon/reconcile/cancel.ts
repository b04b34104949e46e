/**
 * A deployment that somebody wants no more. One that waits is never begun; one that is under way goes back to where the stack
 * was, as one that failed does. It is written down before it is told, so that a daemon that dies on it ends it all the same.
 */
import { Problem } from '../../protocol/problems.ts'
import type { Accepted, CancelRequest } from '../../protocol/resources/deployment.ts'
import type { DeploymentRow } from '../store/deployments.ts'
import type { Caller } from './control.ts'
import type { Core } from './core.ts'
import { beginGoingBack, goingBack, stayWhereItIs } from './go-back.ts'
import type { StackRequest } from './requests.ts'
import { rowOf } from './stack-queries.ts'
import type { Supervisor } from './supervisor.ts'

/** They declare something; others are done with soon, and have nothing that they could go back to. */
const CANCELLABLE: ReadonlySet<StackRequest['kind']> = new Set(['up', 'scale', 'promote'])

export function cancelDeployment(
  core: Core,
  supervisor: Pick<Supervisor, 'cancel'>,
  stack: string,
  request: CancelRequest,
  caller: Caller,
): Accepted {
  const { store, clock, credentials, progress } = core
  rowOf(core, stack)
  const problem = new Problem('cancelled', `${caller.name} cancelled it`)
  const at = clock.now().toISOString()
  const row = store.transaction(() => {
    const found = openOne(store.deployments.open(stack), stack, request.deployment)
    if (found.state === 'running') begin(core, found, problem, at)
    else store.deployments.end(found.id, { state: 'cancelled', at, error: problem.toDetails(), warnings: [] })
    return found
  })
  if (row.state === 'running') supervisor.cancel(stack, row.id, problem)
  else {
    credentials.delete(row.id)
    progress.publish({ deployment: row.id, type: 'ended' })
  }
  return { deployment: row.id, changed: true }
}

/** The one that is meant: without a name that under way, else the first that waits. */
function openOne(open: readonly DeploymentRow[], stack: string, id: string | undefined): DeploymentRow {
  const asked = open.filter(({ kind }) => kind !== 'heal')
  const found =
    id === undefined ? (asked.find(({ state }) => state === 'running') ?? asked[0]) : asked.find((one) => one.id === id)
  if (found !== undefined) return found
  throw new Problem(
    'conflict',
    id === undefined
      ? `nothing is under way for stack ${stack}`
      : `stack ${stack} has no deployment ${id} that waits or is under way`,
    { hint: 'see: evenkeel history' },
  )
}

function begin({ store }: Pick<Core, 'store'>, row: DeploymentRow, problem: Problem, at: string): void {
  const { kind } = row.request as StackRequest
  if (!CANCELLABLE.has(kind))
    throw new Problem('conflict', `${row.kind} of stack ${row.stack} cannot be cancelled once it has begun`, {
      hint: 'it ends soon; what was stopped or removed comes back with: evenkeel up',
    })
  if (goingBack(store, row.stack, row.id) !== undefined)
    throw new Problem('conflict', `${row.kind} of stack ${row.stack} is on its way back already`)
  // There is one way back from a trial, and that is to end it: not what is meant by whoever has other numbers of replicas.
  if (kind === 'scale' && store.trials.find(row.stack) !== undefined)
    throw new Problem('conflict', `scale of stack ${row.stack} cannot be cancelled while a revision is on trial`, {
      hint: 'scale it to what it was: evenkeel scale; or end the trial: evenkeel abort',
    })
  const going = row.applied ? beginGoingBack(store, row, problem, at) : stayWhereItIs(store, row, problem)
  if (going === undefined)
    throw new Problem('conflict', `stack ${row.stack} has no earlier state that it could go back to`, {
      hint: 'evenkeel down takes it down, and ends what is under way',
    })
}
