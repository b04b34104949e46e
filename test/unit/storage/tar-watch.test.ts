import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { describe, expect, test } from 'vitest'
import { TarWatch } from '../../../daemon/storage/tar-watch.ts'
import { rejectionOf } from '../support/problems.ts'

async function aTar(): Promise<Buffer> {
  const tar = pack()
  tar.entry({ name: './a' }, 'first')
  tar.entry({ name: './b' }, 'second')
  tar.finalize()
  return buffer(tar as unknown as Readable)
}

/** In pieces of so many bytes: where one ends is chance. */
function* pieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function watched(bytes: Buffer, size = 700): Promise<{ out: Buffer; watch: TarWatch }> {
  const watch = new TarWatch()
  const source = Readable.from(pieces(bytes, size))
  source.once('error', (error) => watch.destroy(error))
  return { out: await buffer(source.pipe(watch)), watch }
}

describe('a tar that goes by', () => {
  test.each([1, 511, 512, 513, 100_000])('comes out as it went in, in pieces of %d, with its digest', async (size) => {
    const tar = await aTar()
    const { out, watch } = await watched(tar, size)
    expect(out.equals(tar)).toBe(true)
    expect(watch).toMatchObject({ bytes: tar.length, sha256: createHash('sha256').update(tar).digest('hex') })
  })

  test('may be compressed: then it tells by itself where it ends', async () => {
    const small = gzipSync(await aTar())
    expect((await watched(small, 5)).out.equals(small)).toBe(true)
  })

  test.each([1024, 1536, 2000])(
    'is refused where it is cut off after %d bytes, also between two files',
    async (length) => {
      const { code, message } = await rejectionOf(watched((await aTar()).subarray(0, length)))
      expect({ code, message }).toEqual({
        code: 'archive-damaged',
        message: `the archive ends in the middle, after ${length} bytes`,
      })
    },
  )

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['a few bytes', Buffer.from('hello')],
    ['text', Buffer.alloc(3000, 'text')],
  ])('is refused where it is %s', async (_, bytes) => {
    expect((await rejectionOf(watched(bytes))).message).toBe('this is no tar archive')
  })
})
