/** Going back to an earlier revision: as a new one that says the same and runs the very images that the old one ran. */
import { Problem } from '../../protocol/problems.ts'
import type { ImagePin } from '../../protocol/resources/revision.ts'
import { type RollbackRequest, UpOptions } from '../../protocol/resources/stack.ts'
import { declaredReplicas } from '../stack/desired.ts'
import type { RevisionRow } from '../store/revisions.ts'
import type { Core } from './core.ts'
import { mustFind, mustFindRevision } from './must-find.ts'

/**
 * `revision` is its number; undefined: the last other one that a deployment brought up in full. Problems:
 * `stack-not-found`, `revision-not-found`, `image-missing` (nothing is pulled for a way back: it works offline).
 */
export async function prepareRollback(
  core: Core,
  stack: string,
  { revision, note: _, ...options }: RollbackRequest,
  signal: AbortSignal,
): Promise<{ readonly to: RevisionRow; readonly pins: readonly ImagePin[]; readonly options: UpOptions }> {
  const { store } = core
  const row = mustFind(store.stacks.find(stack), 'stack-not-found', `there is no stack ${stack}`, 'see: evenkeel ls')
  const number = revision ?? store.deployments.lastGood(stack, row.revision)
  if (number === undefined) {
    throw new Problem('revision-not-found', `stack ${stack} has no other revision that came up`, {
      hint: 'name one: evenkeel rollback REVISION; they are listed by: evenkeel history',
    })
  }
  const to = mustFindRevision(store, stack, number)
  const pins = store.revisions.pins(stack, number)
  await mustBeHere(core, to, pins, signal)
  return { to, pins, options: UpOptions.parse(options) }
}

/** A revision never changes and numbers only grow: what was becomes a new one. `to` itself where the stack is at it. */
export function rollbackCandidate(
  { store, clock }: Core,
  to: RevisionRow,
  note: string | undefined,
  author: string,
): RevisionRow {
  const current = store.stacks.find(to.stack)?.revision ?? 0
  if (current === to.number) return to
  return {
    ...to,
    number: Math.max(store.revisions.latestNumber(to.stack), current) + 1,
    createdAt: clock.now().toISOString(),
    author,
    note: note ?? `rollback to revision ${to.number}`,
  }
}

/** Said before anything is changed: what has been removed since cannot be brought back. */
async function mustBeHere(core: Core, to: RevisionRow, pins: readonly ImagePin[], signal: AbortSignal): Promise<void> {
  const wanted = Object.keys(to.model.services).filter((service) => declaredReplicas(to.model, service) > 0)
  const unknown = wanted.find((service) => !pins.some((pin) => pin.service === service))
  if (unknown !== undefined) {
    throw new Problem('image-missing', `service ${unknown} was never brought up at revision ${to.number}`, {
      hint: 'which image it would take is not known; go back to a revision that came up in full: evenkeel history',
    })
  }
  const needed = pins.filter(({ service }) => wanted.includes(service))
  const gone = await Promise.all(
    needed.map(async (pin) => {
      const image = await core.engine.images.inspect(pin.imageId, { signal })
      return image === undefined ? [pin] : []
    }),
  )
  const [first] = gone.flat()
  if (first === undefined) return
  throw new Problem(
    'image-missing',
    `the image that service ${first.service} ran in revision ${to.number} is no longer here: ${first.reference} (${first.imageId.slice(0, 19)})`,
    { hint: 'bring it back (docker load, docker pull by digest), or go back to another revision' },
  )
}
