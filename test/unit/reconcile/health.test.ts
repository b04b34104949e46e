import { expect, test } from 'vitest'
import { hasFailed } from '../../../daemon/reconcile/health.ts'

const failed = (Status: string, FailingStreak: number, Retries?: number) =>
  hasFailed({ State: { Health: { Status, FailingStreak, Log: [] } }, Config: { Healthcheck: { Retries } } } as never)

test('a check has failed once it failed as often in a row as it may: three times where nothing is said', () => {
  expect([failed('unhealthy', 1, 1), failed('unhealthy', 4, 5), failed('unhealthy', 5, 5)]).toEqual([true, false, true])
  for (const retries of [undefined, 0])
    expect([failed('unhealthy', 2, retries), failed('unhealthy', 3, retries)]).toEqual([false, true])
})

test('one that the Engine does not call unhealthy has not failed', () => {
  expect([failed('starting', 9, 1), failed('healthy', 9, 1)]).toEqual([false, false])
  expect(hasFailed({ State: {}, Config: {} } as never)).toBe(false)
})
