/** A file or folder of this machine as an archive for a container. */
import { lstatSync, readdirSync, readlinkSync, realpathSync, type Stats } from 'node:fs'
import { join, resolve } from 'node:path'
import { Problem } from '../../protocol/problems.ts'
import type { TarEntry } from '../tar.ts'
import { type CopySource, meansContents, meansFolder, nameOf } from './places.ts'

export interface LocalSource extends CopySource {
  /** Absolute. A link is followed where the path says that it is a folder, or the caller did. */
  readonly path: string
}

export function localSource(path: string, links: 'follow' | 'keep'): LocalSource {
  try {
    const absolute = resolve(path)
    const real = links === 'follow' || meansFolder(path) ? realpathSync(absolute) : absolute
    const stats: Stats = lstatSync(real)
    const kind = stats.isDirectory() ? 'folder' : 'other'
    if (kind === 'other' && meansFolder(path)) throw new Problem('conflict', `lstat ${path}: not a directory`)
    return { path: real, kind, name: meansContents(path) ? '.' : nameOf(absolute) }
  } catch (error) {
    if (error instanceof Problem) throw error
    const { code } = error as NodeJS.ErrnoException
    throw new Problem(
      'bad-request',
      code === 'ENOENT' ? `lstat ${resolve(path)}: no such file or directory` : `cannot read ${path}: ${code}`,
      { cause: error },
    )
  }
}

/** A path as `name`, and all that is in it, with the owners and modes of the files. What may vanish meanwhile is left out. */
export function* entriesBelow(path: string, name: string, warn: (message: string) => void): Generator<TarEntry> {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return
  const { mode, mtimeMs, uid, gid } = stats
  const common = { path: name, mode: mode & 0o7777, mtimeMs, uid, gid }
  if (stats.isFile()) yield { ...common, kind: 'file', from: path }
  else if (stats.isSymbolicLink()) yield { ...common, kind: 'link', target: readlinkSync(path) }
  else if (stats.isDirectory()) {
    yield { ...common, kind: 'folder' }
    for (const child of readdirSync(path).sort()) yield* entriesBelow(join(path, child), `${name}/${child}`, warn)
  } else
    warn(`${path} is ${stats.isFIFO() ? 'a pipe' : stats.isSocket() ? 'a socket' : 'a device'}, which is not copied`)
}
