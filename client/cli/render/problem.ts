/** An error for people: what failed, where, and what to do. */
import { Problem } from '../../../protocol/problems.ts'
import { formatFinding } from '../../../protocol/stackfile/format-finding.ts'

export function renderProblem(error: unknown): string {
  if (isOfAFile(error)) return error.message
  if (!(error instanceof Problem)) {
    const words = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return `evenkeel: ${words}\n  this is a bug in evenkeel: please report it with what you did`
  }
  const places = (error.findings ?? []).filter((finding) => finding.place !== undefined)
  if (places.length > 0) return places.map(formatFinding).join('\n')
  const hint = error.hint === undefined ? '' : `\n  ${error.hint.split('\n').join('\n  ')}`
  return `${error.message}${hint}`
}

/** What the system says of a file is the fault of nobody here, and names the file: `EACCES: permission denied, open '/x'`. */
function isOfAFile(error: unknown): error is Error {
  const { code, syscall, path } = error as NodeJS.ErrnoException
  return error instanceof Error && [code, syscall, path].every((part) => typeof part === 'string')
}
