/** Build contexts that clients uploaded: tars in the state folder, by the digest of their bytes. */
import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Problem } from '../../protocol/problems.ts'

/** One context. Compose has no limit; a disk has. */
export const CONTEXT_LIMIT_BYTES = 20 * 1024 ** 3

const ID = /^[0-9a-f]{64}$/

export class ContextStore {
  readonly #folder: string

  constructor(stateFolder: string) {
    this.#folder = join(stateFolder, 'contexts')
  }

  /** `id` is the SHA-256 of the bytes, in hex: what arrives is checked against it. */
  async put(id: string, tar: Readable): Promise<{ bytes: number }> {
    if (!ID.test(id)) throw new Problem('bad-request', 'a context is named by the SHA-256 of its bytes, in hex')
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const temporary = join(this.#folder, `${randomUUID()}.part`)
    const hash = createHash('sha256')
    let bytes = 0
    const measure = new Transform({
      transform(chunk: Buffer, _, done) {
        bytes += chunk.length
        if (bytes > CONTEXT_LIMIT_BYTES) {
          done(
            new Problem('payload-too-large', `a build context has at most ${CONTEXT_LIMIT_BYTES} bytes`, {
              hint: 'leave out what the build does not need with a .dockerignore',
            }),
          )
          return
        }
        hash.update(chunk)
        done(undefined, chunk)
      },
    })
    try {
      await pipeline(tar, measure, createWriteStream(temporary, { mode: 0o600 }))
      if (hash.digest('hex') !== id) throw new Problem('bad-request', 'the context arrived damaged: its digest differs')
      await rename(temporary, this.#pathOf(id))
      return { bytes }
    } finally {
      await rm(temporary, { force: true })
    }
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

  #pathOf(id: string): string {
    if (!ID.test(id)) throw new Problem('bad-request', `"${id}" is no id of a build context`)
    return join(this.#folder, id)
  }
}
