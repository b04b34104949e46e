/**
 * Files as a tar, in chunks. By hand, because a library's way through 5,000 files takes three times as long, and one file of
 * gigabytes waits for it at each 64 KiB.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { Problem } from '../protocol/problems.ts'

interface Common {
  /** Its name in the archive, with slashes. */
  readonly path: string
  readonly mode: number
  readonly mtimeMs: number
  readonly uid: number
  readonly gid: number
}

export type TarEntry = Common &
  (
    | { readonly kind: 'folder' }
    | { readonly kind: 'link'; readonly target: string }
    /** `from`: the path of its bytes. One that is gone by then is left out. */
    | { readonly kind: 'file'; readonly from: string }
    | { readonly kind: 'text'; readonly text: string }
  )

const BLOCK_BYTES = 512
const CHUNK_BYTES = 1024 ** 2
/** What is larger goes by itself; what is smaller waits for company. */
const ALONE_BYTES = CHUNK_BYTES / 4

/**
 * How long a chunk has its bytes: for good, or until the next but one is asked for, which saves the system from clearing new
 * memory for each.
 */
export type ChunkLife = 'for good' | 'until the next but one'

export function* tarOfEntries(entries: Iterable<TarEntry>, life: ChunkLife = 'for good'): Generator<Buffer> {
  const memory = new ChunkMemory(life)
  let chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  let length = 0
  for (const part of partsOf(entries, memory)) {
    const isAlone = part.length >= ALONE_BYTES
    if (length > 0 && (isAlone || length + part.length > chunk.length)) {
      yield chunk.subarray(0, length)
      chunk = Buffer.allocUnsafe(CHUNK_BYTES)
      length = 0
    }
    if (isAlone) yield part
    else length += part.copy(chunk, length)
  }
  if (length > 0) yield chunk.subarray(0, length)
  yield Buffer.alloc(2 * BLOCK_BYTES)
}

function* partsOf(entries: Iterable<TarEntry>, memory: ChunkMemory): Generator<Buffer> {
  for (const entry of entries) {
    switch (entry.kind) {
      case 'folder':
        yield* header({ ...entry, path: `${entry.path}/` }, '5', 0)
        break
      case 'link':
        yield* header(entry, '2', 0, entry.target)
        break
      case 'file':
        yield* file(entry, memory)
        break
      case 'text': {
        const bytes = Buffer.from(entry.text)
        yield* header(entry, '0', bytes.length)
        yield* padded(bytes)
      }
    }
  }
}

function* file(entry: Extract<TarEntry, { kind: 'file' }>, memory: ChunkMemory): Generator<Buffer> {
  const descriptor = opened(entry.from)
  if (descriptor === undefined) return
  try {
    const { size } = fstatSync(descriptor)
    yield* header(entry, '0', size)
    for (let left = size; left > 0; ) {
      const buffer = memory.next(Math.min(CHUNK_BYTES, left))
      const count = readSync(descriptor, buffer)
      if (count === 0) {
        throw new Problem('conflict', `${entry.from} became shorter while it was read`, { hint: 'try again' })
      }
      left -= count
      yield buffer.subarray(0, count)
    }
    yield* padding(size)
  } finally {
    closeSync(descriptor)
  }
}

class ChunkMemory {
  readonly #life: ChunkLife
  readonly #buffers: Buffer[] = []
  #turn = 0

  constructor(life: ChunkLife) {
    this.#life = life
  }

  next(bytes: number): Buffer {
    if (this.#life === 'for good' || bytes < CHUNK_BYTES) return Buffer.allocUnsafe(bytes)
    this.#turn = 1 - this.#turn
    this.#buffers[this.#turn] ??= Buffer.allocUnsafeSlow(CHUNK_BYTES)
    return this.#buffers[this.#turn]!
  }
}

function opened(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function* padded(bytes: Buffer): Generator<Buffer> {
  if (bytes.length > 0) yield bytes
  yield* padding(bytes.length)
}

function* padding(size: number): Generator<Buffer> {
  const over = size % BLOCK_BYTES
  if (over > 0) yield Buffer.alloc(BLOCK_BYTES - over)
}

/** POSIX ustar; what it has no room for goes into a pax header before it. */
function* header(entry: Common, type: string, size: number, target = ''): Generator<Buffer> {
  const records: Record<string, string> = {}
  if (!fits(entry.path)) records.path = entry.path
  if (!fits(target)) records.linkpath = target
  if (size >= SIZE_LIMIT) records.size = String(size)
  if (entry.uid >= ID_LIMIT) records.uid = String(entry.uid)
  if (entry.gid >= ID_LIMIT) records.gid = String(entry.gid)
  if (Object.keys(records).length > 0) {
    const body = Buffer.concat(Object.entries(records).map(([key, value]) => paxRecord(key, value)))
    yield block({ ...entry, path: 'pax' }, 'x', body.length, '')
    yield* padded(body)
  }
  yield block(entry, type, size, target)
}

/** What eleven and seven octal digits hold. */
const SIZE_LIMIT = 8 ** 11
const ID_LIMIT = 8 ** 7

const fits = (name: string): boolean => /^[ -~]*$/.test(name) && name.length <= 100

function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`)
  let length = rest.length
  // The length counts its own digits.
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length
  return Buffer.concat([Buffer.from(String(length)), rest])
}

function block({ path, mode, uid, gid, mtimeMs }: Common, type: string, size: number, target: string): Buffer {
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
  octal(mode & 0o7777, 100, 8)
  octal(uid < ID_LIMIT ? uid : 0, 108, 8)
  octal(gid < ID_LIMIT ? gid : 0, 116, 8)
  octal(size < SIZE_LIMIT ? size : 0, 124, 12)
  octal(Math.max(0, Math.floor(mtimeMs / 1000)), 136, 12)
  bytes.write(type, 156, 'latin1')
  bytes.write(fits(target) ? target : target.replace(/[^ -~]/g, '_').slice(0, 100), 157, 100, 'latin1')
  bytes.write('ustar\x0000', 257, 'latin1')
  bytes.fill(32, 148, 156)
  let sum = 0
  for (let at = 0; at < BLOCK_BYTES; at += 1) sum += bytes[at]!
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return bytes
}
