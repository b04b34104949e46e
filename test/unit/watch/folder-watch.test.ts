import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Batches } from '../../../client/watch/batches.ts'
import { FolderWatch } from '../../../client/watch/folder-watch.ts'

let base: string
let watch: FolderWatch
let batches: Batches
const at = (path: string) => join(base, path)

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'ek-watch-'))
  mkdirSync(at('src/sub'), { recursive: true })
  mkdirSync(at('src/ignored'))
  batches = new Batches()
  watch = new FolderWatch([at('src')], {
    isWorth: (folder) => !folder.endsWith('ignored'),
    changed: (path) => batches.add(path),
    failed: (error) => batches.end(error),
  })
})
afterEach(() => {
  watch.close()
  rmSync(base, { recursive: true })
})

/** The next batch, relative to the watched folder. */
async function next(): Promise<string[]> {
  const { value } = await batches[Symbol.asyncIterator]().next()
  return (value as string[]).map((path) => path.slice(at('src/').length))
}

test('a file that is written, made or removed is told, below as well, each once', async () => {
  writeFileSync(at('src/a'), '1')
  writeFileSync(at('src/a'), '2')
  writeFileSync(at('src/sub/b'), '1')
  expect(await next()).toEqual(['a', 'sub/b'])
  rmSync(at('src/a'))
  expect(await next()).toEqual(['a'])
})

test('what comes in one go with new folders is told whole, and watched from then on', async () => {
  mkdirSync(at('src/new/deep'), { recursive: true })
  writeFileSync(at('src/new/deep/c'), '1')
  expect(await next()).toEqual(['new', 'new/deep', 'new/deep/c'])
  writeFileSync(at('src/new/deep/c'), '2')
  expect(await next()).toEqual(['new/deep/c'])
})

test('a folder that is moved in, or put in the place of another, is told and watched', async () => {
  mkdirSync(at('other'))
  writeFileSync(at('other/d'), '1')
  rmSync(at('src/sub'), { recursive: true })
  renameSync(at('other'), at('src/sub'))
  expect(await next()).toEqual(expect.arrayContaining(['sub', 'sub/d']))
  writeFileSync(at('src/sub/d'), '2')
  expect(await next()).toEqual(['sub/d'])
})

test('nothing is told of folders that are not worth it', async () => {
  writeFileSync(at('src/ignored/x'), '1')
  writeFileSync(at('src/seen'), '1')
  expect(await next()).toEqual(['seen'])
})

test('a path that is not there yet is watched from above', async () => {
  watch.close()
  watch = new FolderWatch([at('src/later/file')], {
    isWorth: () => true,
    changed: (path) => batches.add(path),
    failed: (error) => batches.end(error),
  })
  mkdirSync(at('src/later'))
  writeFileSync(at('src/later/file'), '1')
  expect(await next()).toContain('later/file')
})

test('a batch ends with the watch, and with an error where that was why', async () => {
  batches.end()
  expect(await batches[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined })
  const failing = new Batches()
  failing.end(new Error('too many watches'))
  await expect(failing[Symbol.asyncIterator]().next()).rejects.toThrow('too many watches')
})
