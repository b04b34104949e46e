/** What `exec` and `run` make of their options, in the same way. */
import { Problem } from '../../protocol/problems.ts'

/**
 * A terminal where input and output are terminals here. `-T` does without; `-t` wants one also where the output is no
 * terminal, and cannot have one where the input is none.
 */
export function wantsTerminal(wanted: {
  readonly off: boolean | undefined
  readonly on: boolean | undefined
  readonly stdin: boolean
}): boolean {
  const { off, on, stdin } = wanted
  if (on === true && off === true) throw new Problem('bad-request', "--tty and --no-TTY can't be used together")
  if (off === true) return false
  const isTerminal = process.stdin.isTTY === true
  if (on !== true) return isTerminal && process.stdout.isTTY === true && stdin
  if (isTerminal || !stdin) return true
  throw new Problem('bad-request', 'the input device is not a TTY', { hint: 'leave -t out' })
}

/** `NAME` alone takes its value from here, and is left out where there is none. */
export function sessionEnvironment(
  entries: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string[] {
  return entries.flatMap((entry) => {
    if (entry.includes('=')) return [entry]
    const value = environment[entry]
    return value === undefined ? [] : [`${entry}=${value}`]
  })
}
