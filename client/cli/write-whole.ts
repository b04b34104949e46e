/** A file from a stream: under its name only once it is whole. A special file, such as /dev/null, is written as it is. */
import { randomBytes } from 'node:crypto'
import { createWriteStream, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Problem } from '../../protocol/problems.ts'

export async function writeWhole(path: string, source: Readable, ...through: readonly Transform[]): Promise<void> {
  const there = statSync(path, { throwIfNoEntry: false })
  if (there?.isDirectory() === true) throw refusal(path, 'it is a directory')
  if (statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw refusal(path, `directory "${dirname(path)}" does not exist`)
  }
  const isPlain = there === undefined || there.isFile()
  const target = isPlain ? `${path}.${randomBytes(4).toString('hex')}.part` : path
  const interrupted = () => {
    if (isPlain) rmSync(target, { force: true })
    process.exit(130)
  }
  process.once('SIGINT', interrupted)
  try {
    // What a container holds is no business of others on this machine.
    await pipeline([source, ...through, createWriteStream(target, { mode: 0o600, flush: isPlain })])
    if (isPlain) renameSync(target, path)
  } catch (error) {
    if (isPlain) rmSync(target, { force: true })
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ECONNRESET' || message === 'aborted' || code === 'ERR_STREAM_PREMATURE_CLOSE') {
      throw new Problem('daemon-unreachable', `the connection broke before all was there; ${path} was not written`, {
        cause: error,
      })
    }
    throw code === undefined ? error : refusal(path, code)
  } finally {
    process.removeListener('SIGINT', interrupted)
  }
}

const refusal = (path: string, reason: string): Problem =>
  new Problem('bad-request', `cannot write ${path}: ${reason}`, { hint: 'name another file with -o' })
