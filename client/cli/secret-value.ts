/** The value of a secret, from a file or standard input: never from the command line, which others can read. */
import { Problem } from '../../protocol/problems.ts'
import { readFileBounded } from '../read-file.ts'

const LIMIT_BYTES = 1_000_000

/** In base64, as it is: a line's end belongs to it. */
export function secretValue(file: string | undefined): string {
  if (file === undefined && process.stdin.isTTY === true) {
    throw new Problem('bad-request', 'the value comes from a file or through a pipe', {
      hint: 'evenkeel secret set NAME --file FILE, or: read -rs V && printf %s "$V" | evenkeel secret set NAME',
    })
  }
  const bytes = readFileBounded(file ?? '-', LIMIT_BYTES)
  if (bytes !== undefined) return bytes.toString('base64')
  throw new Problem('bad-request', `there is no file ${file}`, { hint: 'correct the path' })
}
