import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { SecretControl } from '../../../daemon/reconcile/secret-control.ts'
import { inMemory, MemoryFolder } from '../../../daemon/secrets/memory-folder.ts'
import { Redactor } from '../../../daemon/secrets/redactor.ts'
import { Vault } from '../../../daemon/secrets/vault.ts'
import { openStore } from '../../../daemon/store/store.ts'
import { SecretName as Name, SecretRequest } from '../../../protocol/resources/secret.ts'
import { AT, aModel, aRevision } from '../support/core.ts'
import { problemOf, rejectionOf } from '../support/problems.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

function aHouse() {
  const state = temporaryFolder()
  const root = join(temporaryFolder(), 'secrets')
  const store = openStore(state)
  onTestFinished(() => store.close())
  const redactor = new Redactor()
  const aVault = (key = 1) =>
    new Vault({
      store,
      redactor,
      key: () => Buffer.alloc(32, key),
      files: () => new MemoryFolder(root, store.instance),
      now: () => new Date(AT),
    })
  const asked: unknown[] = []
  const control = {
    restart: async (...args: unknown[]) => {
      asked.push(['restart', args[1], ...((args[3] as string[]).length === 0 ? [] : [args[3]])])
      return { deployment: 'd-1', changed: true }
    },
    kill: async (...args: unknown[]) => {
      asked.push(['kill', args[1]])
      return { deployment: 'd-2', changed: true }
    },
  }
  const vault = aVault()
  return {
    state,
    root,
    store,
    vault,
    aVault,
    redactor,
    asked,
    secrets: new SecretControl(store, vault, control as never),
  }
}

const requestOf = (text: string, parts: object = {}) =>
  SecretRequest.parse({ base64: Buffer.from(text).toString('base64'), ...parts })
const CALLER = { name: 'ann' }

/** A stack `shop` whose web is given the secret `db`. */
function withUser({ store }: ReturnType<typeof aHouse>, how: object = {}): void {
  const model = aModel(
    { web: { secrets: [{ source: 'db', ...how }] } },
    { secrets: { db: { name: 'db', external: true } } },
  )
  store.revisions.add(aRevision(1, model))
  const row = { name: 'shop', presence: 'present', revision: 1, disabled: [], condition: 'steady' } as const
  store.stacks.save({ ...row, reason: undefined, updatedAt: AT })
  const web = { service: 'web', revision: 1, run: 'running', recreate: 0, restart: 0, outdated: 'replace' } as const
  store.stacks.saveService('shop', { ...web, scale: undefined })
}

describe('a secret', () => {
  test('is in a file for containers, and in the state only sealed', async () => {
    const house = aHouse()
    await house.secrets.put('shop', 'db', requestOf('the-value-of-it'), CALLER)
    const path = house.vault.pathOf('shop', 'db')
    expect(readFileSync(path, 'utf8')).toBe('the-value-of-it')
    expect(statSync(path).mode & 0o777).toBe(0o444)
    expect(statSync(join(house.root, house.store.instance)).mode & 0o777).toBe(0o700)
    for (const name of readdirSync(house.state))
      expect(readFileSync(join(house.state, name)).includes('the-value-of-it')).toBe(false)
    expect(house.redactor.redact('x the-value-of-it')).toBe('x [secret]')
  })

  test('is listed with who uses it, and without its value', async () => {
    const house = aHouse()
    withUser(house)
    await house.secrets.put('shop', 'db', requestOf('the-value-of-it'), CALLER)
    expect(house.secrets.list('shop')).toEqual([
      { name: 'db', version: 1, createdAt: AT, updatedAt: AT, updatedBy: 'ann', usedBy: ['web'], variableOf: [] },
    ])
    expect(house.secrets.list('blog')).toEqual([])
  })

  test('rotates in the very file that a container has mounted, and its users are told', async () => {
    const house = aHouse()
    withUser(house)
    await house.secrets.put('shop', 'db', requestOf('a-longer-first-value'), CALLER)
    const path = house.vault.pathOf('shop', 'db')
    const { ino } = statSync(path)
    const rotated = (how: string) =>
      house.secrets.put('shop', 'db', requestOf(`by ${how}`, { which: 'replace', afterwards: how }), CALLER)
    expect(await rotated('restart')).toMatchObject({ secret: { version: 2 }, deployment: 'd-1' })
    expect(await rotated('SIGHUP')).toMatchObject({ secret: { version: 3 }, deployment: 'd-2' })
    expect([readFileSync(path, 'utf8'), statSync(path).ino]).toEqual(['by SIGHUP', ino])
    expect(house.asked).toMatchObject([
      ['restart', { services: ['web'] }],
      ['kill', { services: ['web'], signal: 'SIGHUP' }],
    ])
  })

  test('that is a variable takes another container, which no signal makes', async () => {
    const house = aHouse()
    withUser(house, { 'x-evenkeel': { env: 'DB' } })
    await house.secrets.put('shop', 'db', requestOf('first-value'), CALLER)
    expect(house.secrets.list('shop')).toMatchObject([{ usedBy: ['web'], variableOf: ['web'] }])
    expect(house.vault.valueOf('shop', 'db').toString()).toBe('first-value')
    const rotated = (afterwards: string) => house.secrets.put('shop', 'db', requestOf('x', { afterwards }), CALLER)
    expect((await rejectionOf(rotated('SIGHUP'))).code).toBe('conflict')
    expect(house.vault.valueOf('shop', 'db').toString()).toBe('first-value')
    expect(await rotated('restart')).toMatchObject({ deployment: 'd-1' })
    expect(house.asked).toMatchObject([['restart', { services: ['web'] }, ['web']]])
  })

  test('is rotated only where there is one, and made only where there is none', async () => {
    const { secrets } = aHouse()
    const put = (which: string) => secrets.put('shop', 'db', requestOf('x', { which }), CALLER)
    expect((await rejectionOf(put('replace'))).code).toBe('secret-not-found')
    await put('create')
    expect((await rejectionOf(put('create'))).code).toBe('conflict')
  })

  test('stays while a service uses it, and is gone from memory when it goes', async () => {
    const house = aHouse()
    withUser(house)
    for (const name of ['db', 'spare']) await house.secrets.put('shop', name, requestOf('x'), CALLER)
    expect(problemOf(() => house.secrets.remove('shop', 'db')).message).toBe('secret db is used by web')
    const path = house.vault.pathOf('shop', 'spare')
    house.secrets.remove('shop', 'spare')
    expect(existsSync(path)).toBe(false)
    expect(problemOf(() => house.vault.pathOf('shop', 'spare'))).toMatchObject({
      code: 'secret-not-found',
      hint: expect.stringContaining('secret set spare'),
    })
  })

  test.each(['../x', '.x', '', 'a/b', 'a b'])('has a name that is none of "%s"', (name) => {
    expect(Name.safeParse(name).success).toBe(false)
  })
})

describe('after a boot', () => {
  test('memory is filled again, and what is no longer there goes', async () => {
    const house = aHouse()
    await house.secrets.put('shop', 'db', requestOf('the-value-of-it'), CALLER)
    const path = house.vault.pathOf('shop', 'db')
    rmSync(house.root, { recursive: true })
    expect(house.aVault().fill()).toBe(1)
    expect(readFileSync(path, 'utf8')).toBe('the-value-of-it')
    house.store.transaction(() => house.store.secrets.remove('shop', 'db'))
    await house.secrets.put('shop', 'other', requestOf('y'), CALLER)
    house.aVault().fill()
    expect(existsSync(path)).toBe(false)
  })

  test('a key that is not the right one is told, and nothing is written', async () => {
    const house = aHouse()
    await house.secrets.put('shop', 'db', requestOf('the-value-of-it'), CALLER)
    rmSync(house.root, { recursive: true })
    expect(problemOf(() => house.aVault(2).fill())).toMatchObject({ code: 'state-damaged' })
    expect(existsSync(house.vault.pathOf('shop', 'db'))).toBe(false)
  })
})

describe('the folder in memory', () => {
  test('is one of this user alone, and no link', () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'open'))
    chmodSync(join(folder, 'open'), 0o755)
    symlinkSync(temporaryFolder(), join(folder, 'link'))
    for (const name of ['open', 'link'])
      expect(problemOf(() => new MemoryFolder(join(folder, name), 'i')).code).toBe('conflict')
  })

  test('is looked for by what the file system is', () => {
    expect(inMemory(['/proc/none', '/dev/shm/evenkeel/deep'])).toBe('/dev/shm/evenkeel/deep')
    expect(inMemory(['/proc'])).toBeUndefined()
  })
})
