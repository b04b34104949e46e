import Sqlite from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { LOCKOUT, Lockouts, sourceOf } from '../../../daemon/access/lockouts.ts'
import { hashOf, isWellFormed, newSecret } from '../../../daemon/access/token.ts'
import { statePath } from '../../../daemon/store/database.ts'
import { openStore } from '../../../daemon/store/store.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

describe('a secret', () => {
  test('is another each time, and well formed', () => {
    const secrets = Array.from({ length: 200 }, newSecret)
    expect(new Set(secrets).size).toBe(200)
    for (const secret of secrets) expect([secret, isWellFormed(secret)]).toEqual([secret, true])
  })

  test('with any one character changed is not well formed', () => {
    const secret = newSecret()
    for (let at = 0; at < secret.length; at += 1) {
      const other = `${secret.slice(0, at)}${secret[at] === 'x' ? 'y' : 'x'}${secret.slice(at + 1)}`
      expect([other, isWellFormed(other)]).toEqual([other, false])
    }
  })

  test('is kept as what it cannot be made from', () => {
    expect(hashOf('ek_x')).toMatch(/^[0-9a-f]{64}$/)
  })
})

describe('a lock-out', () => {
  test('begins with the tenth wrong attempt, and doubles up to an hour', () => {
    const lockouts = new Lockouts()
    const waits = Array.from({ length: 20 }, () => lockouts.failed('a', 0) / 1000)
    expect(waits.slice(0, 9)).toEqual(new Array(9).fill(0))
    expect(waits.slice(9, 14)).toEqual([30, 60, 120, 240, 480])
    expect(waits.at(-1)).toBe(3600)
  })

  test('is over in time, and forgotten after a day of quiet or a right attempt', () => {
    const lockouts = new Lockouts()
    for (let count = 0; count < 10; count += 1) lockouts.failed('a', 0)
    expect(lockouts.waitMs('a', 29_999)).toBe(1)
    expect(lockouts.waitMs('a', 30_000)).toBe(0)
    expect(lockouts.failed('a', 30_000)).toBe(60_000)
    expect(lockouts.failed('a', 30_000 + LOCKOUT.forgetMs + 1)).toBe(0)
    for (let count = 0; count < 10; count += 1) lockouts.failed('b', 0)
    lockouts.succeeded('b')
    expect(lockouts.failed('b', 0)).toBe(0)
  })

  test('is remembered for a bounded number of sources', () => {
    const lockouts = new Lockouts({ ...LOCKOUT, free: 1, sources: 2 })
    for (const source of ['a', 'b', 'c']) lockouts.failed(source, 0)
    expect(['a', 'b', 'c'].map((source) => lockouts.waitMs(source, 0) > 0)).toEqual([false, true, true])
  })

  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:0db8:0001::1', '2001:db8:1:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ])('of %s is of %s', (address, source) => {
    expect(sourceOf(address)).toBe(source)
  })
})

describe('the audit log', () => {
  const entry = (object: string) =>
    ({
      at: '2026-01-01T00:00:00.000Z',
      actor: 'ann',
      origin: '192.0.2.1',
      action: 'up',
      object,
      outcome: 'done',
    }) as const

  function aLog(count: number) {
    const folder = temporaryFolder()
    const store = openStore(folder)
    onTestFinished(() => store.close())
    for (let index = 1; index <= count; index += 1) store.audit.add(entry(`s${index}`))
    return { audit: store.audit, tamper: (sql: string) => tamper(folder, sql) }
  }

  /** As somebody would who has the file: triggers are no hindrance to them. */
  function tamper(folder: string, sql: string) {
    const db = new Sqlite(statePath(folder))
    db.exec(sql)
    db.close()
  }

  const pause = async () => {}

  test('is found by what it has, newest first, in pages', () => {
    const { audit } = aLog(5)
    audit.add({ ...entry('x'), actor: 'bob', outcome: 'refused', code: 'forbidden' })
    expect(audit.find({ limit: 2 }).map(({ object }) => object)).toEqual(['x', 's5'])
    expect(audit.find({ limit: 10, before: 3 }).map(({ object }) => object)).toEqual(['s2', 's1'])
    expect(audit.find({ limit: 10, actor: 'bob' })).toMatchObject([{ code: 'forbidden' }])
    expect(audit.find({ limit: 10, outcome: 'refused', action: 'down' })).toEqual([])
  })

  test('is intact as it was written', async () => {
    const { audit } = aLog(2500)
    let pauses = 0
    const counted = () => {
      pauses += 1
      return pause()
    }
    // Two that ask at once cost no more than one.
    const [one, other] = await Promise.all([audit.verify(counted), audit.verify(counted)])
    expect(one).toMatchObject({ intact: true, entries: 2500, first: 1, last: 2500 })
    expect(other).toBe(one)
    expect(pauses).toBe(2)
  })

  test('cannot be changed by the daemon', () => {
    const { tamper } = aLog(1)
    expect(() => tamper(`UPDATE audit SET actor = 'eve'`)).toThrow('never changed')
  })

  test.each([
    ['an entry was changed', `DROP TRIGGER audit_is_final; UPDATE audit SET actor = 'eve' WHERE sequence = 3`, 3],
    ['an entry was taken away', 'DELETE FROM audit WHERE sequence = 3', 4],
    ['the first was taken away', 'DELETE FROM audit WHERE sequence = 1', 2],
    [
      'one was put in',
      `INSERT INTO audit (at, actor, origin, action, object, outcome, hash) VALUES ('x','x','x','x','x','done','00')`,
      6,
    ],
  ])('shows that %s', async (_, sql, brokenAt) => {
    const { audit, tamper } = aLog(5)
    tamper(sql)
    expect(await audit.verify(pause)).toMatchObject({ intact: false, brokenAt })
  })

  test('has another head when its end was taken away', async () => {
    const { audit, tamper } = aLog(5)
    const { head } = await audit.verify(pause)
    tamper('DELETE FROM audit WHERE sequence = 5')
    const after = await audit.verify(pause)
    expect(after.intact).toBe(true)
    expect(after.head).not.toBe(head)
  })
})
