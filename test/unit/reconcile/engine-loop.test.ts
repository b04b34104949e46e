import { expect, test } from 'vitest'
import { heal } from '../../../daemon/reconcile/heal.ts'
import { aRunningStack, type Bench, deploy, down, services } from '../support/core.ts'

/** A stack whose one container the Engine has just ended for the third time by itself. */
async function inLoop(): Promise<Bench & { readonly policies: string[] }> {
  const bench = await aRunningStack({ web: { restart: 'always' } })
  const policies: string[] = []
  Object.assign(bench.core.engine.containers, {
    updateRestartPolicy: async (_: string, { Name }: { Name: string }) => void policies.push(Name),
  })
  const ID = bench.engine.find('shop-web-1')!.id
  const happens = (Action: string, Attributes = {}) =>
    bench.core.endings.observe('shop', { Type: 'container', Action, Actor: { ID, Attributes }, time: 0, timeNano: '0' })
  for (let times = 0; times < 3; times += 1) {
    happens('start')
    happens('die', { exitCode: '137' })
  }
  bench.engine.find('shop-web-1')!.state = 'restarting'
  return { ...bench, policies }
}

const ENDED = ['stop shop-web-1', 'start shop-web-1']

test('the loop by itself ends it, then restarts the container with the policy that it had', async () => {
  const bench = await inLoop()
  expect(await heal(bench.core, 'shop', new AbortController().signal)).toBe('changed')
  expect(bench.engine.calls).toEqual([...ENDED, 'stop shop-web-1', 'start shop-web-1'])
  expect(bench.policies.at(-1)).toBe('always')
  expect(bench.policies.slice(0, -1)).toEqual(expect.arrayContaining(['no']))
  const { memory } = bench.core.store
  expect([memory.all('shop', 'held'), memory.all('shop', 'stopping')]).toEqual([{}, {}])
  const [deployment] = bench.core.store.deployments.list('shop', 1)
  expect(deployment?.steps.map(({ reason }) => reason)).toEqual(['the Engine ends it again and again by itself'])
})

test('it is ended before a stop, which stops no process otherwise', async () => {
  const bench = await inLoop()
  await deploy(bench, services('stop'))
  expect(bench.engine.calls).toEqual([...ENDED, 'stop shop-web-1'])
  expect(bench.policies.at(-1)).toBe('no')
})

test('it is ended before a removal, which leaves the process running otherwise', async () => {
  const bench = await inLoop()
  await deploy(bench, down({ timeoutSeconds: 0 }))
  expect(bench.engine.calls.slice(0, 3)).toEqual([...ENDED, 'stop shop-web-1'])
  expect(bench.engine.containers.size).toBe(0)
})

test('what a crash cuts short in between is stopped and started again, for it has neither network nor log', async () => {
  const bench = await inLoop()
  const { start } = bench.core.engine.containers
  Object.assign(bench.core.engine.containers, {
    start: async (id: string) => {
      await start(id)
      Object.assign(bench.core.engine.containers, { start })
      throw new Error('the power went')
    },
  })
  await heal(bench.core, 'shop', new AbortController().signal)
  bench.engine.calls.length = 0
  await heal(bench.core, 'shop', new AbortController().signal)
  expect(bench.engine.calls).toEqual(['stop shop-web-1', 'start shop-web-1'])
  expect(bench.policies.at(-1)).toBe('always')
})
