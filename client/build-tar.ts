/**
 * A folder as a tar, the same bytes for the same files: entries in order, no owner of this machine. Times stay, for they
 * are those of the files in the image. By hand, because a library's way through 5,000 files takes three times as long.
 */
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { type MatchInfo, PathPatterns } from '../protocol/build.ts'
import { Problem } from '../protocol/problems.ts'

export interface FolderSelection {
  readonly folder: string
  /** Patterns of a `.dockerignore`. */
  readonly ignore: readonly string[]
  /** Paths that are sent whatever the patterns say. */
  readonly keep: ReadonlySet<string>
  /** Files that are added at the root. */
  readonly extra: Readonly<Record<string, string>>
}

const BLOCK_BYTES = 512
const CHUNK_BYTES = 1024 ** 2
/** Larger files are read in parts. */
const WHOLE_BYTES = 4 * CHUNK_BYTES

/** In chunks of some size, so that the one who writes them waits rarely. */
export function* tarOf(selection: FolderSelection): Generator<Buffer> {
  let chunk = Buffer.alloc(CHUNK_BYTES)
  let length = 0
  for (const part of blocksOf(selection)) {
    if (length + part.length > chunk.length) {
      yield chunk.subarray(0, length)
      chunk = Buffer.alloc(Math.max(CHUNK_BYTES, part.length))
      length = 0
    }
    length += part.copy(chunk, length)
  }
  yield chunk.subarray(0, length)
  yield Buffer.alloc(2 * BLOCK_BYTES)
}

function* blocksOf(selection: FolderSelection): Generator<Buffer> {
  for (const [path, { absolute, stats }] of walkFolder(selection)) {
    if (stats.isDirectory()) yield* header({ path: `${path}/`, type: '5', size: 0, stats, target: '' })
    else if (stats.isSymbolicLink()) {
      yield* header({ path, type: '2', size: 0, stats, target: readlinkSync(absolute) })
    } else if (stats.size <= WHOLE_BYTES) {
      const bytes = readFileSync(absolute)
      yield* header({ path, type: '0', size: bytes.length, stats, target: '' })
      yield* padded(bytes)
    } else {
      yield* header({ path, type: '0', size: stats.size, stats, target: '' })
      yield* largeFile(absolute, stats.size)
    }
  }
  for (const [path, text] of Object.entries(selection.extra)) {
    const bytes = Buffer.from(text)
    yield* header({ path, type: '0', size: bytes.length, stats: { mode: 0o644, mtimeMs: 0 }, target: '' })
    yield* padded(bytes)
  }
}

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

function* padded(bytes: Buffer): Generator<Buffer> {
  if (bytes.length > 0) yield bytes
  const over = bytes.length % BLOCK_BYTES
  if (over > 0) yield Buffer.alloc(BLOCK_BYTES - over)
}

function* largeFile(path: string, size: number): Generator<Buffer> {
  const file = openSync(path, 'r')
  try {
    for (let done = 0; done < size; ) {
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size - done))
      const count = readSync(file, buffer, 0, buffer.length, done)
      if (count === 0)
        throw new Problem('build-failed', `${path} became shorter while it was read`, { hint: 'try again' })
      done += count
      yield buffer.subarray(0, count)
    }
  } finally {
    closeSync(file)
  }
  const over = size % BLOCK_BYTES
  if (over > 0) yield Buffer.alloc(BLOCK_BYTES - over)
}

interface Header {
  readonly path: string
  readonly type: string
  readonly size: number
  readonly stats: { readonly mode: number; readonly mtimeMs: number }
  readonly target: string
}

/** POSIX ustar; what it has no room for goes into a pax header before it. */
function* header(entry: Header): Generator<Buffer> {
  const records: Record<string, string> = {}
  if (!fits(entry.path)) records.path = entry.path
  if (!fits(entry.target)) records.linkpath = entry.target
  if (entry.size >= 8 ** 11) records.size = String(entry.size)
  if (Object.keys(records).length > 0) {
    const body = Buffer.concat(Object.entries(records).map(([key, value]) => paxRecord(key, value)))
    yield block({ ...entry, path: 'pax', type: 'x', size: body.length, target: '' })
    yield* padded(body)
  }
  yield block(entry)
}

const fits = (name: string): boolean => /^[ -~]*$/.test(name) && name.length <= 100

function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`)
  let length = rest.length
  // The length counts its own digits.
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length
  return Buffer.concat([Buffer.from(String(length)), rest])
}

function block({ path, type, size, stats, target }: Header): Buffer {
  const bytes = Buffer.alloc(BLOCK_BYTES)
  const octal = (value: number, at: number, length: number) =>
    bytes.write(
      value
        .toString(8)
        .padStart(length - 1, '0')
        .slice(-(length - 1)),
      at,
      'latin1',
    )
  bytes.write(fits(path) ? path : path.replace(/[^ -~]/g, '_').slice(0, 100), 0, 100, 'latin1')
  octal(stats.mode & 0o7777, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(size < 8 ** 11 ? size : 0, 124, 12)
  octal(Math.max(0, Math.floor(stats.mtimeMs / 1000)), 136, 12)
  bytes.write(type, 156, 'latin1')
  bytes.write(fits(target) ? target : target.replace(/[^ -~]/g, '_').slice(0, 100), 157, 100, 'latin1')
  bytes.write('ustar\x0000', 257, 'latin1')
  bytes.fill(32, 148, 156)
  let sum = 0
  for (let at = 0; at < BLOCK_BYTES; at += 1) sum += bytes[at]!
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return bytes
}
