import { expect, onTestFinished, test, vi } from 'vitest'
import { systemClock } from '../../../daemon/reconcile/clock.ts'
import type { StackRequest } from '../../../daemon/reconcile/requests.ts'
import { StackLoop } from '../../../daemon/reconcile/stack-loop.ts'
import { AT, aModel, aRevision, aRunningStack, type Bench, queue, services, up } from '../support/core.ts'

/** A running stack and its loop. Revision 2 has an image whose pull hangs, revision 3 one that is here. */
async function aLoop(): Promise<
  Bench & { loop: StackLoop; ask: (request: StackRequest) => string; end: () => Promise<void> }
> {
  const bench = await aRunningStack({ web: {} }, {}, systemClock)
  const { store } = bench.core
  store.revisions.add(aRevision(2, aModel({ web: { image: 'slow:1' } })))
  store.revisions.add(aRevision(3, aModel({ web: { environment: { A: '3' } } })))
  bench.engine.registry.set('slow:1', 'sha256:slow')
  bench.engine.holdPulls()
  const stop = new AbortController()
  const loop = new StackLoop(bench.core, 'shop', stop.signal)
  const end = async () => {
    stop.abort(new Error('the daemon ends'))
    await loop.ended()
  }
  onTestFinished(end)
  loop.start()
  const ask = (request: StackRequest) => {
    const id = queue(bench, request, request.kind === 'up' ? request.revision : 1)
    loop.requested(id, request)
    return id
  }
  return { ...bench, loop, ask, end }
}

const stateOf = ({ core }: Bench, id: string) => core.store.deployments.find(id)?.state
const until = (bench: Bench, id: string, state: string) =>
  vi.waitFor(() => expect(stateOf(bench, id)).toBe(state), { timeout: 10_000, interval: 5 })
const pulling = (bench: Bench) =>
  vi.waitFor(() => expect(bench.engine.calls).toContain('pull slow:1'), { timeout: 10_000 })

test('a request wakes the loop', async () => {
  const bench = await aLoop()
  await until(bench, bench.ask(services('restart')), 'succeeded')
})

test('requests are worked off one after the other, in order', async () => {
  const bench = await aLoop()
  const stop = bench.ask(services('stop'))
  const start = bench.ask(services('start'))
  await until(bench, start, 'succeeded')
  expect(stateOf(bench, stop)).toBe('succeeded')
  expect(bench.engine.calls).toEqual(['stop shop-web-1', 'start shop-web-1'])
})

test('a request over the whole stack takes the place of the one that is under way', async () => {
  const bench = await aLoop()
  const slow = bench.ask(up(2))
  await pulling(bench)
  const newer = bench.ask(up(3))
  await until(bench, newer, 'succeeded')
  expect(stateOf(bench, slow)).toBe('superseded')
})

test('a request over some services waits for the one that is under way', async () => {
  const bench = await aLoop()
  const slow = bench.ask(up(2))
  await pulling(bench)
  const restart = bench.ask(services('restart', { services: ['web'] }))
  expect(stateOf(bench, slow)).toBe('running')
  bench.engine.releasePulls()
  await until(bench, restart, 'succeeded')
  expect(stateOf(bench, slow)).toBe('succeeded')
})

test('a request does not overtake itself', async () => {
  const bench = await aLoop()
  const request = up(2)
  const slow = bench.ask(request)
  await pulling(bench)
  bench.loop.requested(slow, request)
  bench.engine.releasePulls()
  await until(bench, slow, 'succeeded')
})

test('what is under way when the daemon ends stays open, for the next one', async () => {
  const bench = await aLoop()
  const slow = bench.ask(up(2))
  await pulling(bench)
  await bench.end()
  expect(bench.core.store.deployments.next('shop')?.id).toBe(slow)
})

test('a heal that a crash cut short is ended: what it meant to do is planned anew', async () => {
  const bench = await aRunningStack({ web: {} }, {}, systemClock)
  bench.core.store.deployments.add({
    id: 'cut',
    stack: 'shop',
    kind: 'heal',
    revision: 1,
    state: 'running',
    requestedBy: 'evenkeel',
    request: { kind: 'heal' },
    createdAt: AT,
  })
  const stop = new AbortController()
  const loop = new StackLoop(bench.core, 'shop', stop.signal)
  loop.start()
  await until(bench, 'cut', 'cancelled')
  stop.abort()
  await loop.ended()
})

test('a container that is gone is made again once the loop is told to look', async () => {
  const bench = await aLoop()
  await until(bench, bench.ask(services('restart')), 'succeeded')
  bench.engine.containers.clear()
  bench.loop.look()
  await vi.waitFor(() => expect(bench.engine.find('shop-web-1')?.state).toBe('running'), { timeout: 10_000 })
})

test('stacks look at the same time of the minute, so that they share the lists of the Engine', async () => {
  const sleeps: number[] = []
  const at = Date.parse('2026-01-01T00:00:10.500Z')
  const clock = {
    now: () => new Date(at),
    sleep: (ms: number, signal?: AbortSignal) => {
      sleeps.push(ms)
      return new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }))
    },
  }
  const bench = await aRunningStack({ web: {} }, {}, clock)
  sleeps.length = 0
  const stop = new AbortController()
  const loop = new StackLoop(bench.core, 'shop', stop.signal)
  loop.start()
  await vi.waitFor(() => expect(sleeps).toEqual([49_500]), { timeout: 10_000 })
  stop.abort()
  await loop.ended()
})
