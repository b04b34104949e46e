import { describe, expect, test, vi } from 'vitest'
import { NO_CREDENTIALS } from '../../../daemon/reconcile/credentials.ts'
import { DeploymentRun } from '../../../daemon/reconcile/run-deployment.ts'
import { Problem } from '../../../protocol/problems.ts'
import type { Step } from '../../../protocol/resources/deployment.ts'
import {
  aBench,
  aModel,
  aRevision,
  aRunningStack,
  deploy,
  down,
  queue,
  runNext,
  scale,
  services,
  up,
} from '../support/core.ts'
import { refused } from '../support/fake-engine.ts'
import { needs } from '../support/stack-builders.ts'

describe('up', () => {
  test('of a new stack makes its network and its containers, and starts them', async () => {
    const bench = aBench()
    bench.engine.addImage('web:1')
    bench.core.store.revisions.add(aRevision(1, aModel({ web: {} })))
    expect(await deploy(bench, up(1))).toMatchObject({ state: 'succeeded', revision: 1 })
    expect(bench.engine.calls).toEqual(['create network shop_default', 'create shop-web-1', 'start shop-web-1'])
    expect(bench.core.store.stacks.find('shop')).toMatchObject({ condition: 'steady', presence: 'present' })
  })

  test('keeps each step with its times', async () => {
    const bench = await aRunningStack()
    const [deployment] = bench.core.store.deployments.list('shop', 1)
    expect(deployment?.steps.map((step) => [step.object, step.label])).toEqual([
      ['Network shop_default', 'Created'],
      ['Container shop-web-1', 'Created'],
      ['Container shop-web-1', 'Started'],
    ])
    expect(deployment?.steps.every((step) => step.startedAt !== undefined && step.endedAt !== undefined)).toBe(true)
  })

  test('of what is up does nothing', async () => {
    const bench = await aRunningStack()
    expect(await deploy(bench, up(1))).toMatchObject({ state: 'succeeded', steps: [] })
    expect(bench.engine.calls).toEqual([])
  })

  test('of a changed file replaces the container', async () => {
    const bench = await aRunningStack()
    bench.core.store.revisions.add(aRevision(2, aModel({ web: { environment: { A: '1' } } })))
    expect((await deploy(bench, up(2))).state).toBe('succeeded')
    expect(bench.engine.calls.map((call) => call.replace(/\.next-\S+/, '.next'))).toEqual([
      'create shop-web-1.next',
      'stop shop-web-1',
      'remove shop-web-1',
      'rename shop-web-1.next to shop-web-1',
      'start shop-web-1',
    ])
  })

  test('pulls what is missing first', async () => {
    const bench = aBench()
    bench.engine.registry.set('web:1', 'sha256:pulled')
    bench.core.store.revisions.add(aRevision(1, aModel({ web: {} })))
    await deploy(bench, up(1))
    expect(bench.engine.calls[0]).toBe('pull web:1')
    expect(bench.core.store.revisions.pins('shop', 1)).toEqual([
      { service: 'web', reference: 'web:1', imageId: 'sha256:pulled' },
    ])
  })

  test('that cannot have an image fails, and leaves the stack as it was', async () => {
    const bench = await aRunningStack()
    bench.core.store.revisions.add(aRevision(2, aModel({ web: { image: 'nowhere:1' } })))
    expect(await deploy(bench, up(2))).toMatchObject({ state: 'failed', error: { code: 'image-missing' } })
    expect(bench.engine.calls).toEqual(['pull nowhere:1'])
    expect(bench.core.store.stacks.services('shop')).toMatchObject([{ service: 'web', revision: 1 }])
  })

  test('of the same file whose tag moved makes a further revision, and keeps the older one at its image', async () => {
    const bench = await aRunningStack()
    bench.engine.addImage('web:1', 'sha256:newer')
    expect(await deploy(bench, up(1))).toMatchObject({ state: 'succeeded', revision: 2 })
    const { revisions, stacks } = bench.core.store
    expect(revisions.pins('shop', 1)).toMatchObject([{ imageId: 'sha256:web:1' }])
    expect(revisions.pins('shop', 2)).toMatchObject([{ imageId: 'sha256:newer' }])
    expect(stacks.services('shop')).toMatchObject([{ service: 'web', revision: 2 }])
    expect(bench.engine.calls).toContain('stop shop-web-1')
  })

  test('that the Engine refuses says so in the Engine’s words, and skips what follows', async () => {
    const bench = aBench()
    for (const image of ['db:1', 'web:1']) bench.engine.addImage(image)
    bench.engine.failures.set('start shop-db-1', refused('POST /containers/{id}/start', 500, 'no such device'))
    bench.core.store.revisions.add(aRevision(1, aModel({ db: {}, web: { depends_on: { db: needs() } } })))
    const deployment = await deploy(bench, up(1))
    expect(deployment).toMatchObject({ state: 'failed', error: { code: 'engine-error', detail: 'no such device' } })
    expect(deployment.steps.find((step) => step.id.includes('start-container web'))?.state).toBe('skipped')
    expect(bench.core.store.stacks.find('shop')).toMatchObject({ condition: 'failed', reason: 'no such device' })
  })

  test('of some services leaves the others at their revision', async () => {
    const bench = await aRunningStack({ web: {}, db: {} })
    const changed = { environment: { A: '1' } }
    bench.core.store.revisions.add(aRevision(2, aModel({ web: changed, db: changed })))
    await deploy(bench, up(2, { services: ['web'] }))
    expect(bench.engine.calls).not.toContain('stop shop-db-1')
    expect(bench.core.store.stacks.services('shop')).toMatchObject([
      { service: 'db', revision: 1 },
      { service: 'web', revision: 2 },
    ])
  })

  test('is blocked where a volume is to change, and says what to do', async () => {
    const spec = { volumes: [{ type: 'volume' as const, source: 'data', target: '/d' }] }
    const bench = await aRunningStack({ db: spec }, { volumes: { data: { name: 'shop_data' } } })
    const volumes = { data: { name: 'shop_data', driver_opts: { o: 'ro' } } }
    bench.core.store.revisions.add(aRevision(2, aModel({ db: spec }, { volumes })))
    expect(await deploy(bench, up(2))).toMatchObject({ state: 'failed', error: { code: 'stack-blocked' } })
    expect(bench.core.store.stacks.find('shop')?.condition).toBe('blocked')
    expect(bench.engine.calls).toEqual([])
  })
})

/** The last label of each object. */
const whatBecame = ({ steps }: { readonly steps: readonly Step[] }): Record<string, string> =>
  Object.fromEntries(steps.map(({ object, label }) => [object, label]))

describe('other requests', () => {
  test('stop stops, and start starts again', async () => {
    const bench = await aRunningStack()
    await deploy(bench, services('stop'))
    await deploy(bench, services('start'))
    expect(bench.engine.calls).toEqual(['stop shop-web-1', 'start shop-web-1'])
  })

  test('restart restarts, once', async () => {
    const bench = await aRunningStack()
    await deploy(bench, services('restart'))
    await deploy(bench, services('start'))
    expect(bench.engine.calls).toEqual(['stop shop-web-1', 'start shop-web-1'])
  })

  test('scale makes and removes replicas', async () => {
    const bench = await aRunningStack()
    await deploy(bench, scale({ web: 2 }))
    await deploy(bench, scale({ web: 1 }))
    expect(bench.engine.calls).toEqual([
      'create shop-web-2',
      'start shop-web-2',
      'stop shop-web-2',
      'remove shop-web-2',
    ])
  })

  test('down removes containers and networks, keeps volumes, and the stack is absent', async () => {
    const spec = { volumes: [{ type: 'volume' as const, source: 'data', target: '/d' }] }
    const bench = await aRunningStack({ db: spec }, { volumes: { data: { name: 'shop_data' } } })
    expect((await deploy(bench, down())).state).toBe('succeeded')
    // A container that has stopped keeps no network: the two removals do not wait for each other.
    const [first, ...removals] = bench.engine.calls
    expect(first).toBe('stop shop-db-1')
    expect(removals.sort()).toEqual(['remove network shop_default', 'remove shop-db-1'])
    expect(bench.core.store.stacks.find('shop')?.condition).toBe('absent')
    expect(bench.core.store.stacks.services('shop')).toEqual([])
  })

  test.each([
    ['networksOfOthers', 'network shop_default is still in use by containers that are not of this stack: it stays'],
    [
      'miscounted',
      'network shop_default stays: the Engine counts an endpoint on it that no container has. It counts anew when it starts; the network goes then',
    ],
  ] as const)('down says why a network stays: %s', async (kind, warning) => {
    const bench = await aRunningStack()
    bench.engine[kind].add('shop_default')
    const ended = await deploy(bench, down())
    expect(ended).toMatchObject({ state: 'succeeded', warnings: [warning] })
    expect(whatBecame(ended)['Network shop_default']).toBe('Resource is still in use')
  })

  test('down does not say of volumes and images that are still in use that they were removed', async () => {
    const spec = { volumes: [{ type: 'volume' as const, source: 'data', target: '/d' }] }
    const bench = await aRunningStack({ db: spec }, { volumes: { data: { name: 'shop_data' } } })
    const { volumes, images } = bench.core.engine
    const inUse = async () => {
      throw refused('remove', 409, 'in use')
    }
    Object.assign(volumes, { remove: inUse })
    Object.assign(images, { remove: inUse })
    const ended = await deploy(bench, down({ volumes: 'remove', images: 'all' }))
    expect(ended.state).toBe('succeeded')
    const stays = 'Resource is still in use'
    const removed = 'Removed'
    expect(whatBecame(ended)).toMatchObject({
      'Container shop-db-1': removed,
      'Network shop_default': removed,
      'Volume shop_data': stays,
      'Image db:1': stays,
    })
  })

  test('down leaves a volume that somebody protected after it was planned, and says so', async () => {
    const spec = { volumes: [{ type: 'volume' as const, source: 'data', target: '/d' }] }
    const bench = await aRunningStack({ db: spec }, { volumes: { data: { name: 'shop_data' } } })
    const { containers } = bench.core.engine
    const { stop } = containers
    Object.assign(containers, {
      stop: async (...call: Parameters<typeof stop>) => {
        bench.core.store.memory.set('shop', 'protected', 'shop_data', true)
        return stop(...call)
      },
    })
    const ended = await deploy(bench, down({ volumes: 'remove' }))
    expect(ended).toMatchObject({ state: 'succeeded', warnings: ['volume shop_data is protected and stays'] })
    expect(whatBecame(ended)['Volume shop_data']).toBe('Protected')
    expect(bench.engine.calls).not.toContain('remove volume shop_data')
  })

  test('down succeeds where the Engine does not say who is on a network that stays', async () => {
    const bench = await aRunningStack()
    bench.engine.miscounted.add('shop_default')
    const { containers } = bench.core.engine
    const { list } = containers
    Object.assign(containers, {
      list: async (...query: Parameters<typeof list>) => {
        if (query[0].filters?.network !== undefined) throw refused('list', 500, 'busy')
        return list(...query)
      },
    })
    const warnings = ['network shop_default is still in use by containers that are not of this stack: it stays']
    expect(await deploy(bench, down())).toMatchObject({ state: 'succeeded', warnings })
  })

  test('down --volumes removes them, and forgets that they were there', async () => {
    const spec = { volumes: [{ type: 'volume' as const, source: 'data', target: '/d' }] }
    const bench = await aRunningStack({ db: spec }, { volumes: { data: { name: 'shop_data' } } })
    await deploy(bench, down({ volumes: 'remove' }))
    expect(bench.engine.calls.at(-1)).toBe('remove volume shop_data')
    expect(bench.core.store.memory.all('shop', 'volume')).toEqual({})
  })

  test('a request for a stack that is down by the time it is carried out fails', async () => {
    const bench = await aRunningStack()
    queue(bench, down())
    queue(bench, services('restart'))
    await runNext(bench)
    expect(await runNext(bench)).toMatchObject({ state: 'failed', error: { code: 'stack-not-found' } })
  })
})

describe('a deployment that is cut short', () => {
  test('by a newer request ends as superseded', async () => {
    const bench = await aRunningStack()
    bench.core.store.revisions.add(aRevision(2, aModel({ web: { image: 'slow:1' } })))
    bench.engine.holdPulls()
    const abort = new AbortController()
    const run = deploy(bench, up(2), abort.signal)
    await vi.waitFor(() => expect(bench.engine.calls).toContain('pull slow:1'))
    abort.abort(new Problem('superseded', 'a newer request took the place of this one'))
    expect((await run).state).toBe('superseded')
    expect(bench.core.store.stacks.find('shop')?.condition).toBe('steady')
  })

  test('by the end of the daemon stays open, and goes on when the daemon is back', async () => {
    const bench = await aRunningStack()
    bench.core.store.revisions.add(aRevision(2, aModel({ web: { image: 'slow:1' } })))
    bench.engine.registry.set('slow:1', 'sha256:slow')
    bench.engine.holdPulls()
    const abort = new AbortController()
    const run = deploy(bench, up(2), abort.signal)
    await vi.waitFor(() => expect(bench.engine.calls).toContain('pull slow:1'))
    abort.abort(new Error('the daemon ends'))
    expect((await run).state).toBe('running')
    bench.engine.releasePulls()
    expect((await runNext(bench)).state).toBe('succeeded')
  })

  test('after it became the desired state is not made the desired state twice', async () => {
    const bench = await aRunningStack()
    const { store } = bench.core
    queue(bench, services('restart'))
    const row = store.deployments.next('shop')!
    bench.engine.failures.set('stop shop-web-1', new Problem('cancelled', 'the power went'))
    await new DeploymentRun(bench.core, row).run(new AbortController().signal)
    expect(store.stacks.services('shop')).toMatchObject([{ restart: 1 }])
    await new DeploymentRun(bench.core, { ...row, applied: true }).run(new AbortController().signal)
    expect(store.stacks.services('shop')).toMatchObject([{ restart: 1 }])
  })
})

test('credentials of a deployment are gone when it has ended', async () => {
  const bench = await aRunningStack()
  const id = queue(bench, up(1))
  const registryAuth = { 'docker.io': { serveraddress: 'docker.io', password: 's3cret' } }
  bench.core.credentials.set(id, { ...NO_CREDENTIALS, registryAuth })
  await runNext(bench)
  expect(bench.core.credentials.size).toBe(0)
})

describe('a service that a provider stands for', () => {
  const SERVICES = {
    db: { provider: { type: 'x' } },
    web: { depends_on: { db: { condition: 'service_healthy', required: true } as const } },
  }

  test('has no container, and nothing waits for it', async () => {
    const bench = await aRunningStack(SERVICES)
    expect([...bench.engine.containers.values()].map(({ name }) => name)).toEqual(['shop-web-1'])
    expect((await deploy(bench, up(1, { wait: 'ready' }))).state).toBe('succeeded')
  })

  test('is known by name', async () => {
    const bench = await aRunningStack(SERVICES)
    expect((await deploy(bench, services('restart', { services: ['db'] }))).state).toBe('succeeded')
    expect((await deploy(bench, scale({ db: 2 }))).state).toBe('succeeded')
    expect(bench.engine.containers.size).toBe(1)
  })
})
