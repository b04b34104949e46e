/** Reading for a person who waits: no longer than this. */
import { Problem } from '../../protocol/problems.ts'

const READ_MS = 20_000

/** Like `AbortSignal.timeout`, with words for the person who waits. */
export function deadline(): AbortSignal {
  const abort = new AbortController()
  const problem = () => new Problem('engine-timeout', `the Engine did not answer in ${READ_MS / 1000} s`)
  setTimeout(() => abort.abort(problem()), READ_MS).unref()
  return abort.signal
}
