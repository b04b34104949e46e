/** A command about one stack: the one that is named, else that of the file here. */
import { Problem } from '../../protocol/problems.ts'
import type { Context } from './command.ts'

export async function stackArgument(context: Context, words: readonly string[]): Promise<string> {
  if (words.length > 1) throw new Problem('bad-request', `one stack at a time, not ${words.join(' and ')}`)
  return words[0] ?? context.stackName()
}

/** As {@link stackArgument}; undefined for `--all`, the whole daemon. */
export async function stackOrAll(
  context: Context,
  all: boolean | undefined,
  words: readonly string[],
): Promise<string | undefined> {
  if (all !== true) return stackArgument(context, words)
  if (words.length > 0) throw new Problem('bad-request', '--all means the whole daemon: name no stack beside it')
  return undefined
}
