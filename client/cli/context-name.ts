/** The one word of a command about a context. */
import { Problem } from '../../protocol/problems.ts'
import { oneWord } from './one-word.ts'

export function contextName(words: readonly string[]): string {
  const name = oneWord(words, 'the name of a context')
  if (/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$/.test(name)) return name
  throw new Problem('bad-request', `${name} is no name for a context`, {
    hint: 'letters, digits, `.`, `_` and `-`, at most 64',
  })
}

export const noContext = (name: string) =>
  new Problem('bad-request', `there is no context ${name}`, { hint: 'see: evenkeel context ls' })
