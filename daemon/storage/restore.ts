/**
 * Puts a backup in the place of the state, with no daemon on that folder. Everything is unpacked and checked beside it
 * first; what was there is kept aside. A request that was under way in the backup is not taken up again.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { chmod, chown, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { extract } from 'tar-stream'
import { Problem } from '../../protocol/problems.ts'
import { damageOf, setAside, statePath, takeLock } from '../store/database.ts'
import { MIGRATIONS } from '../store/migrations/index.ts'
import { openStore } from '../store/store.ts'
import { DATABASE, digestOf, exists, FILES, MANIFEST, Manifest } from './backup.ts'
import { TarWatch } from './tar-watch.ts'

export interface Restored {
  readonly manifest: Manifest
  readonly stacks: readonly string[]
  /** Requests that were under way, by stack and kind. */
  readonly cancelled: readonly string[]
  /** Where the state is that was there before. */
  readonly aside: string | undefined
}

/** `file`: a path, or `-` for standard input. */
export async function restore(stateFolder: string, file: string, now: Date): Promise<Restored> {
  await mkdir(stateFolder, { recursive: true, mode: 0o700 })
  const lock = takeLock(stateFolder)
  const staging = join(stateFolder, `restore-${process.pid}`)
  let aside: string | undefined
  let manifest: Manifest
  try {
    await mkdir(join(staging, FILES), { recursive: true, mode: 0o700 })
    await unpack(file === '-' ? process.stdin : createReadStream(file), staging, file)
    manifest = await checked(staging, file)
    await mkdir(join(stateFolder, FILES), { recursive: true, mode: 0o700 })
    // Named by their digest: one that is there already is the same.
    for (const name of await readdir(join(staging, FILES)))
      await rename(join(staging, FILES, name), join(stateFolder, FILES, name))
    aside = setAside(stateFolder, `before-restore-${stamp(now)}`)
    await rename(join(staging, DATABASE), statePath(stateFolder))
  } finally {
    await rm(staging, { recursive: true, force: true })
    lock.close()
  }
  return { manifest, aside, ...settle(stateFolder, now) }
}

/** `20260102-030405`, for the names of files. */
export const stamp = (now: Date): string => now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')

const ENTRY = new RegExp(`^(${MANIFEST.replaceAll('.', '\\.')}|state\\.db|${FILES}/[0-9a-f]{64})$`)

/** Only what a backup has, under the names that it has there: a tar can name any path. */
async function unpack(tar: Readable, staging: string, file: string): Promise<void> {
  const entries = extract()
  const flow = pipeline(tar, new TarWatch(), entries)
  // Told below: when reading the entries fails, the flow fails of the same.
  flow.catch(() => {})
  try {
    for await (const entry of entries) {
      const { name, type, mode, uid, gid } = entry.header
      if (type !== 'file' || !ENTRY.test(name)) throw notABackup(file, `it holds ${JSON.stringify(name)}`)
      const path = join(staging, name)
      await pipeline(entry, createWriteStream(path, { mode: 0o600, flags: 'wx', flush: true }))
      if (!name.startsWith(`${FILES}/`)) continue
      if (process.getuid?.() === 0 && uid !== undefined && gid !== undefined) await chown(path, uid, gid)
      await chmod(path, (mode ?? 0o444) & 0o777)
    }
    await flow
  } catch (error) {
    if (error instanceof Problem) throw error
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR')
      throw new Problem('bad-request', `the backup ${file} cannot be read: ${(error as Error).message}`, {
        cause: error,
      })
    if (code === 'ENOSPC') throw new Problem('internal', `there is no room for the backup: ${(error as Error).message}`)
    throw notABackup(file, (error as Error).message)
  }
}

async function checked(staging: string, file: string): Promise<Manifest> {
  for (const name of [MANIFEST, DATABASE])
    if (!(await exists(join(staging, name)))) throw notABackup(file, `it holds no ${name}`)
  const parsed = Manifest.safeParse(parseJson(await readFile(join(staging, MANIFEST), 'utf8')))
  if (!parsed.success) throw notABackup(file, `its ${MANIFEST} cannot be read`)
  const manifest = parsed.data
  if (manifest.schema > MIGRATIONS.length) {
    throw new Problem(
      'unsupported',
      `the backup was made by evenkeeld ${manifest.version}, which is newer than this one`,
      {
        hint: 'restore it with that version or a newer one',
      },
    )
  }
  if ((await digestOf(join(staging, DATABASE))) !== manifest.sha256)
    throw notABackup(file, 'its database is not the one that was backed up')
  for (const name of manifest.files)
    if (!(await exists(join(staging, FILES, name)))) throw notABackup(file, `a file is missing: ${name}`)
  const damage = damageOf(join(staging, DATABASE))
  if (damage !== undefined) throw notABackup(file, damage)
  return manifest
}

function settle(stateFolder: string, now: Date): Pick<Restored, 'stacks' | 'cancelled'> {
  const store = openStore(stateFolder)
  try {
    const cancelled = store.deployments.stacksWithOpen().flatMap((stack) => store.deployments.open(stack))
    const at = now.toISOString()
    const error = new Problem(
      'cancelled',
      'it was under way in the backup that the state was restored from',
    ).toDetails()
    store.transaction(() => {
      for (const { id } of cancelled) store.deployments.end(id, { state: 'cancelled', at, error, warnings: [] })
    })
    const present = store.stacks.all().filter(({ presence }) => presence === 'present')
    return {
      stacks: present.map(({ name }) => name),
      cancelled: cancelled.map(({ stack, kind }) => `${stack} (${kind})`),
    }
  } finally {
    store.close()
  }
}

export function restoreReport({ manifest, stacks, cancelled, aside }: Restored): string {
  return [
    `Restored the state of ${manifest.createdAt}: ${stacks.length} stack(s)${stacks.length === 0 ? '' : `: ${stacks.join(', ')}`}.`,
    ...(cancelled.length === 0 ? [] : [`Was under way then, and is not taken up again: ${cancelled.join(', ')}.`]),
    ...(aside === undefined ? [] : [`What was there before is kept as ${aside}.`]),
    '',
    'As soon as the daemon runs, it brings these stacks to what the backup says. Before you start it:',
    `- No other daemon may run on this state (instance ${manifest.instance}): both would own the same containers.`,
    '- What was changed after the backup would be undone. To look first, start it with an Engine that is not there',
    '  (evenkeeld --engine unix:///nowhere), see evenkeel ls and evenkeel history, and end it again.',
    '- Once it runs, bring newer files up again: evenkeel up. Builds need --build: build contexts are in no backup.',
    '',
  ].join('\n')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Said by the schema, which takes nothing for a manifest.
    return undefined
  }
}

const notABackup = (file: string, why: string): Problem =>
  new Problem('archive-damaged', `${file} is no whole backup: ${why}`, {
    hint: 'nothing was changed. Give a file that `evenkeel system backup` made',
  })
