/**
 * Folders and files of a client's machine that its stack binds, unpacked in the state folder by the digest of the tar that they
 * came in. Their content is their name, so that containers see them read-only.
 */
import { randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { chmod, chown, lchown, mkdir, readdir, rename, rm, stat, symlink, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { extract, type Header } from 'tar-stream'
import { BUNDLED_FILE } from '../../protocol/bundle.ts'
import { Problem } from '../../protocol/problems.ts'
import type { ContextStore } from './context-store.ts'

export interface BundleRef {
  readonly id: string
  readonly kind: 'folder' | 'file'
}

const ID = /^[0-9a-f]{64}$/
const IS_ROOT = process.getuid?.() === 0

export class BundleStore {
  readonly folder: string
  readonly #contexts: ContextStore
  /** Being unpacked: two requests may want the same. */
  readonly #placing = new Map<string, Promise<void>>()

  /** Tars arrive as build contexts do, and are put down beside them. */
  constructor(stateFolder: string, contexts: ContextStore) {
    this.folder = join(stateFolder, 'bundles')
    this.#contexts = contexts
  }

  /** Whoever asks is about to name it: it is not swept meanwhile. */
  has(id: string): Promise<boolean> {
    const now = new Date()
    return utimes(this.#at(id), now, now).then(
      () => true,
      () => false,
    )
  }

  /** Makes sure that it is unpacked. Rejects where it was not uploaded. */
  async place({ id, kind }: BundleRef): Promise<void> {
    if (!(await this.has(id))) {
      const placing = this.#placing.get(id) ?? this.#unpack(id).finally(() => this.#placing.delete(id))
      this.#placing.set(id, placing)
      await placing
    }
    if (kind === 'file' && !existsSync(join(this.#at(id), BUNDLED_FILE)))
      throw new Problem('bad-request', `the bundle has no ${BUNDLED_FILE}: it is none of a single file`)
  }

  /** Where it is on this machine. Throws where it is no longer: the Engine would make an empty folder of that name. */
  pathOf({ id, kind }: BundleRef): string {
    const path = kind === 'folder' ? this.#at(id) : join(this.#at(id), BUNDLED_FILE)
    if (existsSync(path)) return path
    throw new Problem('conflict', 'files that the stack binds are no longer on this machine', {
      hint: 'bring the stack up again from where its files are: evenkeel up',
    })
  }

  /** Removes those that no revision names, and what was never finished. Answers how many went. */
  async sweep(wanted: ReadonlySet<string>, olderThanMs: number): Promise<number> {
    const names = await readdir(this.folder).catch(() => [] as string[])
    let removed = 0
    for (const name of names) {
      if (wanted.has(name)) continue
      const path = join(this.folder, name)
      const info = await stat(path).catch(() => undefined)
      if (info === undefined || Date.now() - info.mtimeMs < olderThanMs) continue
      await rm(path, { recursive: true, force: true })
      removed += 1
    }
    return removed
  }

  async #unpack(id: string): Promise<void> {
    const tar = await this.#contexts.locate(id)
    const temporary = join(this.folder, `${id}.${randomUUID()}`)
    await mkdir(temporary, { recursive: true, mode: 0o700 })
    try {
      await unpack(tar, temporary)
      await rename(temporary, this.#at(id))
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
    const now = new Date()
    await utimes(this.#at(id), now, now)
  }

  #at(id: string): string {
    if (!ID.test(id)) throw new Problem('bad-request', `"${id}" is no id of a bundle`)
    return join(this.folder, id)
  }
}

/** Into an empty folder, and nowhere else: nothing is written through a link or beside the folder, whatever the tar says. */
async function unpack(tar: string, root: string): Promise<void> {
  const entries = extract()
  const reading = pipeline(createReadStream(tar), entries)
  // Awaited below; where the loop ends before, what broke it is told.
  reading.catch(() => {})
  /** Folders made so far: what is in one comes after it. */
  const folders = new Map<string, Header | undefined>([['', undefined]])
  try {
    for await (const entry of entries) {
      const { header } = entry
      const parts = header.name.replace(/\/$/, '') === '.' ? [] : header.name.replace(/\/$/, '').split('/')
      const name = parts.join('/')
      if (parts.some((part) => ['', '.', '..'].includes(part)) || !folders.has(parts.slice(0, -1).join('/')))
        throw damaged(`it has an entry ${header.name} out of place`)
      const path = join(root, ...parts)
      switch (header.type) {
        case 'directory':
          if (name !== '') await mkdir(path, { mode: 0o700 })
          folders.set(name, header)
          break
        case 'file':
          await pipeline(entry, createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true }))
          await giveAttributes(path, header)
          break
        case 'symlink':
          await symlink(header.linkname ?? '', path)
          if (IS_ROOT) await lchown(path, header.uid ?? 0, header.gid ?? 0)
          break
        default:
          throw damaged(`it has an entry of the kind ${header.type}`)
      }
      entry.resume()
    }
    await reading
  } catch (error) {
    if (error instanceof Problem) throw error
    throw damaged((error as Error).message, error)
  }
  // Last, and from the inside out: a folder may be closed to writing.
  for (const [name, header] of [...folders].reverse())
    if (header !== undefined) await giveAttributes(join(root, name), header)
}

/** As a bind on the client's own machine would show them, but that nothing here runs with another's rights. */
async function giveAttributes(path: string, { mode = 0o755, uid = 0, gid = 0, mtime }: Header): Promise<void> {
  if (IS_ROOT) await chown(path, uid, gid)
  await chmod(path, mode & 0o777)
  if (mtime !== undefined) await utimes(path, mtime, mtime)
}

const damaged = (why: string, cause?: unknown) =>
  new Problem('bad-request', `a bundle of bound files cannot be unpacked: ${why}`, {
    hint: 'bring the stack up again: evenkeel up',
    cause,
  })
