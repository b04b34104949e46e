import { existsSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { heal } from '../../../daemon/reconcile/heal.ts'
import { rebuild, rebuildReport } from '../../../daemon/storage/rebuild.ts'
import { openStore } from '../../../daemon/store/store.ts'
import { AT, aBench, deploy, up } from '../support/core.ts'
import { FakeEngine } from '../support/fake-engine.ts'
import { rejectionOf } from '../support/problems.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const NOW = new Date('2026-02-03T04:05:06.000Z')

const labelsOf = (instance: string, service: string, revision: string) => ({
  'dev.evenkeel.instance': instance,
  'dev.evenkeel.stack': 'shop',
  'dev.evenkeel.service': service,
  'dev.evenkeel.revision': revision,
  'dev.evenkeel.recreate': '2',
  'dev.evenkeel.restart': 'nonsense',
  'com.docker.compose.project': 'shop',
  'com.docker.compose.service': service,
})

async function anEngine(instance: string) {
  const engine = new FakeEngine().asEngine()
  for (const [name, revision] of [
    ['web', '6'],
    ['web', '7'],
    ['db', '3'],
  ] as const) {
    const { Id } = await engine.containers.create(
      { name: `${name}-${revision}` },
      { Image: 'x', Labels: labelsOf(instance, name, revision) },
    )
    if (name === 'web') await engine.containers.start(Id)
  }
  const Labels = { 'dev.evenkeel.instance': instance, 'dev.evenkeel.stack': 'shop' }
  await engine.volumes.create({ Name: 'shop_data', Labels })
  return engine
}

function aDamagedState() {
  const folder = temporaryFolder()
  const store = openStore(folder)
  const { instance } = store
  store.close()
  truncateSync(join(folder, 'state.db'), 5000)
  return { folder, instance }
}

describe('a damaged state', () => {
  test('is kept aside, and rebuilt as far as labels go, under the same identity', async () => {
    const { folder, instance } = aDamagedState()
    const rebuilt = await rebuild(folder, await anEngine(instance), NOW)
    expect(rebuilt.aside).toBe(join(folder, 'state.db.damaged-20260203-040506'))
    expect(existsSync(rebuilt.aside!)).toBe(true)
    const store = openStore(folder)
    expect(store.instance).toBe(instance)
    expect(store.stacks.find('shop')).toMatchObject({ presence: 'present', revision: 7, condition: 'blocked' })
    expect(store.stacks.services('shop')).toMatchObject([
      { service: 'db', revision: 3, run: 'stopped', recreate: 2, restart: 0 },
      { service: 'web', revision: 7, run: 'running', recreate: 2, restart: 0 },
    ])
    expect(store.memory.all('shop', 'volume')).toEqual({ shop_data: true })
    store.close()
    expect(rebuildReport(rebuilt)).toContain(
      '- shop, revision 7: db (1 container(s), stopped), web (2 container(s), running)',
    )
  })

  test('that is not one is left as it is', async () => {
    const folder = temporaryFolder()
    openStore(folder).close()
    const before = readdirSync(folder)
    expect((await rejectionOf(rebuild(folder, await anEngine('x'), NOW))).message).toContain('is not damaged')
    expect(readdirSync(folder)).toEqual(before)
  })

  test('whose identity is lost as well takes that of the only daemon that the Engine knows', async () => {
    const { folder, instance } = aDamagedState()
    rmSync(join(folder, 'instance'))
    expect((await rebuild(folder, await anEngine(instance), NOW)).instance).toBe(instance)
  })

  test('is not guessed at: with several daemons somebody has to say which, and nothing is moved', async () => {
    const { folder, instance } = aDamagedState()
    rmSync(join(folder, 'instance'))
    const engine = await anEngine(instance)
    await engine.containers.create({ name: 'other' }, { Image: 'x', Labels: labelsOf('another', 'web', '1') })
    const { message, hint } = await rejectionOf(rebuild(folder, engine, NOW))
    expect(message).toContain(instance)
    expect(hint).toContain(join(folder, 'instance'))
    expect(readdirSync(folder)).not.toContain('state.db.damaged-20260203-040506')
    writeFileSync(join(folder, 'instance'), `${instance}\n`)
    expect((await rebuild(folder, engine, NOW)).stacks).toHaveLength(1)
  })

  test('that is gone altogether is rebuilt too', async () => {
    const { folder, instance } = aDamagedState()
    rmSync(join(folder, 'state.db'))
    expect(await rebuild(folder, await anEngine(instance), NOW)).toMatchObject({
      aside: undefined,
      damage: 'the file is not there',
    })
  })
})

describe('a stack whose definition was lost', () => {
  async function aLostStack() {
    const bench = aBench()
    const { store } = bench.core
    store.stacks.save({
      name: 'shop',
      presence: 'present',
      revision: 7,
      disabled: [],
      condition: 'blocked',
      reason: 'x',
      updatedAt: AT,
    })
    store.stacks.saveService('shop', {
      service: 'web',
      revision: 7,
      run: 'running',
      scale: undefined,
      recreate: 0,
      restart: 0,
      outdated: 'replace',
    })
    const { Id } = await bench.core.engine.containers.create(
      { name: 'shop-web-1' },
      { Image: 'x', Labels: labelsOf(store.instance, 'web', '7') },
    )
    await bench.core.engine.containers.start(Id)
    bench.engine.calls.length = 0
    return bench
  }

  test('is not touched by the loop, which says what to do', async () => {
    const bench = await aLostStack()
    expect(await heal(bench.core, 'shop', new AbortController().signal)).toBe('steady')
    expect(bench.engine.calls).toEqual([])
    expect(bench.core.store.stacks.find('shop')).toMatchObject({ condition: 'blocked' })
    expect(bench.core.store.stacks.find('shop')?.reason).toContain('evenkeel up')
  })

  test('is not touched by a request for a part of it', async () => {
    const bench = await aLostStack()
    const { aModel, aRevision } = await import('../support/core.ts')
    bench.engine.addImage('db:1')
    bench.core.store.revisions.add(aRevision(8, aModel({ db: {} })))
    const { state, error } = await deploy(bench, up(8, { services: ['db'] }))
    expect({ state, code: error?.code }).toEqual({ state: 'failed', code: 'stack-blocked' })
    expect(bench.engine.calls).toEqual([])
  })
})
