/**
 * The state as one tar, of one moment, while the daemon works on: a manifest, the database, and the contents of configs and
 * secrets. Those never change and are written before a revision names them, so that all that the copy names is there.
 * Build contexts are left out: clients have them, and send them again.
 */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chmod, mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline as connect, PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
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
    const tar = pack()
    const out = new PassThrough()
    connect(tar, out, () => void tidy())
    write(tar, manifest, copy, join(stateFolder, FILES)).catch((error: Error) => tar.destroy(error))
    return out
  } catch (error) {
    await tidy()
    throw error
  }
}

async function write(tar: Pack, manifest: Manifest, copy: string, files: string): Promise<void> {
  const text = Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`)
  await new Promise<void>((resolve, reject) => {
    tar.entry({ name: MANIFEST, mode: 0o600 }, text, (error) => (error ? reject(error) : resolve()))
  })
  await add(tar, DATABASE, copy)
  await rm(copy)
  for (const name of manifest.files) await add(tar, `${FILES}/${name}`, join(files, name))
  tar.finalize()
}

/** With owner and mode, which containers see. */
async function add(tar: Pack, name: string, path: string): Promise<void> {
  const file = await open(path)
  try {
    const { size, mode, uid, gid, mtime } = await file.stat()
    const header = { name, size, mode: mode & 0o7777, uid, gid, mtime }
    if (size === 0) tar.entry(header, Buffer.alloc(0))
    else await pipeline(file.createReadStream({ autoClose: false, end: size - 1 }), tar.entry(header))
  } finally {
    await file.close()
  }
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
