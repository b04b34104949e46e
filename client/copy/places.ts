/** Where a copy goes, by the rules of `docker cp`. Pure: what is there already is handed in. */
import { posix } from 'node:path'
import { Problem } from '../../protocol/problems.ts'

/** `SERVICE:PATH`, or a path here. A path that begins with `/` or `.` is always one here; `-` is a stream. */
export type CopyEnd =
  | { readonly kind: 'service'; readonly service: string; readonly path: string }
  | { readonly kind: 'local'; readonly path: string }
  | { readonly kind: 'stream' }

export function copyEnd(text: string): CopyEnd {
  if (text === '-') return { kind: 'stream' }
  const colon = text.indexOf(':')
  if (text.startsWith('/') || text.startsWith('.') || colon < 0) return { kind: 'local', path: text }
  return { kind: 'service', service: text.slice(0, colon), path: absolute(text.slice(colon + 1)) }
}

/** A path in a container is relative to its root. How it ends has a meaning, and stays. */
const absolute = (path: string): string => (path.startsWith('/') ? path : `/${path}`)

/** `FOLDER/.` means what is in the folder, not the folder. */
export const meansContents = (path: string): boolean => path === '.' || path.endsWith('/.')

/** `PATH/` and `PATH/.` can only be a folder. */
export const meansFolder = (path: string): boolean => path.endsWith('/') || meansContents(path)

/** The name that a path's own entry has in an archive. */
export const nameOf = (path: string): string => (meansContents(path) ? '.' : posix.basename(posix.normalize(path)))

export interface CopySource {
  readonly kind: 'folder' | 'other'
  /** Its name, or `.` for what is in it. */
  readonly name: string
}

export interface TargetPath {
  readonly path: string
  readonly kind: 'folder' | 'other' | 'missing'
}

/** The source becomes `folder/name`; with the name `.`, what is in it goes into the folder. */
export interface Place {
  readonly folder: string
  readonly name: string
}

export function placeOf(source: CopySource, target: TargetPath): Place {
  if (target.kind === 'folder') return { folder: target.path, name: source.name }
  if (target.kind === 'other' && source.kind === 'folder') {
    throw new Problem('conflict', 'cannot copy directory', { hint: `${target.path} is no folder: name one that is` })
  }
  if (target.kind === 'missing' && source.kind === 'other' && meansFolder(target.path)) {
    throw new Problem('conflict', 'no such directory', {
      hint: `make ${target.path} first, or leave the "/" at its end out`,
    })
  }
  const path = posix.resolve('/', target.path)
  return { folder: posix.dirname(path), name: posix.basename(path) }
}

/**
 * Reads the names of an archive of one path: the first entry is that path, all others are below it. Answers what is below
 * it, part by part. A name that leads elsewhere is refused.
 */
export class ArchiveNames {
  #root: string[] | undefined

  below(name: string): string[] {
    const parts = partsOf(name)
    this.#root ??= parts
    const root = this.#root
    if (root.some((part, at) => parts[at] !== part)) {
      throw refused(name, `it is not below ${root.join('/')}`)
    }
    return parts.slice(root.length)
  }
}

function partsOf(name: string): string[] {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw refused(name, 'it leads out of the folder')
  if (name.includes('\0')) throw refused(name, 'it is no name')
  return parts
}

function refused(name: string, why: string): Problem {
  return new Problem('conflict', `the archive holds ${JSON.stringify(name)}: ${why}`, {
    hint: 'nothing was written there; do not trust this container',
  })
}
