/** Reading for a person who waits. */
import { Problem } from '../../protocol/problems.ts'

const READ_MS = 20_000

/** Like `AbortSignal.timeout`, with words for the person who waits. */
export function deadline(ms = READ_MS): AbortSignal {
  const abort = new AbortController()
  const problem = () => new Problem('engine-timeout', `the Engine did not answer in ${ms / 1000} s`)
  setTimeout(() => abort.abort(problem()), ms).unref()
  return abort.signal
}
