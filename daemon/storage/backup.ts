/**
 * The state as one tar, of one moment, while the daemon works on: a manifest, the database, and the contents of configs and
 * secrets. Those never change and are written before a revision names them, so that all that the copy names is there.
 * Build contexts are left out: clients have them, and send them again.
 */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chmod, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { pipeline as connect, PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Headers, pack as packFolder } from 'tar-fs'
import { type Pack, pack } from 'tar-stream'
import { z } from 'zod'
import { MIGRATIONS } from '../store/migrations/index.ts'
import type { Store } from '../store/store.ts'

export const MANIFEST = 'evenkeel-backup.json'
export const DATABASE = 'state.db'
export const FILES = 'files'

export const Manifest = z.object({
  format: z.literal(1),
  version: z.string(),
  schema: z.number().int(),
  instance: z.string(),
  createdAt: z.string(),
  /** Of the database, in hex. */
  sha256: z.string(),
  /** Digests of the contents of configs and secrets, all of which are in it. */
  files: z.array(z.string()),
})
export type Manifest = z.infer<typeof Manifest>

/** Copies that a daemon left which was killed are in here too: it is emptied at start. */
const WORK = 'backup'

export async function emptyBackupFolder(stateFolder: string): Promise<void> {
  await rm(join(stateFolder, WORK), { recursive: true, force: true })
}

/** The tar as it is made. Whoever stops reading ends it; nothing is left behind. */
export async function backUp(store: Store, stateFolder: string, version: string): Promise<Readable> {
  const folder = join(stateFolder, WORK)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const copy = join(folder, `${randomUUID()}.db`)
  const tidy = () => rm(copy, { force: true })
  try {
    await store.backup(copy)
    await chmod(copy, 0o600)
    const manifest: Manifest = {
      format: 1,
      version,
      schema: MIGRATIONS.length,
      instance: store.instance,
      createdAt: new Date().toISOString(),
      sha256: await digestOf(copy),
      // What is being written has another name until it is whole.
      files: (await readdir(join(stateFolder, FILES))).filter((name) => /^[0-9a-f]{64}$/.test(name)).sort(),
    }
    const out = new PassThrough()
    connect(tarOf(manifest, copy, stateFolder), out, () => void tidy())
    return out
  } catch (error) {
    await tidy()
    throw error
  }
}

/** With owners and modes, which containers see. */
function tarOf(manifest: Manifest, copy: string, stateFolder: string): Pack {
  const tar = pack()
  tar.entry({ name: MANIFEST, mode: 0o600 }, Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`))
  const database = relative(stateFolder, copy)
  const options = {
    pack: tar,
    entries: [database, ...manifest.files.map((name) => `${FILES}/${name}`)],
    map: (header: Headers) => (header.name === database ? { ...header, name: DATABASE } : header),
    umask: 0,
    finalize: false,
    // Whoever has all of it finds nothing left behind.
    finish: () =>
      void rm(copy, { force: true }).then(
        () => tar.finalize(),
        (error: Error) => tar.destroy(error),
      ),
  }
  packFolder(stateFolder, options)
  return tar
}

export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

/** Whether there is such a file or folder. */
export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )
