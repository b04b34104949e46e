/**
 * An uploaded context as a tree of files, read from its tar where it lies: one pass makes the index, and each file is
 * read at its place. Nothing is unpacked, so that no path of a tar can reach beyond it and no disk holds it twice.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { posix } from 'node:path'
import { crc32 } from 'node:zlib'
import { Problem } from '../../protocol/problems.ts'
import { type FileTree, inWalkOrder, type TreeEntry } from './file-tree.ts'

const BLOCK_BYTES = 512
const READ_BYTES = 1024 ** 2
const CHUNK_BYTES = 128 * 1024

interface Member extends TreeEntry {
  readonly offset: number
}

export class TarTree implements FileTree {
  readonly entries: readonly Member[]
  /** Where the last member ends: what follows is the end mark. */
  readonly endOffset: number
  readonly #file: FileHandle

  private constructor(file: FileHandle, entries: readonly Member[], endOffset: number) {
    this.#file = file
    this.entries = entries
    this.endOffset = endOffset
  }

  static async open(path: string): Promise<TarTree> {
    const file = await open(path, 'r')
    try {
      const { members, endOffset } = await indexOf(file)
      return new TarTree(file, inWalkOrder(members.values()), endOffset)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async *read(entry: TreeEntry): AsyncGenerator<Buffer> {
    const { offset, sizeBytes } = entry as Member
    for (let done = 0; done < sizeBytes; ) {
      const { bytesRead, buffer } = await this.#file.read(
        Buffer.allocUnsafe(Math.min(CHUNK_BYTES, sizeBytes - done)),
        0,
        undefined,
        offset + done,
      )
      if (bytesRead === 0) throw damaged('it ends within a file')
      done += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

const damaged = (why: string): Problem =>
  new Problem('build-failed', `the build context is no valid tar: ${why}`, { hint: 'send it again' })

async function indexOf(file: FileHandle): Promise<{ members: Map<string, Member>; endOffset: number }> {
  const source = new Sequence(file)
  const members = new Map<string, Member>()
  let extended: Extended = {}
  for (;;) {
    const endOffset = source.offset
    if (!source.holds(BLOCK_BYTES) && !(await source.fill(BLOCK_BYTES))) return { members, endOffset }
    const header = source.next(BLOCK_BYTES)
    if (header[0] === 0 && header.every((byte) => byte === 0)) return { members, endOffset }
    checkSum(header)
    const type = String.fromCharCode(header[156]!)
    const sizeBytes = extended.size ?? numberAt(header, 124, 12)
    if (type === 'x' || type === 'L' || type === 'K') {
      if (sizeBytes > READ_BYTES) throw damaged('a name of it is too long')
      if (!source.holds(sizeBytes) && !(await source.fill(sizeBytes))) throw damaged('it ends within a name')
      const body = source.next(sizeBytes)
      await source.pass(padding(sizeBytes))
      extended = { ...extended, ...extendedBy(type, body) }
      continue
    }
    const hasData = '0\x007'.includes(type)
    const offset = source.offset
    let sum = 0
    for (let left = sizeBytes; left > 0; ) {
      if (!source.holds(1) && !(await source.fill(1))) throw damaged('it ends within a file')
      const chunk = source.next(left)
      sum = crc32(chunk, sum)
      left -= chunk.length
    }
    if (source.holds(padding(sizeBytes))) source.next(padding(sizeBytes))
    else await source.pass(padding(sizeBytes))
    if (type !== 'g') add(members, header, type, extended, { offset, sizeBytes: hasData ? sizeBytes : 0, sum })
    extended = {}
  }
}

const padding = (sizeBytes: number): number => (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES

interface Extended {
  readonly path?: string
  readonly linkpath?: string
  readonly size?: number
  readonly mtime?: number
}

function add(
  members: Map<string, Member>,
  header: Buffer,
  type: string,
  extended: Extended,
  data: { readonly offset: number; readonly sizeBytes: number; readonly sum: number },
): void {
  const kind = KINDS[type]
  // Devices are nothing that a build reads.
  if (kind === undefined) return
  const path = relativePath(extended.path ?? ustarPath(header))
  if (path === '.') return
  const target = extended.linkpath ?? textAt(header, 157, 100)
  const linked = type === '1' ? members.get(relativePath(target)) : undefined
  if (type === '1' && linked === undefined) throw damaged(`${path} is a link to ${target}, which is not in it`)
  const seconds = Math.max(0, Math.floor(extended.mtime ?? numberAt(header, 136, 12)))
  foldersAbove(members, path)
  members.set(path, {
    ...(linked ?? {
      kind,
      mode: numberAt(header, 100, 8) & 0o7777,
      sizeBytes: kind === 'file' ? data.sizeBytes : 0,
      offset: data.offset,
      target: kind === 'symlink' ? target : '',
      // BuildKit takes a file of the same size and time for the same file. A tar has whole seconds, so the content
      // decides what comes after the point.
      modifiedNs: BigInt(seconds) * 1_000_000_000n + BigInt(kind === 'file' ? data.sum % 1_000_000_000 : 0),
    }),
    path,
  })
}

const KINDS: Readonly<Record<string, TreeEntry['kind']>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'file',
  '2': 'symlink',
  '5': 'folder',
  '6': 'fifo',
}

function foldersAbove(members: Map<string, Member>, path: string): void {
  for (let folder = posix.dirname(path); folder !== '.'; folder = posix.dirname(folder)) {
    if (members.get(folder)?.kind === 'folder') return
    members.set(folder, {
      path: folder,
      kind: 'folder',
      mode: 0o755,
      sizeBytes: 0,
      offset: 0,
      target: '',
      modifiedNs: 0n,
    })
  }
}

/** A path that needs no cleaning: no part of it is empty or begins with a dot. */
const PLAIN = /^(?:[^/.][^/]*\/)*[^/.][^/]*\/?$/

function relativePath(name: string): string {
  if (PLAIN.test(name)) return name.endsWith('/') ? name.slice(0, -1) : name
  const path = posix.normalize(name.replace(/^\/+/, '')).replace(/(?<=.)\/$/, '')
  if (path === '..' || path.startsWith('../')) throw damaged(`${name} lies outside of it`)
  return path
}

function ustarPath(header: Buffer): string {
  const name = textAt(header, 0, 100)
  const prefix = header.toString('latin1', 257, 263) === 'ustar\0' ? textAt(header, 345, 155) : ''
  return prefix === '' ? name : `${prefix}/${name}`
}

function textAt(block: Buffer, at: number, length: number): string {
  const part = block.subarray(at, at + length)
  const end = part.indexOf(0)
  return part.toString('utf8', 0, end < 0 ? length : end)
}

/** Octal, or base 256 where the first bit says so (GNU). */
function numberAt(block: Buffer, at: number, length: number): number {
  if ((block[at]! & 0x80) === 0) return Number.parseInt(textAt(block, at, length).trim() || '0', 8)
  let value = block[at]! & 0x7f
  for (const byte of block.subarray(at + 1, at + length)) value = value * 256 + byte
  return value
}

function checkSum(header: Buffer): void {
  let sum = 8 * 32
  for (let at = 0; at < BLOCK_BYTES; at += 1) if (at < 148 || at >= 156) sum += header[at]!
  if (sum !== numberAt(header, 148, 8)) throw damaged('a header of it is damaged')
}

function extendedBy(type: string, body: Buffer): Extended {
  if (type === 'L') return { path: textAt(body, 0, body.length) }
  if (type === 'K') return { linkpath: textAt(body, 0, body.length) }
  let found: Extended = {}
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(32, at)
    const length = Number(body.toString('latin1', at, space))
    if (space < 0 || !(length > 0)) break
    const record = body.toString('utf8', space + 1, at + length - 1)
    const equals = record.indexOf('=')
    const [key, value] = [record.slice(0, equals), record.slice(equals + 1)]
    if (key === 'path' || key === 'linkpath') found = { ...found, [key]: value }
    else if (key === 'size' || key === 'mtime') found = { ...found, [key]: Number(value) }
    else if (key.startsWith('GNU.sparse')) throw damaged('sparse files are not taken')
    at += length
  }
  return found
}

/** A file from its beginning, in large reads; most steps find what they need here and need not wait. */
class Sequence {
  readonly #file: FileHandle
  #held: Buffer = Buffer.alloc(0)
  offset = 0

  constructor(file: FileHandle) {
    this.#file = file
  }

  holds(count: number): boolean {
    return this.#held.length >= count
  }

  /** Reads on until this many bytes are held. False where the file has fewer. */
  async fill(count: number): Promise<boolean> {
    while (this.#held.length < count) {
      const at = this.offset + this.#held.length
      const { bytesRead, buffer } = await this.#file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, at)
      if (bytesRead === 0) return false
      const more = buffer.subarray(0, bytesRead)
      this.#held = this.#held.length === 0 ? more : Buffer.concat([this.#held, more])
    }
    return true
  }

  /** Up to `limit` bytes of those that are held. */
  next(limit: number): Buffer {
    const part = this.#held.subarray(0, limit)
    this.#held = this.#held.subarray(part.length)
    this.offset += part.length
    return part
  }

  async pass(count: number): Promise<void> {
    await this.fill(count)
    this.next(count)
  }
}
