import { describe, expect, test, vi } from 'vitest'
import type { ContainerInspect } from '../../../daemon/engine/types.ts'
import { heal } from '../../../daemon/reconcile/heal.ts'
import { isStopSignal, signalName } from '../../../daemon/reconcile/stop-signals.ts'
import {
  aModel,
  aRevision,
  aRunningStack,
  type Bench,
  deploy,
  operation,
  scale,
  services,
  up,
} from '../support/core.ts'
import { refused } from '../support/fake-engine.ts'

const ALWAYS = { restart: 'always' }
const runOf = ({ core }: Bench, service = 'web') =>
  core.store.stacks.services('shop').find((state) => state.service === service)?.run
const stateOf = ({ engine }: Bench, name = 'shop-web-1') => engine.find(name)?.state

/** The loop looks until it has nothing to do; answers what it did. */
async function settled(bench: Bench): Promise<string[]> {
  bench.engine.calls.length = 0
  for (let looks = 0; looks < 5; looks += 1) {
    if ((await heal(bench.core, 'shop', new AbortController().signal)) === 'steady') return [...bench.engine.calls]
  }
  throw new Error(`it does not settle: ${bench.engine.calls.join(', ')}`)
}

const rm = (bench: Bench, ...names: string[]) =>
  deploy(bench, {
    kind: 'remove',
    options: {
      services: [],
      containers: names.map((name) => bench.engine.find(name)!.id),
      anonymousVolumes: 'keep',
    },
  })

describe('kill', () => {
  test('is a stop: what it ends stays down, also where its policy is always', async () => {
    const bench = await aRunningStack({ web: ALWAYS })
    await deploy(bench, operation('kill'))
    expect(bench.engine.calls).toEqual(['kill shop-web-1 SIGKILL'])
    expect(await settled(bench)).toEqual([])
    expect([runOf(bench), stateOf(bench)]).toEqual(['stopped', 'exited'])
  })

  test('of a signal that a program lets pass leaves it running, and the loop does too', async () => {
    const bench = await aRunningStack({ web: ALWAYS })
    bench.engine.deadly.delete('SIGTERM')
    await deploy(bench, operation('kill', { signal: 'SIGTERM' }))
    expect(await settled(bench)).toEqual([])
    expect(stateOf(bench)).toBe('running')
    bench.engine.find('shop-web-1')!.state = 'exited'
    expect(await settled(bench)).toEqual([])
  })

  test('whose answer a crash kept from us is seen to by the loop: the signal may not have got there', async () => {
    const bench = await aRunningStack({ web: ALWAYS })
    let hear = (): void => {}
    Object.assign(bench.core.engine.containers, {
      kill: () =>
        new Promise<void>((resolve) => {
          hear = resolve
        }),
    })
    const killed = deploy(bench, operation('kill', { signal: 'SIGTERM' }))
    const { memory } = bench.core.store
    await vi.waitFor(() => expect(Object.values(memory.all('shop', 'signalled'))).toEqual(['begun']))
    expect(await settled(bench)).toEqual(['stop shop-web-1'])
    hear()
    await killed
  })

  test('that was heard to have ended a container which an older list calls running does not keep an up from it', async () => {
    const bench = await aRunningStack()
    const { id } = bench.engine.find('shop-web-1')!
    bench.core.store.memory.set('shop', 'signalled', id, 'ended')
    await deploy(bench, up(1))
    expect(bench.engine.calls).toEqual(['stop shop-web-1', 'start shop-web-1'])
    expect(bench.core.store.memory.all('shop', 'signalled')).toEqual({})
  })

  test('that ends a container while the loop looks is not seen to once more', async () => {
    const bench = await aRunningStack({ web: ALWAYS })
    bench.engine.deadly.delete('SIGTERM')
    await deploy(bench, operation('kill', { signal: 'SIGTERM' }))
    const { containers } = bench.core.engine
    const { list } = containers
    let lists = 0
    Object.assign(containers, {
      list: async (...query: Parameters<typeof list>) => {
        const before = await list(...query)
        lists += 1
        if (lists > 1) return before
        const web = bench.engine.find('shop-web-1')!
        web.state = 'exited'
        bench.core.store.memory.set('shop', 'signalled', web.id, 'ended')
        return before
      },
    })
    expect(await settled(bench)).toEqual([])
    expect(lists).toBeGreaterThan(1)
    expect(bench.core.store.memory.all('shop', 'signalled')).toEqual({})
  })

  test('of another signal changes nothing that is meant', async () => {
    const bench = await aRunningStack({ web: ALWAYS })
    await deploy(bench, operation('kill', { signal: 'SIGHUP' }))
    expect([runOf(bench), stateOf(bench)]).toEqual(['running', 'running'])
    bench.engine.find('shop-web-1')!.state = 'exited'
    expect(await settled(bench)).toEqual(['start shop-web-1'])
  })

  test('is undone by start and by up', async () => {
    for (const request of [services('start'), up(1)]) {
      const bench = await aRunningStack()
      await deploy(bench, operation('kill'))
      await deploy(bench, request)
      expect([runOf(bench), stateOf(bench)]).toEqual(['running', 'running'])
      expect(bench.core.store.memory.all('shop', 'signalled')).toEqual({})
    }
  })

  test('of a container that has ended by itself is no error', async () => {
    const bench = await aRunningStack()
    const { kill } = bench.core.engine.containers
    Object.assign(bench.core.engine.containers, {
      kill: async (id: string, signal: string) => {
        bench.engine.find('shop-web-1')!.state = 'exited'
        return kill(id, signal)
      },
    })
    expect((await deploy(bench, operation('kill'))).state).toBe('succeeded')
  })

  test('needs no image: one that is gone does not keep it', async () => {
    const bench = await aRunningStack()
    bench.engine.images.clear()
    expect((await deploy(bench, operation('kill'))).state).toBe('succeeded')
  })
})

describe('pause', () => {
  test('lasts: the loop neither unpauses nor starts, and pauses again what runs', async () => {
    const bench = await aRunningStack({ web: ALWAYS, db: {} })
    await deploy(bench, operation('pause', { services: ['web'] }))
    expect(await settled(bench)).toEqual([])
    expect([stateOf(bench), stateOf(bench, 'shop-db-1')]).toEqual(['paused', 'running'])
    bench.engine.find('shop-web-1')!.state = 'running'
    expect(await settled(bench)).toEqual(['pause shop-web-1'])
  })

  test('of what is paused already is done', async () => {
    const bench = await aRunningStack()
    await deploy(bench, operation('pause'))
    expect((await deploy(bench, operation('pause'))).state).toBe('succeeded')
    expect(bench.engine.calls).toEqual(['pause shop-web-1'])
  })

  test('does not turn a stopped service into a paused one', async () => {
    const bench = await aRunningStack()
    await deploy(bench, services('stop'))
    await deploy(bench, operation('pause'))
    expect(runOf(bench)).toBe('stopped')
  })

  test('ends with unpause, which starts nothing that has ended', async () => {
    const bench = await aRunningStack({ web: {}, job: {} })
    bench.engine.find('shop-job-1')!.state = 'exited'
    await deploy(bench, operation('pause'))
    await deploy(bench, operation('unpause'))
    expect(await settled(bench)).toEqual([])
    expect([stateOf(bench), stateOf(bench, 'shop-job-1')]).toEqual(['running', 'exited'])
    expect(runOf(bench)).toBe('running')
  })
})

test('an unpause that fails leaves nothing behind that starts what has ended', async () => {
  const bench = await aRunningStack({ web: {}, job: {} })
  bench.engine.find('shop-job-1')!.state = 'exited'
  await deploy(bench, operation('pause'))
  const { networks } = bench.core.engine
  const { list } = networks
  Object.assign(networks, { list: () => Promise.reject(refused('list', 500, 'just now it cannot be told')) })
  expect((await deploy(bench, operation('unpause'))).state).toBe('failed')
  Object.assign(networks, { list })
  expect(await settled(bench)).toEqual(['unpause shop-web-1'])
})

describe('rm', () => {
  test('takes a stopped container, and it stays away until up or start', async () => {
    for (const request of [services('start'), up(1), scale({ web: 1 })]) {
      const bench = await aRunningStack({ web: ALWAYS })
      bench.engine.find('shop-web-1')!.state = 'exited'
      await rm(bench, 'shop-web-1')
      expect(await settled(bench)).toEqual([])
      expect(bench.engine.containers.size).toBe(0)
      await deploy(bench, request)
      expect(stateOf(bench)).toBe('running')
    }
  })

  test('leaves the replicas that run, and what brings others up does not bring it back', async () => {
    const bench = await aRunningStack({ web: { scale: 2 }, db: {} })
    bench.engine.find('shop-web-2')!.state = 'exited'
    await rm(bench, 'shop-web-2')
    await deploy(bench, services('start', { services: ['db'] }))
    await deploy(bench, services('restart'))
    expect(await settled(bench)).toEqual([])
    expect([stateOf(bench), stateOf(bench, 'shop-web-2')]).toEqual(['running', undefined])
  })

  test('of what a failed replacement left beside a container that runs leaves the replica kept', async () => {
    const bench = await aRunningStack({ web: ALWAYS })
    bench.core.store.revisions.add(aRevision(2, aModel({ web: { ...ALWAYS, environment: { A: '1' } } })))
    bench.engine.failures.set('stop shop-web-1', refused('stop', 500, 'just now it cannot'))
    expect((await deploy(bench, up(2))).state).toBe('failed')
    bench.engine.failures.clear()
    const leftover = [...bench.engine.containers.values()].find(({ state }) => state === 'created')!
    await rm(bench, leftover.name)
    expect(bench.engine.containers.size).toBe(1)
    await settled(bench)
    bench.engine.containers.clear()
    expect(await settled(bench)).toEqual(['create shop-web-1', 'start shop-web-1'])
  })

  test('of a container that runs by now takes nothing', async () => {
    const bench = await aRunningStack()
    await rm(bench, 'shop-web-1')
    expect(stateOf(bench)).toBe('running')
  })

  test('is forgotten with the stack', async () => {
    const bench = await aRunningStack()
    bench.engine.find('shop-web-1')!.state = 'exited'
    await rm(bench, 'shop-web-1')
    await deploy(bench, { kind: 'down', options: { services: [], volumes: 'keep', orphans: 'keep', images: 'keep' } })
    expect(bench.core.store.memory.all('shop', 'vacant')).toEqual({})
  })
})

describe('a signal', () => {
  test.each([
    ['9', 'KILL'],
    ['kill', 'KILL'],
    ['SIGKILL', 'KILL'],
    ['sigterm', 'TERM'],
    ['SIGRTMIN+3', 'RTMIN+3'],
    ['999', '999'],
  ])('%s is %s', (text, name) => expect(signalName(text)).toBe(name))

  test('means stop for a container whose stop signal it is', () => {
    const container = (StopSignal?: string) => ({ Config: { StopSignal } as unknown as ContainerInspect['Config'] })
    expect(isStopSignal('QUIT', container('SIGQUIT'))).toBe(true)
    expect(isStopSignal('3', container('SIGQUIT'))).toBe(true)
    expect(isStopSignal('HUP', container('SIGQUIT'))).toBe(false)
    expect(isStopSignal('QUIT', container())).toBe(false)
  })
})
