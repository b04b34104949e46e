import { describe, expect, test } from 'vitest'
import { isWorthWatching, watchRules, workOf } from '../../../client/watch/rules.ts'
import type { Model, Service, WatchTrigger } from '../../../protocol/stackfile/model.ts'
import { problemOf } from '../support/problems.ts'

const BUILD = { context: '/code' }
const sync = (more: Partial<WatchTrigger> = {}): WatchTrigger => ({
  path: '/code/src',
  action: 'sync',
  target: '/app',
  ...more,
})
const service = (watch: WatchTrigger[], more: Partial<Service> = {}) => ({ develop: { watch }, ...more }) as Service
const rulesOf = (services: Record<string, Service>, ignored: readonly string[] = [], named: readonly string[] = []) =>
  watchRules({ name: 'shop', services } as Model, named, ({ build }) =>
    build === undefined ? undefined : { folder: '/code', patterns: ignored },
  )
const work = (watch: WatchTrigger[], paths: readonly string[], ignored: readonly string[] = []) => {
  const found = workOf(rulesOf({ web: service(watch, { build: BUILD }) }, ignored).rules, paths)
  return { ...found, sync: [...(found.sync.get('web') ?? [])], exec: found.exec.length }
}

describe('a change below a watched path', () => {
  test('is brought to its place below the target', () => {
    expect(work([sync()], ['/code/src/a/b.js']).sync).toEqual([['/app/a/b.js', '/code/src/a/b.js']])
  })

  test('of a file that is watched by name goes to the target itself', () => {
    expect(work([sync({ path: '/code/x.conf', target: '/etc/x' })], ['/code/x.conf']).sync).toEqual([
      ['/etc/x', '/code/x.conf'],
    ])
  })

  test('beside it is nothing to us, be its name alike', () => {
    expect(work([sync()], ['/code/src2/a', '/code/other', '/code']).sync).toEqual([])
  })

  test.each([
    ['sync', { rebuild: [], restart: [], exec: 0, files: 1 }],
    ['sync+restart', { rebuild: [], restart: ['web'], exec: 0, files: 1 }],
    ['sync+exec', { rebuild: [], restart: [], exec: 1, files: 1 }],
    ['restart', { rebuild: [], restart: ['web'], exec: 0, files: 0 }],
    ['rebuild', { rebuild: ['web'], restart: [], exec: 0, files: 0 }],
  ])('asks for %s, once for all of a batch', (action, expected) => {
    const exec = { command: ['true'] }
    const { sync: files, ...found } = work([sync({ action, exec })], ['/code/src/a', '/code/src/a'])
    expect({ ...found, files: files.length }).toEqual(expected)
  })
})

describe('what is ignored', () => {
  test.each([
    [
      'by the rule',
      sync({ ignore: ['node_modules/', '*.tmp'] }),
      [],
      ['/code/src/node_modules/x/y', '/code/src/a.tmp'],
    ],
    ['by .dockerignore, which is about the context', sync(), ['src/generated'], ['/code/src/generated/a']],
    [
      'because it is of an editor or of git',
      sync(),
      [],
      ['/code/src/.a.js.swp', '/code/src/a~', '/code/src/.git/HEAD'],
    ],
    ['because only others are included', sync({ include: ['*.js'] }), [], ['/code/src/a.css']],
  ])('%s', (_, trigger, ignored, paths) => {
    expect(work([trigger], paths, ignored).sync).toEqual([])
  })

  test('comes back by an exception, also from under a star', () => {
    const paths = ['/code/src/a', '/code/src/keep/b']
    const back = [['/app/keep/b', '/code/src/keep/b']]
    expect(work([sync({ ignore: ['*', '!keep'] })], paths).sync).toEqual(back)
    expect(work([sync()], paths, ['*', '!src/keep']).sync).toEqual(back)
  })

  test('is not looked into, unless something in it may count or another rule wants it', () => {
    const { rules } = rulesOf({ web: service([sync({ ignore: ['node_modules/'] })]) })
    expect(isWorthWatching(rules, '/code/src/node_modules')).toBe(false)
    expect(isWorthWatching(rules, '/code/src/lib')).toBe(true)
    expect(isWorthWatching(rules, '/code/other')).toBe(false)
    expect(isWorthWatching(rules, '/code')).toBe(true)
    const other = rulesOf({ web: service([sync({ ignore: ['node_modules/', '!node_modules/mine'] })]) })
    expect(isWorthWatching(other.rules, '/code/src/node_modules')).toBe(true)
  })
})

describe('a stack', () => {
  test('in which nothing is watched is told so', () => {
    expect(problemOf(() => rulesOf({ web: {} as Service })).message).toMatch(/none of the selected services/)
    expect(problemOf(() => rulesOf({ web: service([sync()]), db: {} as Service }, [], ['db'])).message).toMatch(
      /none of/,
    )
  })

  test('that would rebuild what is not built, or run nothing, is refused', () => {
    expect(problemOf(() => rulesOf({ web: service([sync({ action: 'rebuild' })]) })).message).toMatch(/without a build/)
    expect(problemOf(() => rulesOf({ web: service([sync({ action: 'sync+exec' })]) })).message).toMatch(
      /without a command/,
    )
  })

  test('that mounts the watched folder needs no copy of it', () => {
    const volumes = [{ type: 'bind', source: '/code', target: '/app' }] as Service['volumes']
    const restart = sync({ action: 'restart' })
    const { rules, warnings } = rulesOf({ web: { ...service([sync(), restart]), ...(volumes ? { volumes } : {}) } })
    expect(rules.map(({ action }) => action)).toEqual(['restart'])
    expect(warnings).toEqual(["path '/code/src' also declared by a bind mount volume, this path won't be monitored!"])
  })
})
