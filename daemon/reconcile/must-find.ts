/** What somebody named and is not there is told as such, with the way to what is. */
import { Problem } from '../../protocol/problems.ts'
import type { RevisionRow } from '../store/revisions.ts'
import type { Store } from '../store/store.ts'

export function mustFindRevision({ revisions }: Pick<Store, 'revisions'>, stack: string, number: number): RevisionRow {
  return mustFind(
    revisions.find(stack, number),
    'revision-not-found',
    `stack ${stack} has no revision ${number}`,
    `see: evenkeel -p ${stack} history`,
  )
}

export function mustFind<T>(
  value: T | undefined,
  code: 'stack-not-found' | 'revision-not-found' | 'deployment-not-found',
  message: string,
  hint?: string,
): T {
  if (value === undefined) throw new Problem(code, message, { hint })
  return value
}
