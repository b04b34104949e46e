/** Which entries of a tree BuildKit asked for: patterns to include and exclude, and paths to follow through symlinks. */
import { posix } from 'node:path'
import { type MatchInfo, PathPatterns, segmentExpression } from '../../../protocol/build.ts'
import type { TreeEntry } from '../file-tree.ts'

export interface Selection {
  readonly includes: readonly string[]
  readonly excludes: readonly string[]
  /** Undefined: no paths were named. */
  readonly followPaths: readonly string[] | undefined
}

interface Folder {
  readonly entry: TreeEntry
  readonly prefix: string
  readonly included: MatchInfo | undefined
  readonly excluded: MatchInfo | undefined
  sent: boolean
}

/** A folder that is not selected itself comes with the first selected entry below it (fsutil's rule). */
export function selectEntries(entries: readonly TreeEntry[], selection: Selection): TreeEntry[] {
  const followed = selection.followPaths === undefined ? [] : followLinks(entries, selection.followPaths)
  const patterns = [...selection.includes, ...(followed ?? [])]
  const includes = patterns.length === 0 ? undefined : new PathPatterns(patterns)
  const excludes = selection.excludes.length === 0 ? undefined : new PathPatterns(selection.excludes)
  if (includes === undefined && excludes === undefined) return [...entries]
  const selected: TreeEntry[] = []
  const above: Folder[] = []
  for (const entry of entries) {
    while (above.length > 0 && !entry.path.startsWith(above.at(-1)!.prefix)) above.pop()
    const parent = above.at(-1)
    const included = includes?.match(entry.path, parent?.included)
    const excluded = excludes?.match(entry.path, parent?.excluded)
    const wanted = included?.matched !== false && excluded?.matched !== true
    if (wanted) {
      for (const folder of above) {
        if (!folder.sent) selected.push(folder.entry)
        folder.sent = true
      }
      selected.push(entry)
    }
    if (entry.kind === 'folder') {
      const prefix = `${entry.path}/`
      above.push({ entry, prefix, included: included?.info, excluded: excluded?.info, sent: wanted })
    }
  }
  return selected
}

/** The paths with what their symlinks lead to. Undefined where that is all there is. */
function followLinks(entries: readonly TreeEntry[], paths: readonly string[]): string[] | undefined {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]))
  const found = new Set<string>()
  const follow = (path: string): void => {
    const parts = posix.join('.', path).split('/')
    let current = '.'
    for (const [index, part] of parts.entries()) {
      current = posix.join(current, part)
      const targets = linkTargets(byPath, current)
      const isLast = index === parts.length - 1
      if ((isLast || targets.length > 0) && found.has(current)) return
      if (isLast || targets.length > 0) found.add(current)
      if (targets.length > 0) {
        const rest = parts.slice(index + 1).join('/')
        for (const target of targets) follow(posix.join(target, rest))
        return
      }
    }
  }
  for (const path of paths) follow(posix.join('/', path).slice(1) || '.')
  if (found.has('.') || found.has('')) return undefined
  return [...found]
}

function linkTargets(byPath: ReadonlyMap<string, TreeEntry>, path: string): string[] {
  const folder = posix.dirname(path)
  const name = posix.basename(path)
  if (!/[*?[]/.test(name)) return targetOf(byPath.get(path))
  const expression = segmentExpression(name)
  const siblings = [...byPath.values()].filter(
    (entry) => posix.dirname(entry.path) === folder && expression.test(posix.basename(entry.path)),
  )
  return siblings.flatMap(targetOf)
}

/** Within the tree: an absolute target begins at its root, and none leaves it. */
function targetOf(entry: TreeEntry | undefined): string[] {
  if (entry?.kind !== 'symlink') return []
  const target = posix.isAbsolute(entry.target)
    ? entry.target
    : posix.join('/', posix.dirname(entry.path), entry.target)
  return [posix.normalize(target).replace(/^\/+/, '') || '.']
}
