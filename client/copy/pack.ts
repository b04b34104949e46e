/** A file or folder of this machine as an archive for a container. */
import { lstatSync, realpathSync, type Stats } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { type Headers, pack as packFolder } from 'tar-fs'
import { Problem } from '../../protocol/problems.ts'
import { type CopySource, meansContents, meansFolder, nameOf } from './places.ts'

export interface LocalSource extends CopySource {
  /** Absolute. A link is followed where the path says that it is a folder, or the caller did. */
  readonly path: string
}

const FORMAT = 0o170000
const LEFT_OUT: Readonly<Record<number, string>> = { 2401: 'a pipe', 4802: 'a device', 14406: 'a device' }

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

/** Its own entry is called `name`. Owners and modes are those of the files. */
export function pack(source: LocalSource, name: string, warn: (message: string) => void): Readable {
  const rename = (header: Headers): Headers => {
    const leftOut = LEFT_OUT[header.mode! & FORMAT]
    if (leftOut !== undefined) warn(`${header.name} is ${leftOut}, which is not copied`)
    const below = source.kind === 'folder' ? (header.name === '.' ? '' : `/${header.name}`) : ''
    return { ...header, mode: header.mode! & 0o7777, name: `${name}${below}` }
  }
  const options = { map: rename, umask: 0, strict: false }
  const stream =
    source.kind === 'folder'
      ? packFolder(source.path, options)
      : packFolder(dirname(source.path), { ...options, entries: [basename(source.path)] })
  return stream as unknown as Readable
}
