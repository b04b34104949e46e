/** Build contexts that clients uploaded: tars in the state folder, by the digest of their bytes. */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { addAbortSignal, type Readable } from 'node:stream'
import { Problem } from '../../protocol/problems.ts'

/** One context. Compose has no limit; a disk has. */
export const CONTEXT_LIMIT_BYTES = 20 * 1024 ** 3
/** An upload on which nothing came for so long is given up for another one of the same: its caller may be gone unnoticed. */
const SILENT_MS = 3000

const ID = /^[0-9a-f]{64}$/

interface Upload {
  readonly abort: AbortController
  readonly ended: Promise<void>
  lastAtMs: number
}

export class ContextStore {
  readonly #folder: string
  readonly #uploads = new Map<string, Upload>()

  constructor(stateFolder: string) {
    this.#folder = join(stateFolder, 'contexts')
  }

  /**
   * `id` is the SHA-256 of the bytes, in hex: what arrives is checked against it. What a broken upload left is kept, and the
   * next one may go on from there (`offset`, as `receivedBytes` tells it).
   */
  async put(id: string, tar: Readable, offset = 0): Promise<{ bytes: number }> {
    const part = `${this.#pathOf(id)}.part`
    while (this.#uploads.has(id)) await this.#takeOver(this.#uploads.get(id)!)
    const abort = new AbortController()
    let done = (): void => {}
    const upload: Upload = {
      abort,
      lastAtMs: Date.now(),
      ended: new Promise((resolve) => {
        done = resolve
      }),
    }
    this.#uploads.set(id, upload)
    try {
      return await this.#receive(id, part, tar, offset, upload)
    } finally {
      this.#uploads.delete(id)
      done()
    }
  }

  /** What of it has come already, of an upload that broke off. */
  async receivedBytes(id: string): Promise<number> {
    const info = await stat(`${this.#pathOf(id)}.part`).catch(() => undefined)
    return info?.size ?? 0
  }

  /** Whoever asks is about to name it: it is as good as new, and is not swept meanwhile. */
  has(id: string): Promise<boolean> {
    const now = new Date()
    return utimes(this.#pathOf(id), now, now).then(
      () => true,
      () => false,
    )
  }

  /** The path of its tar. */
  async locate(id: string): Promise<string> {
    if (await this.has(id)) return this.#pathOf(id)
    throw new Problem('build-failed', 'the build context is no longer here', {
      hint: 'bring the stack up again with --build: the client sends it anew',
    })
  }

  /** Removes contexts that no revision names, and uploads that never ended. Answers how many went. */
  async sweep(wanted: ReadonlySet<string>, olderThanMs: number): Promise<number> {
    const names = await readdir(this.#folder).catch(() => [] as string[])
    let removed = 0
    for (const name of names) {
      if (wanted.has(name)) continue
      const path = join(this.#folder, name)
      const info = await stat(path).catch(() => undefined)
      if (info === undefined || Date.now() - info.mtimeMs < olderThanMs) continue
      await rm(path, { force: true })
      removed += 1
    }
    return removed
  }

  async #takeOver(other: Upload): Promise<void> {
    if (Date.now() - other.lastAtMs < SILENT_MS)
      throw new Problem('conflict', 'the same is being uploaded already', { hint: 'wait for it' })
    other.abort.abort(new Problem('cancelled', 'another upload of the same goes on in its place'))
    await other.ended
  }

  async #receive(id: string, part: string, tar: Readable, offset: number, upload: Upload): Promise<{ bytes: number }> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const received = await this.receivedBytes(id)
    if (offset > received)
      throw new Problem('bad-request', `${received} bytes are here: the rest cannot begin at ${offset}`)
    const hash = createHash('sha256')
    if (offset > 0) await readInto(hash, part, offset)
    const file = await open(part, offset > 0 ? 'r+' : 'w', 0o600)
    let bytes = offset
    try {
      // Each piece is in the file before the next is asked for: what has come before a cut does not come again.
      for await (const chunk of addAbortSignal(upload.abort.signal, tar) as AsyncIterable<Buffer>) {
        upload.lastAtMs = Date.now()
        if (bytes + chunk.length > CONTEXT_LIMIT_BYTES) {
          throw new Problem('payload-too-large', `a build context has at most ${CONTEXT_LIMIT_BYTES} bytes`, {
            hint: 'leave out what the build does not need with a .dockerignore',
          })
        }
        hash.update(chunk)
        await writeAt(file, chunk, bytes)
        bytes += chunk.length
      }
    } catch (error) {
      throw upload.abort.signal.aborted ? upload.abort.signal.reason : error
    } finally {
      await file.close()
    }
    if (hash.digest('hex') !== id) {
      await rm(part, { force: true })
      throw new Problem('bad-request', 'the context arrived damaged: its digest differs')
    }
    await rename(part, this.#pathOf(id))
    return { bytes }
  }

  #pathOf(id: string): string {
    if (!ID.test(id)) throw new Problem('bad-request', 'a context is named by the SHA-256 of its bytes, in hex')
    return join(this.#folder, id)
  }
}

async function writeAt(file: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let at = 0; at < chunk.length; )
    at += (await file.write(chunk, at, chunk.length - at, position + at)).bytesWritten
}

async function readInto(hash: Hash, path: string, bytes: number): Promise<void> {
  for await (const chunk of createReadStream(path, { end: bytes - 1 })) hash.update(chunk as Buffer)
}
