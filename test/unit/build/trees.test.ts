import { createWriteStream, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { pack } from 'tar-stream'
import { afterAll, describe, expect, test } from 'vitest'
import { imagesInDockerfile } from '../../../client/build-bases.ts'
import { contextsOf } from '../../../client/build-context.ts'
import { tarOf } from '../../../client/build-tar.ts'
import { writeTar } from '../../../client/upload.ts'
import { goFileMode } from '../../../daemon/build/buildkit/file-sync.ts'
import { selectEntries } from '../../../daemon/build/buildkit/select-entries.ts'
import { inWalkOrder, type TreeEntry, textOf } from '../../../daemon/build/file-tree.ts'
import { TarTree } from '../../../daemon/build/tar-tree.ts'

const folder = mkdtempSync(join(tmpdir(), 'ek-trees-'))
afterAll(() => rmSync(folder, { recursive: true }))

function write(name: string, files: Record<string, string>): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name, path)), { recursive: true })
    writeFileSync(join(folder, name, path), content)
  }
  return join(folder, name)
}

async function packed(name: string, fill: (tar: ReturnType<typeof pack>) => void): Promise<string> {
  const tar = pack()
  fill(tar)
  tar.finalize()
  const path = join(folder, name)
  await pipeline(tar, createWriteStream(path))
  return path
}

const entry = (path: string, kind: TreeEntry['kind'] = 'file', target = ''): TreeEntry => ({
  path,
  kind,
  mode: 0o644,
  sizeBytes: 0,
  modifiedNs: 0n,
  target,
})

describe('a tar as a tree', () => {
  test('what the client packs is what the daemon reads', async () => {
    const long = `${'x'.repeat(90)}/${'y'.repeat(90)}/ä.txt`
    const context = write('client', {
      'b/c.txt': 'c',
      'b.txt': 'b',
      'b-1.txt': 'dash',
      [long]: 'long',
      Dockerfile: 'FROM scratch',
    })
    symlinkSync('b/c.txt', join(context, 'link'))
    const selection = contextsOf('web', { context }).get('web')!
    const first = await writeTar(tarOf(selection), join(folder, 'one.tar'))
    const second = await writeTar(tarOf(selection), join(folder, 'two.tar'))
    expect(second).toEqual(first)
    const tree = await TarTree.open(join(folder, 'one.tar'))
    expect(tree.entries.map(({ path }) => path)).toEqual([
      'Dockerfile',
      'b',
      'b/c.txt',
      'b-1.txt',
      'b.txt',
      'link',
      'x'.repeat(90),
      dirname(long),
      long,
    ])
    expect(await textOf(tree, tree.entries.find(({ path }) => path === long)!)).toBe('long')
    expect(tree.entries.find(({ path }) => path === 'link')).toMatchObject({ kind: 'symlink', target: 'b/c.txt' })
    await tree.close()
  })

  test('the time of a file differs where its content does', async () => {
    const times = []
    for (const content of ['one', 'two']) {
      const path = await packed(`${content}-time.tar`, (tar) =>
        tar.entry({ name: 'a', mtime: new Date(5000) }, content),
      )
      const tree = await TarTree.open(path)
      times.push(tree.entries[0]!.modifiedNs)
      await tree.close()
    }
    expect(times[0]).not.toBe(times[1])
    for (const time of times) expect(time / 1_000_000_000n).toBe(5n)
  })

  test('folders that a tar leaves out are there; hard links are files; the last of a name counts', async () => {
    const path = await packed('odd.tar', (tar) => {
      tar.entry({ name: './a/b/c' }, 'first')
      tar.entry({ name: 'a/b/hard', type: 'link', linkname: './a/b/c' })
      tar.entry({ name: 'a/b/c' }, 'second')
    })
    const tree = await TarTree.open(path)
    expect(tree.entries.map(({ path, kind }) => `${kind} ${path}`)).toEqual([
      'folder a',
      'folder a/b',
      'file a/b/c',
      'file a/b/hard',
    ])
    expect(await textOf(tree, tree.entries[2]!)).toBe('second')
    expect(await textOf(tree, tree.entries[3]!)).toBe('first')
    await tree.close()
  })

  test('a path that leaves it, or bytes that are no tar, are refused', async () => {
    const outside = await packed('outside.tar', (tar) => tar.entry({ name: '../../etc/passwd' }, 'x'))
    await expect(TarTree.open(outside)).rejects.toMatchObject({ code: 'build-failed' })
    writeFileSync(join(folder, 'noise'), Buffer.alloc(5000, 'noise'))
    await expect(TarTree.open(join(folder, 'noise'))).rejects.toMatchObject({ code: 'build-failed' })
  })
})

describe('what BuildKit asks for of a tree', () => {
  const entries = inWalkOrder([
    entry('a', 'folder'),
    entry('a/x.js'),
    entry('a/y.ts'),
    entry('b', 'folder'),
    entry('b/z.js'),
    entry('link', 'symlink', 'b'),
    entry('up', 'symlink', '../../b/z.js'),
    entry('a.txt'),
    entry('a-b'),
  ])
  const paths = (selection: Partial<Parameters<typeof selectEntries>[1]>) =>
    selectEntries(entries, { includes: [], excludes: [], followPaths: undefined, ...selection }).map(({ path }) => path)

  test('the order is that of the walk, folder by folder', () => {
    expect(paths({})).toEqual(['a', 'a/x.js', 'a/y.ts', 'a-b', 'a.txt', 'b', 'b/z.js', 'link', 'up'])
  })
  test('a folder comes with what is wanted in it', () => {
    expect(paths({ includes: ['a/*.js'] })).toEqual(['a', 'a/x.js'])
    expect(paths({ excludes: ['a', '!a/y.ts', 'b'] })).toEqual(['a', 'a/y.ts', 'a-b', 'a.txt', 'link', 'up'])
  })
  test('paths are followed through symlinks, and not out of the tree', () => {
    expect(paths({ followPaths: ['link/z.js'] })).toEqual(['b', 'b/z.js', 'link'])
    expect(paths({ followPaths: ['up'] })).toEqual(['b', 'b/z.js', 'up'])
    expect(paths({ followPaths: ['a*'] })).toEqual(['a', 'a/x.js', 'a/y.ts', 'a-b', 'a.txt'])
    expect(paths({ followPaths: ['/'] })).toEqual(paths({}))
    expect(paths({ followPaths: ['none'] })).toEqual([])
  })
  test("modes are Go's", () => {
    expect(goFileMode({ kind: 'file', mode: 0o4755 })).toBe(2 ** 23 + 0o755)
    expect(goFileMode({ kind: 'folder', mode: 0o1777 })).toBe(2 ** 31 + 2 ** 20 + 0o777)
    expect(goFileMode({ kind: 'symlink', mode: 0o777 })).toBe(2 ** 27 + 0o777)
  })
})

test('images that a Dockerfile names', () => {
  const text = [
    '# syntax=reg.example/frontend:1',
    'ARG TAG=3.19',
    'ARG BASE=reg.example/base:${TAG}',
    'FROM --platform=$BUILDPLATFORM golang:${TAG:-1} AS build',
    'FROM ${BASE}',
    'COPY --from=build /a /a',
    'COPY --chown=1:1 --from=tool.example/t:1 /b /b',
    'RUN --mount=type=bind,from=mnt.example/m,target=/m \\',
    '    true',
    'FROM $UNKNOWN',
    'FROM scratch',
    'COPY --from=0 /x /x',
  ].join('\n')
  expect(imagesInDockerfile(text, { TAG: '4' })).toEqual([
    'reg.example/frontend:1',
    'golang:4',
    'reg.example/base:4',
    'tool.example/t:1',
    'mnt.example/m',
  ])
})
