import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { contextsOf } from '../../../client/build-context.ts'
import { KnownContexts, stateOf } from '../../../client/build-known.ts'

const folder = mkdtempSync(join(tmpdir(), 'ek-known-'))
afterAll(() => rmSync(folder, { recursive: true }))

const context = join(folder, 'context')
mkdirSync(context)
writeFileSync(join(context, 'Dockerfile'), 'FROM scratch')
writeFileSync(join(context, 'a.txt'), 'one')
writeFileSync(join(context, '.dockerignore'), '*.log')
const look = () => stateOf(contextsOf('web', { context }).get('web')!)

test('a folder is known until a file of it changes, even with its size and time kept', () => {
  const contexts = new KnownContexts({ XDG_CACHE_HOME: folder })
  const before = look()
  contexts.remember(context, before, 'id', before.newestMs + 10_000)
  expect(contexts.find(context, look())).toBe('id')
  writeFileSync(join(context, 'ignored.log'), 'x')
  const { mtime, atime } = statSync(join(context, 'a.txt'))
  expect(look().newestMs).toBe(before.newestMs)
  writeFileSync(join(context, 'a.txt'), 'two')
  utimesSync(join(context, 'a.txt'), atime, mtime)
  expect(contexts.find(context, look())).toBeUndefined()
})

test('a folder that changed a moment ago is not taken for known', () => {
  const contexts = new KnownContexts({ XDG_CACHE_HOME: join(folder, 'other') })
  const state = look()
  contexts.remember(context, state, 'id', state.newestMs + 100)
  expect(contexts.find(context, state)).toBeUndefined()
})
