import { expect, test } from 'vitest'
import { RateLimits } from '../../../daemon/access/rate-limits.ts'
import { from, House, NONE, OWNER_SOCKET } from './house.ts'

const take = (limits: RateLimits, caller: string, times: number, nowMs: number): number[] =>
  Array.from({ length: times }, () => limits.take(caller, nowMs))

test('a bucket gives its burst at once, and then as much as it gains', () => {
  const limits = new RateLimits({ perSecond: 10, burst: 3, callers: 10 })
  expect(take(limits, 'a', 4, 1000)).toEqual([0, 0, 0, 100])
  expect(limits.take('a', 1050)).toBe(50)
  expect(limits.take('a', 1100)).toBe(0)
  expect(limits.take('a', 1100)).toBe(100)
  expect(take(limits, 'a', 4, 100_000)).toEqual([0, 0, 0, 100])
})

test('one caller takes nothing from another, and a clock that goes back gives nothing', () => {
  const limits = new RateLimits({ perSecond: 10, burst: 1, callers: 10 })
  expect(take(limits, 'a', 2, 1000)).toEqual([0, 100])
  expect(limits.take('b', 1000)).toBe(0)
  expect(limits.take('a', 0)).toBe(100)
  expect(limits.take('a', 100)).toBe(0)
})

test('no more callers are remembered than the rules say: who was quiet longest goes', () => {
  const limits = new RateLimits({ perSecond: 1, burst: 1, callers: 2 })
  for (const caller of ['a', 'b', 'a', 'c']) limits.take(caller, 0)
  expect(limits.take('a', 0)).toBeGreaterThan(0)
  expect(limits.take('b', 0)).toBe(0)
})

test('the tokens of a user are one account', async () => {
  const house = new House()
  house.access.putUser('ann', { role: 'viewer', stacks: ['*'] }, house.owner)
  const [one, two] = ['laptop', 'ci'].map((name) => house.token({ name, user: 'ann' }))
  for (let times = 0; times < house.burst; times += 1) await house.enter(one)
  await expect(house.enter(two)).rejects.toMatchObject({ code: 'too-many-requests' })
})

test('the gate refuses an account, and a whole address, that asks too often, notes it, and lets others in', async () => {
  const house = new House()
  const secrets = ['one', 'two', 'three'].map((name) => house.token({ name, role: 'viewer' }))
  const ask = async (secret: string, times: number, address = '192.0.2.1') => {
    const codes = await Promise.all(
      Array.from({ length: times }, () =>
        house.enter(secret, NONE, 'connect', from(address)).then(
          () => 'let in',
          ({ code, hint }: { code: string; hint: string }) => `${code}: ${hint}`,
        ),
      ),
    )
    return [...new Set(codes)]
  }
  expect(await ask(secrets[0]!, house.burst)).toEqual(['let in'])
  expect(await ask(secrets[0]!, 3)).toEqual(['too-many-requests: try again in 1 s'])
  expect(await ask(secrets[0]!, 1, '192.0.2.2')).toEqual(['too-many-requests: try again in 1 s'])
  expect(await ask(secrets[1]!, house.burst)).toEqual(['let in'])
  expect(house.audit[0]).toEqual(['one', 'test', '', 'refused', 'too-many-requests'])
  for (let times = 0; times < 4; times += 1) await ask(secrets[2]!, house.burst)
  expect(await ask(secrets[2]!, 1, '192.0.2.9')).toEqual(['too-many-requests: try again in 1 s'])
  await expect(house.enter(undefined, NONE, 'connect', OWNER_SOCKET)).resolves.toMatchObject({ name: 'local socket' })
  house.now = new Date(house.now.getTime() + 60_000)
  expect(await ask(secrets[0]!, 1)).toEqual(['let in'])
})
