import { describe, expect, test } from 'vitest'
import { heal } from '../../../daemon/reconcile/heal.ts'
import { StackContainers } from '../../../daemon/reconcile/stack-containers.ts'
import { CommitRequest } from '../../../protocol/resources/operations.ts'
import { aBench, aRunningStack, type Bench, deploy, services } from '../support/core.ts'
import { rejectionOf } from '../support/problems.ts'

const NONE = new AbortController().signal
const containersOf = ({ core }: Bench) => new StackContainers(core)
const namesOf = async (bench: Bench, ...wanted: string[]) =>
  (await containersOf(bench).select('shop', wanted, NONE)).map(({ Names }) => Names[0])

describe('containers of a stack', () => {
  test('come by service and number, all or those of some services', async () => {
    const bench = await aRunningStack({ web: { scale: 11 }, db: {} })
    expect((await namesOf(bench)).slice(0, 4)).toEqual(['/shop-db-1', '/shop-web-1', '/shop-web-2', '/shop-web-3'])
    expect(await namesOf(bench, 'db')).toEqual(['/shop-db-1'])
  })

  test('are refused for a stack or a service that is not there', async () => {
    const bench = await aRunningStack()
    expect(await rejectionOf(containersOf(aBench()).select('shop', [], NONE))).toMatchObject({
      code: 'stack-not-found',
    })
    expect(await rejectionOf(containersOf(bench).select('shop', ['wbe'], NONE))).toMatchObject({
      code: 'service-not-found',
      message: 'no such service: wbe',
    })
  })

  test('may be none, of a service that is there', async () => {
    const bench = await aRunningStack()
    bench.engine.containers.clear()
    expect(await namesOf(bench, 'web')).toEqual([])
  })

  test('one that runs is found by its number, or is the first', async () => {
    const bench = await aRunningStack({ web: { scale: 2 } })
    const one = async (index: number) => (await containersOf(bench).running('shop', 'web', index, NONE)).Names[0]
    expect([await one(0), await one(2)]).toEqual(['/shop-web-1', '/shop-web-2'])
    bench.engine.find('shop-web-1')!.state = 'exited'
    expect(await one(0)).toBe('/shop-web-2')
    expect((await rejectionOf(one(1))).message).toBe('service "web" is not running container #1')
    await deploy(bench, services('stop'))
    expect((await rejectionOf(one(0))).message).toBe('service "web" is not running')
  })
})

describe('a commit', () => {
  /** As the Engine does it: the container is paused for as long as its files are read. */
  async function committing(during: 'pause' | 'run') {
    const bench = await aRunningStack()
    const seen: unknown[] = []
    const container = bench.engine.find('shop-web-1')!
    Object.assign(bench.core.engine.containers, {
      commit: async (query: unknown) => {
        seen.push(query)
        container.state = during === 'pause' ? 'paused' : 'running'
        bench.engine.calls.length = 0
        await heal(bench.core, 'shop', NONE)
        seen.push(...bench.engine.calls)
        container.state = 'running'
        return { Id: 'sha256:new' }
      },
    })
    const request = CommitRequest.parse({ service: 'web', reference: 'shop/web:debug', changes: ['ENV A=1'], during })
    return { seen, answer: await containersOf(bench).commit('shop', request), bench }
  }

  test('is not disturbed by the loop, which sees a container that is paused', async () => {
    const { seen, answer, bench } = await committing('pause')
    expect(answer).toEqual({ container: 'shop-web-1', id: 'sha256:new' })
    expect(seen).toEqual([
      expect.objectContaining({ repo: 'shop/web', tag: 'debug', changes: ['ENV A=1'], pause: true }),
    ])
    bench.engine.find('shop-web-1')!.state = 'paused'
    await heal(bench.core, 'shop', NONE)
    expect(bench.engine.calls).toEqual(['unpause shop-web-1'])
  })

  test('lets the container run where that is asked for', async () => {
    expect((await committing('run')).seen).toEqual([expect.objectContaining({ pause: false })])
  })
})
