import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { type Header, pack } from 'tar-stream'
import { describe, expect, test } from 'vitest'
import { type TarHeader, TarReader } from '../../../client/copy/read-tar.ts'
import { type TarEntry, tarOfEntries } from '../../../client/tar.ts'
import { problemOf } from '../support/problems.ts'

type Seen = TarHeader & { readonly content: string }

/** All that is in a tar which comes in pieces of that many bytes. */
function read(tar: Uint8Array, pieceBytes = tar.length): Seen[] {
  const seen: Seen[] = []
  let content: Buffer[] = []
  const reader = new TarReader({
    entry: (header) => {
      seen.push({ ...header, content: '' })
      content = []
    },
    data: (bytes) => content.push(Buffer.from(bytes)),
    entryEnd: () => {
      seen[seen.length - 1] = { ...seen.at(-1)!, content: Buffer.concat(content).toString('latin1') }
    },
  })
  for (let at = 0; at < tar.length; at += pieceBytes) reader.feed(tar.subarray(at, at + pieceBytes))
  reader.end()
  return seen
}

const packed = (...entries: (Partial<Header> & { name: string; text?: string })[]): Promise<Buffer> => {
  const stream = pack()
  for (const { text, ...header } of entries) stream.entry(header as Header, text ?? '')
  stream.finalize()
  return buffer(stream)
}

const LONG = `${'a long folder/'.repeat(20)}with ä file`

describe('a tar of another maker', () => {
  const mtime = new Date('2020-02-02T02:02:02Z')

  test('has its names, kinds, owners, times and contents', async () => {
    const tar = await packed(
      { name: 'd/', type: 'directory', mode: 0o750, uid: 1000, gid: 1001, mtime },
      { name: 'd/a', mode: 0o640, mtime, text: 'A'.repeat(513) },
      { name: LONG, mtime, text: '' },
      { name: 'l', type: 'symlink', linkname: `../${LONG}` },
      { name: 'h', type: 'link', linkname: 'd/a' },
      { name: 'p', type: 'fifo' },
    )
    for (const pieceBytes of [1, 7, 512, 513, tar.length]) {
      expect(read(tar, pieceBytes)).toMatchObject([
        { kind: 'folder', name: 'd/', mode: 0o750, uid: 1000, gid: 1001, mtime: mtime.getTime() / 1000 },
        { kind: 'file', name: 'd/a', mode: 0o640, size: 513, content: 'A'.repeat(513) },
        { kind: 'file', name: LONG, content: '' },
        { kind: 'symlink', name: 'l', target: `../${LONG}` },
        { kind: 'link', name: 'h', target: 'd/a' },
        { kind: 'pipe', name: 'p' },
      ])
    }
  })

  test('may give numbers that octal digits have no room for', async () => {
    const [entry] = read(await packed({ name: 'a', pax: { uid: '3000000', gid: '4000000000' }, text: 'x' }))
    expect(entry).toMatchObject({ uid: 3_000_000, gid: 4_000_000_000, content: 'x' })
  })
})

test('what we pack we read again, however it is cut', () => {
  const name = fc.string({ minLength: 1, maxLength: 160, unit: 'grapheme' }).filter((text) => !text.includes('\0'))
  const entry = fc.record({
    path: name,
    mode: fc.integer({ min: 0, max: 0o7777 }),
    mtimeMs: fc.integer({ min: 0, max: 4e9 }).map((seconds) => seconds * 1000),
    uid: fc.integer({ min: 0, max: 4e9 }),
    gid: fc.integer({ min: 0, max: 4e9 }),
    text: fc.string({ maxLength: 2000 }),
  })
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 6 }), fc.integer({ min: 1, max: 2000 }), (entries, pieceBytes) => {
      const given = entries.map((one): TarEntry => ({ ...one, kind: 'text' }))
      const seen = read(Buffer.concat([...tarOfEntries(given)]), pieceBytes)
      expect(
        seen.map(({ name: path, mode, uid, gid, mtime, content }) => [path, mode, uid, gid, mtime, content]),
      ).toEqual(
        entries.map((one) => [
          one.path,
          one.mode,
          one.uid,
          one.gid,
          one.mtimeMs / 1000,
          Buffer.from(one.text).toString('latin1'),
        ]),
      )
    }),
  )
})

describe('what is no tar', () => {
  test.each([
    ['text', Buffer.alloc(512, 'x'), 'the archive is not a tar: a header has the wrong checksum'],
    ['nothing', Buffer.alloc(0), 'the archive broke off before all of it was there'],
  ])('%s is refused', (_, bytes, message) => {
    expect(problemOf(() => read(bytes, 512))).toMatchObject({ message })
  })

  test('an archive that was cut anywhere before its end is refused', async () => {
    const tar = await packed({ name: 'a', text: 'A'.repeat(700) })
    for (let at = 0; at <= 512 + 1024; at += 64) expect(problemOf(() => read(tar.subarray(0, at), 512))).toBeDefined()
  })

  test('a name without end is refused before it is in memory', async () => {
    const tar = await packed({ name: 'a', text: 'x' })
    tar.write('L', 156, 'latin1')
    tar.write('77777777777\0', 124, 'latin1')
    let sum = 0
    tar.fill(' ', 148, 156)
    for (const byte of tar.subarray(0, 512)) sum += byte
    tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
    expect(problemOf(() => read(tar))).toMatchObject({
      message: 'the archive is not a tar: a name is longer than a mebibyte',
    })
  })
})
