import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { READ_BUFFER_BYTES } from '../../../daemon/engine/spare-buffers.ts'
import { type Lease, readLeased } from '../../../daemon/http/read-buffers.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const PIECE_BYTES = 40_000
/** How many of them one buffer has room for, with enough left for a whole read. */
const PER_BUFFER = Math.floor((READ_BUFFER_BYTES - 65_536) / PIECE_BYTES) + 1

interface Read {
  readonly bytes: Buffer
  readonly lease: Lease
}

describe('a connection that is read into buffers that serve again', () => {
  let path: string

  beforeEach(() => {
    path = join(temporaryFolder(), 's.sock')
  })

  /** One connection, with what is read of it. `taking` sees each read first. */
  async function reading(taking: (read: Read) => void) {
    const reads: Read[] = []
    const server = createServer((connection: Socket) => {
      const socket = readLeased(connection, (bytes, lease) => {
        const read = { bytes, lease: lease! }
        taking(read)
        reads.push(read)
      })
      socket.once('end', () => socket.end())
    })
    await once(server.listen(path), 'listening')
    const caller = connect(path)
    await once(caller, 'connect')
    onTestFinished(() => {
      caller.destroy()
      server.close()
    })
    const came = () => reads.reduce((sum, { bytes }) => sum + bytes.length, 0)
    return {
      reads,
      /** Resolves once it has been read. */
      async send(piece: Buffer) {
        const until = came() + piece.length
        caller.write(piece)
        while (came() < until) await delay(1)
      },
      async close() {
        caller.destroy()
        await once(server.close(), 'close')
      },
    }
  }

  test('keeps what is held, as long as it is, and puts pieces beside each other', async () => {
    const releases: (() => void)[] = []
    const { reads, send } = await reading(({ lease }) => releases.push(lease.hold()))
    const pieces = Array.from({ length: 12 }, (_, index) => Buffer.alloc(PIECE_BYTES, index))
    for (const piece of pieces) await send(piece)
    expect(Buffer.concat(reads.map(({ bytes }) => bytes)).equals(Buffer.concat(pieces))).toBe(true)
    expect(new Set(reads.map(({ lease }) => lease)).size).toBeLessThanOrEqual(Math.ceil(reads.length / PER_BUFFER) + 1)
    const used = new Set(reads.map(({ lease }) => lease.buffer))
    for (const release of releases.splice(0)) release()
    reads.length = 0
    for (const piece of pieces) {
      await send(piece)
      for (const release of releases.splice(0)) release()
    }
    for (const { lease } of reads) expect(used.has(lease.buffer)).toBe(true)
  })

  test('fills the same memory again where nobody holds it', async () => {
    const { reads, send } = await reading(() => {})
    for (let index = 0; index < 5; index += 1) await send(Buffer.alloc(PIECE_BYTES, index))
    expect(new Set(reads.map(({ lease }) => lease.buffer)).size).toBe(1)
    expect(new Set(reads.map(({ bytes }) => bytes.byteOffset)).size).toBeLessThan(reads.length)
  })

  test('leaves its buffers to the next one, but none that is held still', async () => {
    const releases: (() => void)[] = []
    const first = await reading(({ lease }) => releases.push(lease.hold()))
    await first.send(Buffer.alloc(PIECE_BYTES, 'a'))
    const [held] = first.reads as [Read]
    await first.close()
    const second = await reading(() => {})
    await second.send(Buffer.alloc(PIECE_BYTES, 'b'))
    expect(second.reads.some(({ lease }) => lease.buffer === held.lease.buffer)).toBe(false)
    expect(held.bytes.equals(Buffer.alloc(held.bytes.length, 'a'))).toBe(true)
    await second.close()
    for (const release of releases) release()
    const third = await reading(() => {})
    await third.send(Buffer.alloc(PIECE_BYTES, 'c'))
    expect(third.reads[0]!.lease.buffer).toBe(held.lease.buffer)
  })
})
