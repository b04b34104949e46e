/** For commands that take one name and nothing else. */
import { Problem } from '../../protocol/problems.ts'

export function oneWord(words: readonly string[], what: string): string {
  const [word, ...others] = words
  if (word === undefined || others.length > 0)
    throw new Problem('bad-request', `this takes ${what}, and nothing else`, { hint: 'see its --help' })
  return word
}
