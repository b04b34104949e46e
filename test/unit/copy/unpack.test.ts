import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { type Header, pack } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Unpacker } from '../../../client/copy/unpack.ts'
import { Problem } from '../../../protocol/problems.ts'

let base: string
let target: string
let outside: string
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'ek-unpack-'))
  target = join(base, 'target')
  outside = join(base, 'outside')
  mkdirSync(target)
  mkdirSync(outside, { mode: 0o755 })
  writeFileSync(join(outside, 'precious'), 'untouched')
})
afterEach(() => rmSync(base, { recursive: true }))

type Entry = Partial<Header> & { name: string; text?: string }

function tar(...entries: Entry[]): Readable {
  const stream = pack()
  for (const { text, ...header } of entries) stream.entry(header as Header, text ?? '')
  stream.finalize()
  return stream as unknown as Readable
}

const warnings: string[] = []
async function into(archive: Readable, name = '.'): Promise<void> {
  const unpacker = new Unpacker({ folder: target, name, owners: 'mine', warn: (message) => warnings.push(message) })
  try {
    for await (const chunk of archive) unpacker.feed(chunk as Buffer)
    unpacker.finish()
  } finally {
    unpacker.close()
  }
}
const folder = (name: string): Entry => ({ name, type: 'directory', mode: 0o755 })
const link = (name: string, linkname: string): Entry => ({ name, type: 'symlink', linkname })
const refused = async (work: Promise<void>) => {
  const error = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  expect(error).toBeInstanceOf(Problem)
  return error as Problem
}

describe('an archive', () => {
  test('becomes files, folders and links, with their modes and times', async () => {
    const mtime = new Date('2020-02-02T02:02:02Z')
    await into(
      tar(folder('d'), { name: 'd/a', mode: 0o640, mtime, text: 'A' }, folder('d/sub'), link('d/sub/l', '../a'), {
        name: 'd/b',
        type: 'link',
        linkname: 'd/a',
      }),
      'copy',
    )
    const at = (path: string) => join(target, 'copy', path)
    expect(readFileSync(at('a'), 'utf8')).toBe('A')
    expect(lstatSync(at('a')).mode & 0o7777).toBe(0o640)
    expect(lstatSync(at('a')).mtime).toEqual(mtime)
    expect(readlinkSync(at('sub/l'))).toBe('../a')
    expect(lstatSync(at('b')).ino).toBe(lstatSync(at('a')).ino)
  })

  test('may hold a folder that nobody may write to', async () => {
    await into(tar({ name: 'd', type: 'directory', mode: 0o555 }, { name: 'd/a', text: 'A' }), 'copy')
    expect(lstatSync(join(target, 'copy')).mode & 0o777).toBe(0o555)
    expect(readFileSync(join(target, 'copy/a'), 'utf8')).toBe('A')
  })

  test('takes the place of a file that is there, and not of what that is linked to', async () => {
    symlinkSync(join(outside, 'precious'), join(target, 'a'))
    await into(tar({ name: 'a', text: 'new' }), 'a')
    expect(readFileSync(join(target, 'a'), 'utf8')).toBe('new')
    expect(lstatSync(join(target, 'a')).isSymbolicLink()).toBe(false)
    expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('untouched')
  })

  test('brings no program that runs as its owner', async () => {
    await into(tar({ name: 'a', mode: 0o6755, text: '#!' }), 'a')
    expect(lstatSync(join(target, 'a')).mode & 0o7777).toBe(0o755)
  })

  test('leaves out what is neither file, folder nor link, with a word', async () => {
    warnings.length = 0
    await into(tar(folder('d'), { name: 'd/p', type: 'fifo' }, { name: 'd/a', text: 'A' }), 'copy')
    expect(readdirSync(join(target, 'copy'))).toEqual(['a'])
    expect(warnings).toEqual(['d/p is a pipe, which is not copied'])
  })

  test.each([
    ['a folder over a file', [folder('x')], 'x'],
    ['a file over a folder', [{ name: 'y', text: '' }], 'y'],
  ])('does not put %s', async (_, entries, name) => {
    writeFileSync(join(target, 'x'), 'file')
    mkdirSync(join(target, 'y'))
    expect((await refused(into(tar(...entries), name))).message).toMatch(/^cannot overwrite/)
  })
})

describe('an archive that means harm', () => {
  test.each<[string, Entry[]]>([
    ['through a link that it brings', [folder('d'), link('d/l', '/OUTSIDE'), { name: 'd/l/precious', text: 'gone' }]],
    [
      'through a relative link that it brings',
      [folder('d'), link('d/l', '../outside'), { name: 'd/l/precious', text: 'gone' }],
    ],
    [
      'through a link behind a link',
      [folder('d'), link('d/k', '.'), link('d/k/l', '/OUTSIDE'), { name: 'd/k/l/precious', text: 'gone' }],
    ],
    ['through ..', [folder('d'), { name: 'd/../../outside/precious', text: 'gone' }]],
    ['through ..  at the beginning', [{ name: '../outside/precious', text: 'gone' }]],
    ['by an absolute name', [folder('d'), { name: '/OUTSIDE/precious', text: 'gone' }]],
    [
      'by the mode of a folder that is a link',
      [folder('d'), link('d/l', '/OUTSIDE'), { name: 'd/l', type: 'directory', mode: 0o777 }],
    ],
    [
      'by a second name of a file elsewhere',
      [folder('d'), { name: 'd/h', type: 'link', linkname: '../outside/precious' }],
    ],
    [
      'by a second name through a link',
      [folder('d'), link('d/l', '/OUTSIDE'), { name: 'd/h', type: 'link', linkname: 'd/l/precious' }],
    ],
  ])('cannot reach out %s', async (_, entries) => {
    const real = entries.map((entry) =>
      Object.fromEntries(
        Object.entries(entry).map(([key, value]) => [
          key,
          typeof value === 'string' ? value.replace('/OUTSIDE', outside) : value,
        ]),
      ),
    ) as Entry[]
    expect((await refused(into(tar(...real), 'copy'))).code).toBe('conflict')
    expect(readdirSync(outside)).toEqual(['precious'])
    expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('untouched')
    expect(lstatSync(outside).mode & 0o777).toBe(0o755)
    expect(readdirSync(base).sort()).toEqual(['outside', 'target'])
  })

  test('cannot reach out through a link that was there before', async () => {
    symlinkSync(outside, join(target, 'sub'))
    await refused(into(tar(folder('.'), { name: './sub/precious', text: 'gone' })))
    expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('untouched')
  })

  test('is read to the place where it does, and no further', async () => {
    await refused(into(tar(folder('d'), { name: 'd/../x', text: '' }, { name: 'd/after', text: '' }), 'copy'))
    expect(readdirSync(join(target, 'copy'))).toEqual([])
  })
})

test('an archive that breaks off is an error', async () => {
  const archive = tar(folder('d'), { name: 'd/a', text: 'A'.repeat(5000) })
  const { Readable: Stream } = await import('node:stream')
  const { buffer } = await import('node:stream/consumers')
  const bytes = await buffer(archive)
  await expect(into(Stream.from([bytes.subarray(0, 2000)]), 'copy')).rejects.toThrow()
})
