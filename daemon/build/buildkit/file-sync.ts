/**
 * Serves folders to BuildKit: it is told the stat of each file, asks for those that it does not have from an earlier
 * build, and gets their bytes. The protocol is fsutil's `DiffCopy` (github.com/tonistiigi/fsutil, send.go).
 */
import type { FileTree, TreeEntry } from '../file-tree.ts'
import { type GrpcCall, GrpcError, type GrpcMethod, GrpcStatus } from './grpc.ts'
import { Packet, PacketType } from './messages.ts'
import { selectEntries } from './select-entries.ts'

/** Packets are written together up to this. */
const BATCH_BYTES = 256 * 1024

export function fileSync(folders: ReadonlyMap<string, FileTree>): GrpcMethod {
  return async (call) => {
    const [name = ''] = call.metadata('dir-name')
    const tree = folders.get(name)
    if (tree === undefined) throw new GrpcError(GrpcStatus.notFound, `no access allowed to dir "${name}"`)
    const followPaths = listOf(call, 'followpaths')
    const entries = selectEntries(tree.entries, {
      includes: listOf(call, 'include-patterns'),
      excludes: listOf(call, 'exclude-patterns'),
      followPaths: followPaths.length === 0 ? undefined : followPaths,
    })
    await send(call, tree, entries)
  }
}

/** Names beyond ASCII are sent encoded, and say so. */
function listOf(call: GrpcCall, key: string): readonly string[] {
  const values = call.metadata(key)
  if (call.metadata(`${key}-encoded`)[0] !== '1') return values
  return values.map((value) => decodeURIComponent(value.replaceAll('+', ' ')))
}

async function send(call: GrpcCall, tree: FileTree, entries: readonly TreeEntry[]): Promise<void> {
  const requests = new Requests()
  const reading = readRequests(call, requests)
  // What goes wrong here is told below, by whichever waits.
  reading.catch((error: unknown) => requests.fail(error))
  const out = new Batch(call)
  for (const entry of entries) await out.add(Packet.encode({ type: PacketType.stat, stat: statOf(entry) }))
  await out.add(Packet.encode({ type: PacketType.stat }))
  for (;;) {
    if (requests.isIdle) await out.flush()
    const id = await requests.next()
    if (id === undefined) break
    const entry = entries[id]
    if (entry?.kind !== 'file') throw new GrpcError(GrpcStatus.unknown, `invalid file id ${id}`)
    for await (const data of tree.read(entry)) await out.add(Packet.encode({ type: PacketType.data, ID: id, data }))
    await out.add(Packet.encode({ type: PacketType.data, ID: id }))
  }
  await out.add(Packet.encode({ type: PacketType.finish }))
  await out.flush()
  await reading
}

async function readRequests(call: GrpcCall, requests: Requests): Promise<void> {
  for await (const message of call.messages) {
    const packet = Packet.decode(message)
    if (packet.type === PacketType.request) requests.add(packet.ID)
    else if (packet.type === PacketType.error) {
      throw new GrpcError(GrpcStatus.unknown, `error from receiver: ${packet.data.toString()}`)
    } else if (packet.type === PacketType.finish) {
      requests.end()
      return
    }
  }
  throw new GrpcError(GrpcStatus.cancelled, 'the receiver went away')
}

function statOf(entry: TreeEntry) {
  return {
    path: entry.path,
    mode: goFileMode(entry),
    size: entry.sizeBytes,
    modTime: entry.modifiedNs,
    linkname: entry.target,
  }
}

/** Go's os.FileMode: the permission bits are Unix's, all others stand elsewhere (https://pkg.go.dev/io/fs#FileMode). */
export function goFileMode({ kind, mode }: Pick<TreeEntry, 'kind' | 'mode'>): number {
  const type = { file: 0, folder: 2 ** 31, symlink: 2 ** 27, fifo: 2 ** 25 }[kind]
  const special = (mode & 0o4000 ? 2 ** 23 : 0) + (mode & 0o2000 ? 2 ** 22 : 0) + (mode & 0o1000 ? 2 ** 20 : 0)
  return type + special + (mode & 0o777)
}

/** Ids of files that were asked for and not yet sent. There are never more than files. */
class Requests {
  readonly #ids: number[] = []
  #taken = 0
  #end: 'open' | 'ended' | { readonly error: unknown } = 'open'
  #wake: (() => void) | undefined

  get isIdle(): boolean {
    return this.#taken === this.#ids.length && this.#end === 'open'
  }

  add(id: number): void {
    this.#ids.push(id)
    this.#wake?.()
  }

  end(): void {
    this.#end = 'ended'
    this.#wake?.()
  }

  fail(error: unknown): void {
    this.#end = { error }
    this.#wake?.()
  }

  /** Undefined when all is sent and nothing more will be asked for. */
  async next(): Promise<number | undefined> {
    while (this.isIdle) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    if (typeof this.#end === 'object') throw this.#end.error
    const id = this.#ids[this.#taken]
    if (id !== undefined) this.#taken += 1
    return id
  }
}

class Batch {
  readonly #call: GrpcCall
  #messages: Buffer[] = []
  #bytes = 0

  constructor(call: GrpcCall) {
    this.#call = call
  }

  async add(message: Buffer): Promise<void> {
    this.#messages.push(message)
    this.#bytes += message.length
    if (this.#bytes >= BATCH_BYTES) await this.flush()
  }

  async flush(): Promise<void> {
    if (this.#messages.length === 0) return
    const messages = this.#messages
    this.#messages = []
    this.#bytes = 0
    await this.#call.send(messages)
  }
}
