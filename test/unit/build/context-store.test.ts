import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { describe, expect, test, vi } from 'vitest'
import { Api } from '../../../client/api.ts'
import { uploadOnce } from '../../../client/upload.ts'
import { ContextStore } from '../../../daemon/build/context-store.ts'
import { Problem } from '../../../protocol/problems.ts'
import { rejectionOf } from '../support/problems.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const BYTES = randomBytes(300_000)
const ID = createHash('sha256').update(BYTES).digest('hex')

/** These bytes, and then no more: once they are there the connection is cut. */
async function* thenCut(store: ContextStore, bytes: AsyncIterable<Buffer> | Iterable<Buffer>, until: number) {
  let there = await store.receivedBytes(ID)
  for await (const chunk of bytes) {
    const piece = chunk.subarray(0, until - there)
    there += piece.length
    yield piece
    if (there === until) break
  }
  await vi.waitFor(async () => expect(await store.receivedBytes(ID)).toBe(until), { timeout: 10_000, interval: 5 })
  throw new Error('the connection was cut')
}

const cutAfter = (store: ContextStore, length: number) => Readable.from(thenCut(store, [BYTES], length))

describe('an upload that was cut', () => {
  test('goes on where it broke off, and is checked as a whole', async () => {
    const folder = temporaryFolder()
    const store = new ContextStore(folder)
    await expect(store.put(ID, cutAfter(store, 100_000))).rejects.toThrow('cut')
    expect([await store.has(ID), await store.receivedBytes(ID)]).toEqual([false, 100_000])
    expect(await store.put(ID, Readable.from([BYTES.subarray(100_000)]), 100_000)).toEqual({ bytes: BYTES.length })
    expect(readFileSync(await store.locate(ID))).toEqual(BYTES)
    expect(await store.receivedBytes(ID)).toBe(0)
  })

  test('may begin anew, or a part further back', async () => {
    for (const offset of [0, 50_000]) {
      const store = new ContextStore(temporaryFolder())
      await store.put(ID, cutAfter(store, 100_000)).catch(() => {})
      expect(await store.put(ID, Readable.from([BYTES.subarray(offset)]), offset)).toEqual({ bytes: BYTES.length })
    }
  })

  test('leaves no gap, and nothing of what is not what it says', async () => {
    const store = new ContextStore(temporaryFolder())
    expect((await rejectionOf(store.put(ID, Readable.from([BYTES]), 5))).message).toContain('0 bytes are here')
    await store.put(ID, cutAfter(store, 100_000)).catch(() => {})
    const wrong = Readable.from([randomBytes(200_000)])
    expect((await rejectionOf(store.put(ID, wrong, 100_000))).message).toContain('damaged')
    expect([await store.has(ID), await store.receivedBytes(ID)]).toEqual([false, 0])
  })

  test('is not taken over while bytes come', async () => {
    const store = new ContextStore(temporaryFolder())
    const slow = new PassThrough()
    const first = store.put(ID, slow)
    slow.write(BYTES.subarray(0, 100_000))
    expect((await rejectionOf(store.put(ID, Readable.from([BYTES])))).code).toBe('conflict')
    slow.end(BYTES.subarray(100_000))
    expect(await first).toEqual({ bytes: BYTES.length })
  })
})

test('the client goes on by itself, with what the daemon has not yet', async () => {
  const store = new ContextStore(temporaryFolder())
  const offsets: number[] = []
  const told: number[] = []
  const api = Object.assign(Object.create(Api.prototype) as Api, {
    report: (_: string, sent: number) => told.push(sent),
    call: async () => ({ present: await store.has(ID), receivedBytes: await store.receivedBytes(ID) }),
    upload: async (_: string, __: object, tar: Readable, { query }: { query: { offset?: number } }) => {
      const offset = query.offset ?? 0
      offsets.push(offset)
      const isCut = offsets.length < 3
      const limited = isCut ? Readable.from(thenCut(store, tar as AsyncIterable<Buffer>, offset + 100_000)) : tar
      await store.put(ID, limited, offset).catch((cause: unknown) => {
        throw new Problem('daemon-unreachable', 'cut', { cause })
      })
    },
  })
  const state = { digest: 'x', newestMs: Date.now() }
  const packable = { name: 'conf', key: join('/none', ID), state, tar: () => [BYTES] }
  expect(await uploadOnce(api, packable, () => store.has(ID))).toBe(ID)
  expect(offsets).toEqual([0, 100_000, 200_000])
  expect(told.at(-1)).toBe(BYTES.length)
})

test('an id is a digest and no path', async () => {
  const store = new ContextStore(temporaryFolder())
  expect((await rejectionOf(store.put('../../etc', Readable.from([BYTES])))).code).toBe('bad-request')
  await expect(async () => store.has('../secret')).rejects.toMatchObject({ code: 'bad-request' })
})
