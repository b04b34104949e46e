import { describe, expect, test } from 'vitest'
import { heal } from '../../../daemon/reconcile/heal.ts'
import { aBench, aRunningStack, type Bench, deploy, down, services } from '../support/core.ts'
import { refused } from '../support/fake-engine.ts'

const NONE = new AbortController().signal
const healed = (bench: Bench) => heal(bench.core, 'shop', NONE)
const DATA = { volumes: [{ type: 'volume' as const, source: 'data', target: '/d' }] }
const conditionOf = ({ core }: Bench) => core.store.stacks.find('shop')

describe('the loop by itself', () => {
  test('has nothing to do with a stack that is not known', async () => {
    expect(await healed(aBench())).toBe('steady')
  })

  test('leaves a stack alone that is as declared', async () => {
    const bench = await aRunningStack()
    expect(await healed(bench)).toBe('steady')
    expect(bench.engine.calls).toEqual([])
  })

  test('makes a container again that somebody removed', async () => {
    const bench = await aRunningStack()
    bench.engine.containers.clear()
    expect(await healed(bench)).toBe('changed')
    expect(bench.engine.calls).toEqual(['create shop-web-1', 'start shop-web-1'])
    expect(await healed(bench)).toBe('steady')
  })

  test('keeps what it did as a deployment of its own', async () => {
    const bench = await aRunningStack()
    bench.engine.containers.clear()
    await healed(bench)
    expect(bench.core.store.deployments.list('shop', 1)).toMatchObject([
      { kind: 'heal', state: 'succeeded', requestedBy: 'evenkeel' },
    ])
  })

  test('starts what should run always, and leaves what has ended by its policy', async () => {
    const bench = await aRunningStack({ web: { restart: 'always' }, job: {} })
    for (const container of bench.engine.containers.values()) container.state = 'exited'
    await healed(bench)
    expect(bench.engine.calls).toEqual(['start shop-web-1'])
  })

  test('leaves stopped what was stopped', async () => {
    const bench = await aRunningStack({ web: { restart: 'always' } })
    await deploy(bench, services('stop'))
    bench.engine.calls.length = 0
    expect(await healed(bench)).toBe('steady')
    expect(bench.engine.calls).toEqual([])
  })

  test('is blocked by a volume that goes between its look and its create call, and has no empty one made', async () => {
    const bench = await aRunningStack({ db: DATA }, { volumes: { data: { name: 'shop_data' } } })
    bench.engine.containers.clear()
    const { volumes } = bench.core.engine
    const { list } = volumes
    Object.assign(volumes, {
      list: async (...query: Parameters<typeof list>) => {
        const found = await list(...query)
        bench.engine.volumes.clear()
        return found
      },
    })
    expect(await healed(bench)).toMatchObject({ failed: { problem: { code: 'stack-blocked' } } })
    expect(bench.engine.calls).toEqual([])
    const reason = 'volume shop_data existed and is gone'
    expect(conditionOf(bench)).toMatchObject({ condition: 'blocked', reason })
  })

  test('is blocked by a volume that is gone, and touches nothing', async () => {
    const bench = await aRunningStack({ db: DATA }, { volumes: { data: { name: 'shop_data' } } })
    bench.engine.volumes.clear()
    bench.engine.containers.clear()
    expect(await healed(bench)).toBe('steady')
    expect(bench.engine.calls).toEqual([])
    expect(conditionOf(bench)).toMatchObject({ condition: 'blocked' })
    expect(conditionOf(bench)?.reason).toContain('volume shop_data existed and is gone')
  })

  test('answers what failed, and the stack says so', async () => {
    const bench = await aRunningStack()
    bench.engine.containers.clear()
    bench.engine.failures.set('start shop-web-1', refused('start', 500, 'no such device'))
    expect(await healed(bench)).toMatchObject({
      failed: { problem: { code: 'engine-error', message: 'no such device' }, attempt: 1 },
    })
    expect(conditionOf(bench)).toMatchObject({ condition: 'failed', reason: 'no such device' })
  })

  const TASK_LEFT = `task ${'ab'.repeat(32)}: already exists`

  const KEPT = { 'x-evenkeel': { unhealthy: 'report' as const } }
  const SHIM_LEFT = `failed to start shim: mkdir /run/containerd/io.containerd.runtime.v2.task/moby/${'ab'.repeat(32)}: file exists: unknown`

  test.each([
    ['that never ran', 'created', TASK_LEFT, KEPT],
    ['that never ran', 'created', SHIM_LEFT, KEPT],
    ['that has run, and may be made anew', 'exited', TASK_LEFT, {}],
  ] as const)(
    'makes another in place of one that the Engine died in starting, and %s (%s: %s)',
    async (_, state, words, healing) => {
      const bench = await aRunningStack({ web: { restart: 'always', ...healing } })
      Object.assign(bench.engine.find('shop-web-1')!, { state, exitCode: 137 })
      bench.engine.failures.set('start shop-web-1', refused('start', 500, words))
      expect(await healed(bench)).toMatchObject({ failed: { problem: { code: 'stack-blocked' } } })
      expect(bench.engine.calls).toEqual(['start shop-web-1'])
      bench.engine.failures.clear()
      bench.engine.calls.length = 0
      expect(await healed(bench)).toBe('changed')
      expect(bench.engine.calls).toContain('remove shop-web-1')
      expect(bench.engine.find('shop-web-1')).toMatchObject({ state: 'running' })
      expect(await healed(bench)).toBe('steady')
      expect(bench.core.store.memory.all('shop', 'unstartable')).toEqual({})
    },
  )

  test('leaves one that may run, unknown to the Engine', async () => {
    const bench = await aRunningStack()
    Object.assign(bench.engine.find('shop-web-1')!, { state: 'created' })
    bench.engine.failures.set('start shop-web-1', refused('start', 500, 'id already in use'))
    const blocked = { failed: { problem: { code: 'stack-blocked', hint: expect.stringContaining('restart docker') } } }
    expect(await healed(bench)).toMatchObject(blocked)
    expect(await healed(bench)).toMatchObject(blocked)
    expect(bench.engine.calls).toEqual(['start shop-web-1', 'start shop-web-1'])
  })

  test('leaves one that has run and is not to be made anew. The stack is blocked, with the way out', async () => {
    const bench = await aRunningStack({ web: { restart: 'always', ...KEPT } })
    Object.assign(bench.engine.find('shop-web-1')!, { state: 'exited', exitCode: 137 })
    bench.engine.failures.set('start shop-web-1', refused('start', 500, TASK_LEFT))
    const blocked = {
      failed: { problem: { code: 'stack-blocked', hint: expect.stringContaining('--force-recreate') } },
    }
    expect(await healed(bench)).toMatchObject(blocked)
    expect(await healed(bench)).toMatchObject(blocked)
    expect(bench.engine.calls).toEqual(['start shop-web-1', 'start shop-web-1'])
    expect(conditionOf(bench)).toMatchObject({ condition: 'blocked', reason: expect.stringContaining(TASK_LEFT) })
  })

  test('calls a failed stack steady once nothing of it ails any more', async () => {
    const bench = await aRunningStack()
    bench.core.store.stacks.setCondition('shop', 'failed', 'it crashed', 'before')
    await healed(bench)
    expect(conditionOf(bench)).toMatchObject({ condition: 'steady', reason: undefined })
  })

  test('calls it failed for as long as one of its containers shows it', async () => {
    const bench = await aRunningStack()
    bench.core.store.stacks.setCondition('shop', 'failed', 'it crashed', 'before')
    Object.assign(bench.engine.find('shop-web-1')!, { state: 'exited', exitCode: 1 })
    await healed(bench)
    expect(conditionOf(bench)).toMatchObject({ condition: 'failed', reason: 'it crashed' })
  })

  test('keeps a stack down that was taken down', async () => {
    const bench = await aRunningStack()
    await deploy(bench, down())
    expect(await healed(bench)).toBe('steady')
    expect(conditionOf(bench)?.condition).toBe('absent')
  })

  test('does not take a network for removed that others are still on: it backs off', async () => {
    const bench = await aRunningStack()
    bench.engine.networksOfOthers.add('shop_default')
    await deploy(bench, down())
    expect(await healed(bench)).toMatchObject({ code: 'engine-error' })
  })

  test('leaves a stack down whose network others are still on', async () => {
    const bench = await aRunningStack()
    bench.engine.networksOfOthers.add('shop_default')
    expect((await deploy(bench, down())).state).toBe('succeeded')
    await healed(bench)
    expect(conditionOf(bench)?.condition).toBe('absent')
  })

  test('does not restart what a restart has just started', async () => {
    const bench = await aRunningStack()
    await deploy(bench, services('stop'))
    await deploy(bench, services('restart'))
    bench.engine.calls.length = 0
    await healed(bench)
    expect(bench.engine.calls).toEqual([])
  })

  test('knows a volume as once there although the daemon died while it was made', async () => {
    const bench = await aRunningStack({ db: DATA }, { volumes: { data: { name: 'shop_data' } } })
    bench.engine.volumes.clear()
    bench.core.store.memory.forget('shop', 'volume', 'shop_data')
    bench.engine.failures.set('create volume shop_data', refused('create', 500, 'the daemon died here'))
    await healed(bench)
    expect(bench.core.store.memory.all('shop', 'volume')).toHaveProperty('shop_data')
  })
})

const ILL = { health: 'unhealthy', failingStreak: 3 } as const

test('a container whose check fails is made anew, and not one that was paused and was not asked again yet', async () => {
  const bench = await aRunningStack()
  const web = bench.engine.find('shop-web-1')!
  Object.assign(web, { ...ILL, failingStreak: 2 })
  expect(await healed(bench)).toBe('steady')
  expect(bench.engine.calls).toEqual([])
  Object.assign(web, ILL)
  expect(await healed(bench)).toBe('changed')
  expect(bench.engine.containers.has(web.id)).toBe(false)
})

test('a replacement that is cut short leaves nothing down: what it stopped runs again', async () => {
  const bench = await aRunningStack()
  Object.assign(bench.engine.find('shop-web-1')!, ILL)
  bench.engine.failures.set('remove shop-web-1', refused('remove', 500, 'not now'))
  expect(await healed(bench)).toMatchObject({ failed: { problem: { code: 'engine-error' } } })
  expect(bench.engine.find('shop-web-1')?.state).toBe('exited')
  bench.engine.failures.clear()
  await healed(bench)
  expect(bench.engine.find('shop-web-1')?.state).toBe('running')
  expect(bench.engine.containers.size).toBe(1)
})
