import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { dial, taken } from '../../../daemon/engine/dial.ts'
import { takeReadBuffer } from '../../../daemon/engine/spare-buffers.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const MIB = 1024 ** 2
const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** Both ends of a connection. */
async function connection(): Promise<{ readonly ours: Socket; readonly theirs: Socket }> {
  const path = join(temporaryFolder(), 'engine.sock')
  const server = createServer()
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const ours = await new Promise<Socket>((resolve, reject) => {
    dial(path, 5000)(undefined, (error, socket) => (error === null ? resolve(socket!) : reject(error)))
  })
  const theirs = await accepted
  closing.push(() => {
    ours.destroy()
    theirs.destroy()
    server.close()
  })
  return { ours, theirs }
}

test('what nobody reads stays with the other side', async () => {
  const { ours, theirs } = await connection()
  // Asked to read once, as HTTP does for a head.
  ours.read(0)
  for (let sent = 0; sent < 16; sent += 1) theirs.write(Buffer.alloc(MIB, sent))
  for (let read = -1; read !== ours.bytesRead; ) {
    read = ours.bytesRead
    await delay(50)
  }
  expect(ours.readableLength).toBeLessThan(MIB)
  expect(theirs.writableLength).toBeGreaterThan(8 * MIB)
  // And is all there for who does.
  let length = 0
  theirs.end()
  for await (const chunk of ours) length += (chunk as Buffer).length
  expect(length).toBe(16 * MIB)
})

test('what was read before is the first that is taken, and nothing is lost in between', async () => {
  const { ours, theirs } = await connection()
  theirs.write('head')
  await new Promise((resolve) => ours.once('readable', resolve))
  const bytes = Buffer.alloc(3 * MIB, 'abcdefgh')
  theirs.end(bytes)
  const chunks: Buffer[] = []
  for await (const chunk of taken(ours)!.chunks()) {
    chunks.push(Buffer.from(chunk))
    if (chunks.length % 4 === 0) await delay(1)
  }
  expect(Buffer.concat(chunks).equals(Buffer.concat([Buffer.from('head'), bytes]))).toBe(true)
})

/** All buffers that are spare, and some more. */
const takeAll = (): Buffer[] => Array.from({ length: 30 }, takeReadBuffer)

test('its memory is nobody else’s until the last chunk is done with', async () => {
  const { ours, theirs } = await connection()
  theirs.write('mine')
  await new Promise((resolve) => ours.once('readable', resolve))
  const chunks = taken(ours)!.chunks()
  // That was read for HTTP, and is a copy.
  expect((await chunks.next()).value?.toString()).toBe('mine')
  theirs.write('mine too')
  const { value } = await chunks.next()
  ours.destroy()
  await once(ours, 'close')
  for (const other of takeAll()) other.fill('x')
  expect(value!.toString()).toBe('mine too')
  expect((await chunks.next()).done).toBe(true)
  expect(takeAll().some(({ buffer }) => buffer === value!.buffer)).toBe(true)
})

test('its memory serves one at a time, also where it is taken only once the connection is closed', async () => {
  takeAll()
  const { ours } = await connection()
  const chunks = taken(ours)!.chunks()
  ours.destroy()
  await once(ours, 'close')
  for await (const _ of chunks) expect.unreachable('nothing came')
  expect(new Set(takeAll()).size).toBe(30)
})

test('a socket that is not there is an error of the connection', async () => {
  const error = await new Promise<Error | null>((resolve) => {
    dial(join(temporaryFolder(), 'nobody.sock'), 5000)(undefined, (...[error]) => resolve(error))
  })
  expect((error as NodeJS.ErrnoException).code).toBe('ENOENT')
})
