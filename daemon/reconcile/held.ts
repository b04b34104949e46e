/** What a hold means for those who would touch a stack. */
import { Problem } from '../../protocol/problems.ts'
import type { Hold } from '../../protocol/resources/hold.ts'
import type { HoldRow } from '../store/holds.ts'
import type { Store } from '../store/store.ts'

export function heldBy(store: Store, stack: string): Hold | undefined {
  const row = store.holds.of(stack)
  return row === undefined ? undefined : toHold(row)
}

/** Throws where a request would change what is held. */
export function mustNotBeHeld(store: Store, stack: string): void {
  const row = store.holds.of(stack)
  if (row === undefined) return
  const what = row.stack === undefined ? 'the whole daemon is' : `stack ${stack} is`
  throw new Problem('stack-held', `${what} held since ${row.since} (by ${row.by}): nothing of it is touched`, {
    hint: `let it go on first: evenkeel resume ${row.stack ?? '--all'}`,
  })
}

/** Ends what is under way when the hold comes. */
export const heldProblem = (stack: string): Problem =>
  new Problem('stack-held', `stack ${stack} was put on hold`, {
    hint: `let it go on (evenkeel resume ${stack}), and ask again`,
  })

export const toHold = ({ stack, since, by }: HoldRow): Hold => ({
  scope: stack === undefined ? 'daemon' : 'stack',
  since,
  by,
})
