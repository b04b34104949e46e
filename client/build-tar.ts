/**
 * A folder as a tar, the same bytes for the same files: entries in order, no owner of this machine. Times stay, for they
 * are those of the files in the image.
 */
import { lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { type MatchInfo, PathPatterns } from '../protocol/build.ts'
import { type TarEntry, tarOfEntries } from './tar.ts'

export interface FolderSelection {
  readonly folder: string
  /** Patterns of a `.dockerignore`. */
  readonly ignore: readonly string[]
  /** Paths that are sent whatever the patterns say. */
  readonly keep: ReadonlySet<string>
  /** Files that are added at the root. */
  readonly extra: Readonly<Record<string, string>>
  /** Whose the files are here is nothing to an image; to a container that binds them it is. Of these its root goes along too. */
  readonly owners?: 'dropped' | 'kept'
}

/** In chunks of some size, so that the one who writes them waits rarely. */
export const tarOf = (selection: FolderSelection): Generator<Buffer> => tarOfEntries(entriesOf(selection))

function* entriesOf(selection: FolderSelection): Generator<TarEntry> {
  const isKept = selection.owners === 'kept'
  if (isKept) yield { ...commonOf('.', lstatSync(selection.folder)), kind: 'folder' }
  for (const [path, { absolute, stats }] of walkFolder(selection)) {
    const common = isKept ? commonOf(path, stats) : { ...commonOf(path, stats), uid: 0, gid: 0 }
    if (stats.isDirectory()) yield { ...common, kind: 'folder' }
    else if (stats.isSymbolicLink()) yield { ...common, kind: 'link', target: readlinkSync(absolute) }
    else yield { ...common, kind: 'file', from: absolute }
  }
  for (const [path, text] of Object.entries(selection.extra)) {
    yield { kind: 'text', path, text, mode: 0o644, mtimeMs: 0, uid: 0, gid: 0 }
  }
}

export const commonOf = (path: string, { mode, mtimeMs, uid, gid }: Stats) => ({ path, mode, mtimeMs, uid, gid })

type Found = readonly [string, { readonly absolute: string; readonly stats: Stats }]

/** What is sent of a folder, in order. A folder that is ignored comes only with something in it that is not. */
export function* walkFolder({ folder: root, ignore, keep }: FolderSelection): Generator<Found> {
  const patterns = new PathPatterns(ignore)
  const keepBelow = new Set([...keep].flatMap((path) => foldersAbove(path)))
  function* inside(folder: string, above: MatchInfo | undefined, waiting: readonly Found[]): Generator<Found> {
    let unsent = waiting
    for (const name of readdirSync(join(root, folder)).sort()) {
      const path = folder === '' ? name : `${folder}/${name}`
      const absolute = join(root, path)
      const stats = lstatSync(absolute, { throwIfNoEntry: false })
      // Gone since the folder was read; sockets and devices are nothing that a build reads.
      if (stats === undefined || !(stats.isFile() || stats.isDirectory() || stats.isSymbolicLink())) continue
      const { matched, info } = patterns.match(path, above)
      const isIgnored = matched && !keep.has(path)
      const found: Found = [path, { absolute, stats }]
      if (!isIgnored) {
        yield* unsent
        unsent = []
        yield found
      }
      if (!stats.isDirectory()) continue
      if (!isIgnored) yield* inside(path, info, [])
      else if (patterns.hasExceptions || keepBelow.has(path)) {
        for (const below of inside(path, info, [...unsent, found])) {
          yield below
          unsent = []
        }
      }
    }
  }
  yield* inside('', undefined, [])
}

function foldersAbove(path: string): string[] {
  const parts = path.split('/')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'))
}
