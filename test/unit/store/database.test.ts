import { closeSync, existsSync, openSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { openDatabase, type Sql } from '../../../daemon/store/database.ts'
import { MIGRATIONS } from '../../../daemon/store/migrations/index.ts'
import { openStore } from '../../../daemon/store/store.ts'
import { aModel, aRevision } from '../support/core.ts'
import { problemOf } from '../support/problems.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const pragma = (sql: Sql, name: string): unknown =>
  (sql.prepare(`PRAGMA ${name}`).get() as Record<string, unknown>)[name]

function fail(): never {
  throw new Error('of no use')
}

describe('the state', () => {
  test('is made where there is none, down to its folder, for its owner alone', () => {
    const folder = join(temporaryFolder(), 'a', 'b')
    openStore(folder).close()
    expect(existsSync(join(folder, 'state.db'))).toBe(true)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
  })

  test('is migrated from empty to the newest schema', () => {
    const { sql, close } = openDatabase(temporaryFolder())
    expect(pragma(sql, 'user_version')).toBe(MIGRATIONS.length)
    close()
  })

  test('is migrated once: opening it again changes nothing', () => {
    const folder = temporaryFolder()
    const schema = () => {
      const { sql, close } = openDatabase(folder)
      const rows = sql.prepare('SELECT sql FROM sqlite_schema ORDER BY name').all()
      close()
      return rows
    }
    expect(schema()).toEqual(schema())
  })

  test('is a log that is read while it is written, with foreign keys', () => {
    const { sql, close } = openDatabase(temporaryFolder())
    expect(pragma(sql, 'journal_mode')).toBe('wal')
    expect(pragma(sql, 'foreign_keys')).toBe(1)
    close()
  })

  test('is waited for on the disk by a transaction, and by nothing else', () => {
    const { sql, close } = openDatabase(temporaryFolder())
    const [NORMAL, FULL] = [1, 2]
    expect(sql.transaction(() => pragma(sql, 'synchronous'))).toBe(FULL)
    expect(sql.batch(() => pragma(sql, 'synchronous'))).toBe(NORMAL)
    expect(() => sql.transaction(() => fail())).toThrow('of no use')
    expect(pragma(sql, 'synchronous')).toBe(NORMAL)
    close()
  })

  test('takes no transaction within a batch, which could not be waited for', () => {
    const { sql, close } = openDatabase(temporaryFolder())
    expect(() => sql.batch(() => sql.transaction(() => 1))).toThrow('cannot be part of a batch')
    close()
  })

  test('has an id of its own, which stays', () => {
    const folder = temporaryFolder()
    const first = openStore(folder)
    const { instance } = first
    first.close()
    const second = openStore(folder)
    expect(second.instance).toBe(instance)
    second.close()
    const other = openStore(temporaryFolder())
    expect(other.instance).not.toBe(instance)
    other.close()
  })
})

describe('a second daemon on the same state', () => {
  test('is refused while the first runs', () => {
    const folder = temporaryFolder()
    const first = openStore(folder)
    expect(problemOf(() => openStore(folder))).toMatchObject({
      code: 'state-folder-in-use',
      hint: 'stop it first, or give this one a folder of its own (--state DIR)',
    })
    first.close()
  })

  test('does not disturb the first', () => {
    const folder = temporaryFolder()
    const first = openStore(folder)
    problemOf(() => openStore(folder))
    first.memory.set('shop', 'volume', 'data', true)
    expect(first.memory.all('shop', 'volume')).toEqual({ data: true })
    first.close()
  })

  test('is welcome when the first has ended', () => {
    const folder = temporaryFolder()
    openStore(folder).close()
    openStore(folder).close()
  })

  test('leaves the state readable for tools', () => {
    const folder = temporaryFolder()
    const store = openStore(folder)
    const tool = new Sqlite(join(folder, 'state.db'), { readonly: true })
    expect(tool.prepare('SELECT COUNT(*) AS count FROM stacks').get()).toEqual({ count: 0 })
    tool.close()
    store.close()
  })
})

describe('a state that is damaged', () => {
  test('is refused where it is no database at all', () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'state.db'), 'this is no database, and long enough to tell'.repeat(100))
    expect(problemOf(() => openStore(folder))).toMatchObject({ code: 'state-damaged' })
  })

  test('is refused where a part of it was overwritten', () => {
    const folder = temporaryFolder()
    const store = openStore(folder)
    for (let number = 1; number <= 50; number += 1) store.revisions.add(aRevision(number, aModel({ web: {} })))
    store.close()
    const path = join(folder, 'state.db')
    const file = openSync(path, 'r+')
    const page = 4096
    for (let at = page; at < statSync(path).size; at += page) writeSync(file, Buffer.alloc(64, 0xff), 0, 64, at)
    closeSync(file)
    expect(problemOf(() => openStore(folder)).code).toBe('state-damaged')
  })

  test('is told with what to do, and leaves the folder free', () => {
    const folder = temporaryFolder()
    const path = join(folder, 'state.db')
    writeFileSync(path, 'x'.repeat(5000))
    expect(problemOf(() => openStore(folder)).hint).toContain('evenkeeld --rebuild')
    expect(problemOf(() => openStore(folder)).code).toBe('state-damaged')
  })

  test('is what a newer daemon wrote, for an older one', () => {
    const folder = temporaryFolder()
    openStore(folder).close()
    const db = new Sqlite(join(folder, 'state.db'))
    db.pragma('user_version = 999')
    db.close()
    expect(problemOf(() => openStore(folder))).toMatchObject({
      code: 'state-damaged',
      hint: 'run that version or a newer one',
    })
  })
})

test('a transaction is all or nothing', () => {
  const store = openStore(temporaryFolder())
  const failing = () =>
    store.transaction(() => {
      store.memory.set('shop', 'volume', 'data', true)
      throw new Error('the power went')
    })
  expect(failing).toThrow('the power went')
  expect(store.memory.all('shop', 'volume')).toEqual({})
  store.close()
})
