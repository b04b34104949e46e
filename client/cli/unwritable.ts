/** What our own output can come to. */
import { Problem } from '../../protocol/problems.ts'

/** A reader that is gone ends us quietly, and stays what it is; a full disk is told, as any fault of where the output goes. */
export function unwritable(error: Error, where = 'standard output'): Error {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === undefined || code === 'EPIPE') return error
  return new Problem('bad-request', `${where} cannot be written: ${message}`, {
    hint: 'make room there, or write elsewhere',
    cause: error,
  })
}
