/** Tars of this machine's files on their way to the daemon, named by the digest of their bytes: what is there is not sent again. */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline, Transform } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '../protocol/problems.ts'
import type { Api } from './api.ts'
import { type FolderState, KnownContexts } from './build-known.ts'

export interface Packable {
  /** For people. */
  readonly name: string
  /** By which its digest is remembered, with the state that it had then. */
  readonly key: string
  readonly state: FolderState
  readonly tar: () => Iterable<Buffer>
}

/** Waits between tries that bring nothing further. */
const WAITS_MS = [500, 1000, 2000, 4000, 8000, 15_000]

/** Answers its id, once the daemon has it. What is known to be the same as before is not even read. */
export async function uploadOnce(
  api: Api,
  { name, key, state, tar }: Packable,
  isThere: (id: string) => Promise<boolean>,
): Promise<string> {
  const contexts = new KnownContexts()
  const known = contexts.find(key, state)
  if (known !== undefined && (await isThere(known))) return known
  const path = join(tmpdir(), `evenkeel-context-${randomUUID()}.tar`)
  try {
    const { id, bytes } = await writeTar(tar(), path)
    if (!(await isThere(id))) await send(api, { name, id, path, bytes })
    contexts.remember(key, state, id)
    return id
  } finally {
    await rm(path, { force: true })
  }
}

/** A connection that is cut costs what was under way: the next one goes on with what the daemon has. */
async function send(
  api: Api,
  {
    name,
    id,
    path,
    bytes,
  }: { readonly name: string; readonly id: string; readonly path: string; readonly bytes: number },
): Promise<void> {
  let best = -1
  for (let tries = 0; ; ) {
    try {
      const { present, receivedBytes } = await api.call('hasContext', { id })
      if (present) return
      const offset = Math.min(receivedBytes, bytes)
      if (offset > best) tries = 0
      best = Math.max(best, offset)
      let sent = offset
      const counted = new Transform({
        transform(chunk: Buffer, _, done) {
          sent += chunk.length
          api.report(name, Math.min(sent, bytes - 1), bytes)
          done(undefined, chunk)
        },
      })
      // What breaks of it shows in the upload.
      pipeline(createReadStream(path, { start: offset }), counted, () => {})
      await api.upload('putContext', { id }, counted, { bytes: bytes - offset, query: offset === 0 ? {} : { offset } })
      api.report(name, bytes, bytes)
      return
    } catch (error) {
      const mayPass = error instanceof Problem && ['daemon-unreachable', 'conflict'].includes(error.code)
      const waitMs = WAITS_MS[tries]
      tries += 1
      // A daemon that was not there to begin with is told at once.
      if (!mayPass || waitMs === undefined || best < 0) throw error
      await sleep(waitMs)
    }
  }
}

export async function writeTar(tar: Iterable<Buffer>, path: string): Promise<{ id: string; bytes: number }> {
  const hash = createHash('sha256')
  let bytes = 0
  const file: FileHandle = await open(path, 'wx', 0o600)
  try {
    for (const chunk of tar) {
      hash.update(chunk)
      bytes += chunk.length
      await file.write(chunk)
    }
  } finally {
    await file.close()
  }
  return { id: hash.digest('hex'), bytes }
}
