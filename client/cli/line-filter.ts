/**
 * Which lines a regular expression wants. It is matched here, not in the daemon, and by V8's engine that takes time in
 * proportion to the line, whatever the expression: there is none that keeps it busy for ever. That engine knows neither
 * backreferences nor lookaround.
 */
import { setFlagsFromString } from 'node:v8'
import { Problem } from '../../protocol/problems.ts'

export function lineFilter(pattern: string): (line: string) => boolean {
  setFlagsFromString('--enable-experimental-regexp-engine')
  const expression = linear(pattern)
  return (line) => expression.test(line)
}

function linear(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'l')
  } catch (cause) {
    let words = (cause as Error).message
    try {
      new RegExp(pattern)
      words = `${pattern}: it needs more time than its lines are long (backreferences, lookaround, large counts)`
    } catch {
      // Not one at all: the words of the first attempt say why.
    }
    throw new Problem('bad-request', `--grep cannot take this expression: ${words}`, {
      hint: 'or take all lines, and pipe them: evenkeel logs | grep -P ...',
      cause,
    })
  }
}
