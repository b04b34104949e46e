import { describe, expect, test } from 'vitest'
import { heal } from '../../../daemon/reconcile/heal.ts'
import { Pace } from '../../../daemon/reconcile/pace.ts'
import type { Action, ActionBody } from '../../../daemon/stack/actions.ts'
import { Problem } from '../../../protocol/problems.ts'
import { aRunningStack } from '../support/core.ts'
import { refused } from '../support/fake-engine.ts'

const action = (id: string, service: string | undefined, after: string[] = [], more: Partial<Action> = {}): Action => ({
  id,
  body: { kind: 'start-container' } as ActionBody,
  object: id,
  service,
  effect: 'change',
  reason: '',
  after,
  tolerates: [],
  ...more,
})
const wait = (id: string, service: string, after: string[] = []): Action =>
  action(id, service, after, { body: { kind: 'await-service' } as ActionBody })
const PROBLEM = new Problem('engine-error', 'no')
const ids = (actions: readonly Action[]) => actions.map(({ id }) => id)

describe('a service that failed', () => {
  const web = action('web', 'web')
  const db = action('db', 'db')
  const failed = (pace: Pace, nowMs: number) => pace.took([web, db], [{ action: web, error: PROBLEM }], nowMs)

  test('waits twice as long each time, up to five minutes, while the others go on', () => {
    const pace = new Pace()
    let nowMs = 0
    for (const waitMs of [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000]) {
      failed(pace, nowMs)
      expect(pace.dueAtMs).toBe(nowMs + waitMs)
      expect(ids(pace.due([web, db], nowMs + waitMs - 1))).toEqual(['db'])
      nowMs += waitMs
      expect(ids(pace.due([web, db], nowMs))).toEqual(['web', 'db'])
    }
  })

  test('is counted', () => {
    const pace = new Pace()
    expect([failed(pace, 0), failed(pace, 1000), failed(pace, 3000)]).toEqual([1, 2, 3])
  })

  test('starts anew once it has succeeded, and once nothing is to be done to it', () => {
    const pace = new Pace()
    failed(pace, 0)
    pace.took([web], [], 1000)
    expect(pace.problems).toEqual([])
    failed(pace, 0)
    pace.due([db], 10)
    expect(failed(pace, 20)).toBe(1)
  })

  test('does not wait longer because the clock was set back', () => {
    const pace = new Pace()
    failed(pace, 3_600_000)
    expect(ids(pace.due([web], 0))).toEqual([])
    expect(pace.dueAtMs).toBe(1000)
  })

  test('keeps those back that would wait for it, with all that is done to them', () => {
    const pace = new Pace()
    failed(pace, 0)
    const actions = [web, action('stop proxy', 'proxy'), wait('await web', 'web', ['web'])]
    const start = action('start proxy', 'proxy', ['stop proxy', 'await web'])
    expect(ids(pace.due([...actions, start, db], 1))).toEqual(['db'])
  })

  test('is not waited for by those that go on without it', () => {
    const pace = new Pace()
    failed(pace, 0)
    const proxy = action('proxy', 'proxy', ['web', 'db'], { tolerates: ['web'] })
    expect(pace.due([web, db, proxy], 1)).toMatchObject([{ id: 'db' }, { id: 'proxy', after: ['db'] }])
  })
})

test('a wait that failed is held against those that it was for', () => {
  const pace = new Pace()
  const actions = [wait('await db', 'db'), action('web', 'web', ['await db']), action('db', 'db')]
  pace.took(actions, [{ action: actions[0]!, error: PROBLEM }], 0)
  expect(ids(pace.due(actions, 1))).toEqual(['db'])
  expect(ids(pace.due(actions, 1000))).toEqual(['await db', 'web', 'db'])
})

test('what is no fault of a service is that of the whole stack', () => {
  const pace = new Pace()
  const network = action('network', undefined)
  const web = action('web', 'web')
  expect(pace.took([network], [{ action: network, error: PROBLEM }], 0)).toBeUndefined()
  const away = new Problem('engine-unreachable', 'no Engine')
  expect(pace.took([web], [{ action: web, error: away }], 0)).toBeUndefined()
  expect(ids(pace.due([web], 1))).toEqual(['web'])
})

test('a service that cannot be brought up delays the healing of no other, and the stack says what it waits for', async () => {
  const bench = await aRunningStack({ web: {}, db: {} })
  const pace = new Pace()
  const healed = () => heal(bench.core, 'shop', new AbortController().signal, pace)
  bench.engine.failures.set('start shop-web-1', refused('start', 500, 'no such device'))
  bench.engine.containers.delete(bench.engine.find('shop-web-1')!.id)
  expect(await healed()).toMatchObject({ failed: { attempt: 1 } })
  bench.engine.containers.delete(bench.engine.find('shop-db-1')!.id)
  bench.engine.calls.length = 0
  expect(await healed()).toBe('changed')
  expect(bench.engine.calls).toEqual(['create shop-db-1', 'start shop-db-1'])
  expect(await healed()).toMatchObject({ failed: undefined })
  expect(bench.core.store.stacks.find('shop')).toMatchObject({ condition: 'failed', reason: 'no such device' })
})
