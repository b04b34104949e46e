/** A tree of files to build from, wherever its bytes are: in an uploaded tar, or in memory. */
import { posix } from 'node:path'

export interface TreeEntry {
  /** Relative, with slashes, without a leading one. */
  readonly path: string
  readonly kind: 'file' | 'folder' | 'symlink' | 'fifo'
  /** Permission bits with setuid, setgid and sticky, as Unix has them. */
  readonly mode: number
  readonly sizeBytes: number
  /** Nanoseconds since 1970. */
  readonly modifiedNs: bigint
  /** Target of a symlink. */
  readonly target: string
}

export interface FileTree {
  /** Each folder before what is in it, in the order of {@link inWalkOrder}. */
  readonly entries: readonly TreeEntry[]
  read(entry: TreeEntry): AsyncIterable<Buffer>
}

/** BuildKit's order: by the bytes of each part of the path, so that a folder's content follows it at once. */
export function inWalkOrder<E extends { readonly path: string }>(entries: Iterable<E>): E[] {
  return [...entries]
    .map((entry) => ({ entry, key: Buffer.from(entry.path).toString('latin1').replaceAll('/', '\0') }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ entry }) => entry)
}

/** Files at the root of a tree, by name. */
export function treeOfTexts(texts: Readonly<Record<string, string>>): FileTree {
  const entries = Object.entries(texts).map(([path, text]): TreeEntry & { bytes: Buffer } => {
    const bytes = Buffer.from(text)
    return {
      path,
      kind: 'file',
      mode: 0o644,
      sizeBytes: bytes.length,
      modifiedNs: BigInt(Date.now()) * 1_000_000n,
      target: '',
      bytes,
    }
  })
  return {
    entries: inWalkOrder(entries),
    read: (entry) => from([entries.find(({ path }) => path === entry.path)!.bytes]),
  }
}

/** What lies below a folder of the tree. */
export function below(tree: FileTree, folder: string): FileTree {
  const prefix = posix.normalize(`${folder}/`)
  if (prefix === './') return tree
  const originals = new Map<TreeEntry, TreeEntry>()
  for (const entry of tree.entries) {
    if (entry.path.startsWith(prefix)) originals.set({ ...entry, path: entry.path.slice(prefix.length) }, entry)
  }
  return { entries: [...originals.keys()], read: (entry) => tree.read(originals.get(entry)!) }
}

export function without(tree: FileTree, paths: ReadonlySet<string>): FileTree {
  return { ...tree, entries: tree.entries.filter((entry) => !paths.has(entry.path)), read: (entry) => tree.read(entry) }
}

export const find = (tree: FileTree, path: string): TreeEntry | undefined =>
  tree.entries.find((entry) => entry.path === path)

export async function textOf(tree: FileTree, entry: TreeEntry): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of tree.read(entry)) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

async function* from(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks
}
