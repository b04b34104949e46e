/** Writes a stream to a file or standard output, and tells its digest. A file is there whole or not at all. */
import { createHash } from 'node:crypto'
import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Problem } from '../../protocol/problems.ts'
import type { Output } from './output.ts'
import { unwritable } from './unwritable.ts'
import { writeWhole } from './write-whole.ts'

export interface Saved {
  readonly bytes: number
  /** In hex. */
  readonly sha256: string
}

/** Asked before anything is sent: a terminal is no place for a tar. */
export function mustHaveTarget(file: string | undefined, output: Output): void {
  if (file === undefined && output.isTerminal)
    throw new Problem('bad-request', 'a tar is not for a terminal', {
      hint: 'write it to a file: -o FILE; or into a pipe',
    })
}

/** `file` undefined: standard output. A file is for its owner alone. */
export async function save(stream: Readable, file: string | undefined): Promise<Saved> {
  const hash = createHash('sha256')
  let bytes = 0
  const measure = new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length
      hash.update(chunk)
      done(undefined, chunk)
    },
  })
  if (file !== undefined) {
    await writeWhole(file, stream, measure)
    return { bytes, sha256: hash.digest('hex') }
  }
  try {
    await pipeline(stream, measure, process.stdout, { end: false })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ECONNRESET' || message === 'aborted')
      throw new Problem('archive-damaged', `the daemon broke off after ${bytes} bytes`, {
        hint: "what went to the pipe is of no use. The daemon's log says more",
        cause: error,
      })
    throw unwritable(error as Error)
  }
  return { bytes, sha256: hash.digest('hex') }
}
