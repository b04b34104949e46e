import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { extract, pack } from 'tar-stream'
import { describe, expect, test } from 'vitest'
import { backUp } from '../../../daemon/storage/backup.ts'
import { restore, restoreReport } from '../../../daemon/storage/restore.ts'
import { openStore } from '../../../daemon/store/store.ts'
import { AT, aModel, aRevision } from '../support/core.ts'
import { rejectionOf } from '../support/problems.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const NOW = new Date('2026-02-03T04:05:06.000Z')
const DIGEST = 'a'.repeat(64)

/** A state with a stack, a request under way, and a secret; and its backup as a file. */
async function aBackup(edit: (entries: Map<string, Buffer>) => void = () => {}) {
  const folder = temporaryFolder()
  const store = openStore(folder)
  store.revisions.add(aRevision(1, aModel({ web: {} })))
  store.stacks.save({
    name: 'shop',
    presence: 'present',
    revision: 1,
    disabled: [],
    condition: 'steady',
    reason: undefined,
    updatedAt: AT,
  })
  const row = { stack: 'shop', kind: 'up', revision: 1, requestedBy: 'me', request: {}, createdAt: AT } as const
  store.deployments.add({ ...row, id: 'ended', state: 'queued' })
  store.deployments.end('ended', { state: 'succeeded', at: AT, error: undefined, warnings: [] })
  store.deployments.add({ ...row, id: 'open', state: 'queued' })
  mkdirSync(join(folder, 'files'))
  writeFileSync(join(folder, 'files', DIGEST), 's3cret')
  chmodSync(join(folder, 'files', DIGEST), 0o440)
  writeFileSync(join(folder, 'files', `${DIGEST}.12`), 'half')
  const tar = await buffer(await backUp(store, folder, '1.2.3'))
  const { instance } = store
  store.close()
  const file = join(temporaryFolder(), 'backup.tar')
  writeFileSync(file, await edited(tar, edit))
  return { file, folder, instance }
}

async function edited(tar: Buffer, edit: (entries: Map<string, Buffer>) => void): Promise<Buffer> {
  const entries = new Map<string, Buffer>()
  const modes = new Map<string, number | undefined>()
  const reader = extract()
  reader.end(tar)
  for await (const entry of reader) {
    modes.set(entry.header.name, entry.header.mode)
    entries.set(entry.header.name, await buffer(entry as unknown as Readable))
  }
  edit(entries)
  const again = pack()
  for (const [name, bytes] of entries) again.entry({ name, mode: modes.get(name) ?? 0o644 }, bytes)
  again.finalize()
  return buffer(again as unknown as Readable)
}

describe('a backup', () => {
  test('holds the database, the contents of files with their modes, and what is whole', async () => {
    const names: string[] = []
    const { folder } = await aBackup((entries) => names.push(...entries.keys()))
    expect(names).toEqual(['evenkeel-backup.json', 'state.db', `files/${DIGEST}`])
    expect(readdirSync(join(folder, 'backup'))).toEqual([])
  })

  test('is restored into another folder: the same stacks and history, and the same identity', async () => {
    const { file, instance } = await aBackup()
    const folder = join(temporaryFolder(), 'new')
    const restored = await restore(folder, file, NOW)
    expect(restored).toMatchObject({ stacks: ['shop'], cancelled: ['shop (up)'], aside: undefined })
    const store = openStore(folder)
    expect(store.instance).toBe(instance)
    expect(store.revisions.find('shop', 1)?.model.services.web?.image).toBe('web:1')
    expect(store.deployments.find('ended')?.state).toBe('succeeded')
    expect(store.deployments.find('open')?.state).toBe('cancelled')
    expect(store.deployments.next('shop')).toBeUndefined()
    store.close()
    expect(readFileSync(join(folder, 'files', DIGEST), 'utf8')).toBe('s3cret')
    expect(statSync(join(folder, 'files', DIGEST)).mode & 0o777).toBe(0o440)
    expect(readdirSync(folder).filter((name) => name.startsWith('restore-'))).toEqual([])
    expect(restoreReport(restored)).toContain(`No other daemon may run on this state (instance ${instance})`)
  })

  test('takes the place of a state, which is kept aside', async () => {
    const { file } = await aBackup()
    const folder = temporaryFolder()
    const before = openStore(folder)
    before.close()
    const { aside } = await restore(folder, file, NOW)
    expect(aside).toBe(join(folder, 'state.db.before-restore-20260203-040506'))
    expect(existsSync(aside!)).toBe(true)
  })

  test('is not restored beside a daemon', async () => {
    const { file, folder } = await aBackup()
    const store = openStore(folder)
    expect((await rejectionOf(restore(folder, file, NOW))).code).toBe('state-folder-in-use')
    store.close()
  })
})

describe('what is no whole backup changes nothing', () => {
  test.each<[string, (entries: Map<string, Buffer>) => void]>([
    ['a path out of the folder', (entries) => entries.set('../evil', Buffer.from('x'))],
    ['no manifest', (entries) => entries.delete('evenkeel-backup.json')],
    ['no database', (entries) => entries.delete('state.db')],
    ['another database', (entries) => entries.set('state.db', Buffer.alloc(4096, 1))],
    ['a manifest that is none', (entries) => entries.set('evenkeel-backup.json', Buffer.from('{'))],
  ])('%s', async (_, edit) => {
    const { file } = await aBackup(edit)
    const folder = temporaryFolder()
    expect((await rejectionOf(restore(folder, file, NOW))).code).toBe('archive-damaged')
    expect(readdirSync(folder).filter((name) => !name.startsWith('lock.db'))).toEqual([])
  })

  test('one that is cut off', async () => {
    const { file } = await aBackup()
    writeFileSync(file, readFileSync(file).subarray(0, -2048))
    expect((await rejectionOf(restore(temporaryFolder(), file, NOW))).code).toBe('archive-damaged')
  })

  test('one of a newer daemon', async () => {
    const { file } = await aBackup((entries) => {
      const manifest = JSON.parse(entries.get('evenkeel-backup.json')!.toString())
      entries.set('evenkeel-backup.json', Buffer.from(JSON.stringify({ ...manifest, schema: 9999 })))
    })
    expect((await rejectionOf(restore(temporaryFolder(), file, NOW))).code).toBe('unsupported')
  })

  test('a file that is not there', async () => {
    expect((await rejectionOf(restore(temporaryFolder(), '/nowhere/b.tar', NOW))).code).toBe('bad-request')
  })
})
