/** One call for each name: those after one that fails are still tried, and each failure is told. */
import { Problem } from '../../protocol/problems.ts'
import type { Output } from './output.ts'
import { renderProblem } from './render/problem.ts'

export async function eachName(
  names: readonly string[],
  what: string,
  output: Output,
  call: (name: string) => Promise<unknown>,
): Promise<number> {
  if (names.length === 0) throw new Problem('bad-request', `this takes names of ${what}`, { hint: 'see its --help' })
  let code = 0
  for (const name of names) {
    try {
      await call(name)
      output.line(name)
    } catch (error) {
      if (!(error instanceof Problem) || error.code === 'daemon-unreachable') throw error
      output.note(renderProblem(error))
      code = error.exitCode
    }
  }
  return code
}
