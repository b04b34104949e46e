/** A hold in words: since when, and the way out. */
import type { Hold } from '../../../protocol/resources/hold.ts'

export function heldWords(stack: string, { scope, since, by }: Hold): string {
  return scope === 'daemon'
    ? `the whole daemon is held since ${since} (by ${by}): nothing is touched until: evenkeel resume --all`
    : `stack ${stack} is held since ${since} (by ${by}): nothing of it is touched until: evenkeel resume ${stack}`
}
