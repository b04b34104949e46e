import { describe, expect, test } from 'vitest'
import type { Target } from '../../../daemon/access/gate.ts'
import type { Origin } from '../../../daemon/access/origin.ts'
import { allows, grantOf, objectOf, ROLE_NAMES, ROLES, type Role } from '../../../protocol/access.ts'
import type { Problem } from '../../../protocol/problems.ts'
import { LOANS, ROUTES, SESSIONS, STREAMS } from '../../../protocol/routes.ts'
import { rejectionOf } from '../support/problems.ts'
import { from, House, NONE, OWNER_SOCKET, SHOP } from './house.ts'

describe('every route and stream, for every role', () => {
  const ENDPOINTS = Object.entries({ ...ROUTES, ...STREAMS, ...SESSIONS, ...LOANS })
  const IDS = { stack: '%', deployment: 'd-%', job: 'j-%', volume: '%_data' } as const

  test.each(ROLE_NAMES)(
    '%s: is let in to what is its own as declared, and to what is not its own never',
    async (role) => {
      const house = new House()
      const secret = house.token({ name: 't', role, stacks: ['shop'] })
      for (const [name, { path, permission }] of ENDPOINTS) {
        const { kind } = objectOf(path)
        const target = (stack: string): Target => (kind === 'none' ? NONE : { kind, id: IDS[kind].replace('%', stack) })
        const code = (stack: string) =>
          house.enter(secret, target(stack), permission).then(
            () => 'let in',
            (problem: Problem) => problem.code,
          )
        const expected = allows(
          [[grantOf(role, ['shop'])]],
          permission,
          kind === 'none' ? undefined : { name: 'shop', labels: {} },
        )
        expect([name, await code('shop')]).toEqual([name, expected ? 'let in' : 'forbidden'])
        if (kind !== 'none') expect([name, await code('blog')]).toEqual([name, `${kind}-not-found`])
      }
    },
  )

  test.each(ROLE_NAMES)('%s: on a socket of that role is let in to what the role has', async (role) => {
    const house = new House()
    const origin: Origin = { kind: 'socket', path: '/run/x.sock', role, name: 'socket x' }
    for (const [name, { path, permission }] of ENDPOINTS) {
      const target: Target = objectOf(path).kind === 'none' ? NONE : SHOP
      const code = await house.enter(undefined, target, permission, origin).then(
        () => 'let in',
        (problem: Problem) => problem.code,
      )
      expect([name, code]).toEqual([name, ROLES[role].includes(permission) ? 'let in' : 'forbidden'])
    }
  })
})

describe('who calls', () => {
  test('is the socket’s role, where there is no token', async () => {
    const admitted = await new House().enter(undefined, SHOP, 'deploy', OWNER_SOCKET)
    expect(admitted).toMatchObject({ name: 'local socket', origin: 'unix:///run/ek.sock' })
    expect(admitted.policy).toBeUndefined()
  })

  test('is the token, also on a socket of more rights', async () => {
    const house = new House()
    const secret = house.token({ name: 'ci', role: 'viewer' })
    const admitted = await house.enter(secret, SHOP, 'read', OWNER_SOCKET)
    expect(admitted.name).toBe('ci')
    expect((await rejectionOf(house.enter(secret, SHOP, 'deploy', OWNER_SOCKET))).code).toBe('forbidden')
  })

  test.each(ROLE_NAMES)('is bound by the policy below administrator: %s', async (role: Role) => {
    const house = new House()
    const { policy } = await house.enter(house.token({ name: 'x', role }))
    expect(policy === undefined).toBe(role === 'owner' || role === 'administrator')
  })

  test('is the user that a client certificate names, if there is one', async () => {
    const house = new House()
    expect((await rejectionOf(house.enter(undefined, NONE, 'connect', from('192.0.2.1', 'ann')))).code).toBe(
      'unauthenticated',
    )
    house.access.putUser('ann', { role: 'viewer', stacks: ['shop'] }, house.owner)
    expect((await house.enter(undefined, SHOP, 'read', from('192.0.2.1', 'ann'))).name).toBe('ann')
  })

  test('is nobody where no listener took the connection', async () => {
    const house = new House()
    const secret = house.token({ name: 'x', role: 'owner' })
    const knock = { origin: undefined, headers: { authorization: `Bearer ${secret}` }, action: 'test' }
    expect((await rejectionOf(house.gate.admit(knock, 'connect', NONE))).code).toBe('unauthenticated')
  })

  test.each([undefined, '', 'ek_', 'x'.repeat(52), `ek_${'0'.repeat(49)}`])('is nobody with "%s"', async (secret) => {
    expect((await rejectionOf(new House().enter(secret))).code).toBe('unauthenticated')
  })

  test('is nobody with a token that has run out or was revoked', async () => {
    const house = new House()
    const short = house.token({ name: 'short', role: 'viewer', expiresInSeconds: 60 })
    const revoked = house.token({ name: 'revoked', role: 'viewer' })
    await house.enter(short)
    house.now = new Date(house.now.getTime() + 60_000)
    expect((await rejectionOf(house.enter(short))).code).toBe('unauthenticated')
    house.access.removeToken('revoked', house.owner)
    expect((await rejectionOf(house.enter(revoked))).code).toBe('unauthenticated')
  })

  test('of a user’s token may what the user may, and no more than the token says', async () => {
    const house = new House()
    house.access.putUser('ann', { role: 'developer', stacks: ['shop'] }, house.owner)
    const own = house.token({ name: 'own', user: 'ann' })
    const less = house.token({ name: 'less', user: 'ann', role: 'viewer' })
    const more = house.token({ name: 'more', user: 'ann', role: 'owner', stacks: ['*'] })
    expect((await house.enter(own, SHOP, 'exec')).name).toBe('ann/own')
    expect((await rejectionOf(house.enter(less, SHOP, 'exec'))).code).toBe('forbidden')
    expect((await rejectionOf(house.enter(more, NONE, 'administer'))).code).toBe('forbidden')
    expect((await rejectionOf(house.enter(more, { kind: 'stack', id: 'blog' }, 'exec'))).code).toBe('stack-not-found')
  })
})

describe('wrong tokens', () => {
  test('lock their source out, longer each time, and nobody else', async () => {
    const house = new House()
    const right = house.token({ name: 'x', role: 'viewer' })
    const wrong = house.token({ name: 'gone', role: 'viewer' })
    house.access.removeToken('gone', house.owner)
    for (let attempt = 0; attempt < 10; attempt += 1)
      expect((await rejectionOf(house.enter(wrong))).code).toBe('unauthenticated')
    expect((await rejectionOf(house.enter(right))).code).toBe('too-many-attempts')
    expect((await house.enter(right, NONE, 'connect', from('192.0.2.2'))).name).toBe('x')
    expect((await house.enter(undefined, NONE, 'connect', OWNER_SOCKET)).name).toBe('local socket')
    house.now = new Date(house.now.getTime() + 30_000)
    expect((await house.enter(right)).name).toBe('x')
  })

  test('are of the whole /64 of an IPv6 address', async () => {
    const house = new House()
    for (let attempt = 0; attempt < 10; attempt += 1)
      await rejectionOf(house.enter('ek_x', NONE, 'connect', from(`2001:db8::${attempt}:1`)))
    expect((await rejectionOf(house.enter('ek_x', NONE, 'connect', from('2001:db8::ffff')))).code).toBe(
      'too-many-attempts',
    )
    expect((await rejectionOf(house.enter('ek_x', NONE, 'connect', from('2001:db8:0:1::1')))).code).toBe(
      'unauthenticated',
    )
  })

  test('lock nobody out on a socket', async () => {
    const house = new House()
    for (let attempt = 0; attempt < 50; attempt += 1)
      expect((await rejectionOf(house.enter('ek_x', NONE, 'connect', OWNER_SOCKET))).code).toBe('unauthenticated')
  })

  test('are not told apart by what a caller says of its address', async () => {
    const house = new House()
    for (let attempt = 0; attempt < 10; attempt += 1)
      await rejectionOf(house.enter('ek_x', NONE, 'connect', undefined, { 'x-forwarded-for': `10.0.0.${attempt}` }))
    expect(
      (await rejectionOf(house.enter('ek_x', NONE, 'connect', undefined, { 'x-forwarded-for': '10.1.1.1' }))).code,
    ).toBe('too-many-attempts')
  })
})

describe('a request of a foreign page', () => {
  const secretOf = (house: House) => house.token({ name: 'x', role: 'owner' })

  test.each([
    { host: 'evil.example:7443' },
    { host: '192.0.2.9' },
    { host: '' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ])('is refused with %o', async (headers: Record<string, string>) => {
    const house = new House()
    const problem = await rejectionOf(house.enter(secretOf(house), NONE, 'connect', from('192.0.2.1'), headers))
    expect(problem.code).toBe('forbidden')
  })

  test.each([
    {},
    { host: '127.0.0.1:7443' },
    { origin: 'https://ek.example:7443' },
    { 'sec-fetch-site': 'same-origin' },
  ])('is not what %o means', async (headers: Record<string, string>) => {
    const house = new House()
    const admitted = await house.enter(secretOf(house), NONE, 'connect', from('192.0.2.1'), headers)
    expect(admitted.name).toBe('x')
  })

  test('is refused on a socket too', async () => {
    const work = new House().enter(undefined, NONE, 'connect', OWNER_SOCKET, { origin: 'http://localhost' })
    expect((await rejectionOf(work)).code).toBe('forbidden')
  })
})

describe('nobody gives more than they have', () => {
  const asAdministrator = (house: House) => house.enter(house.token({ name: 'admin', role: 'administrator' }))

  test('an administrator makes no owner, by no way', async () => {
    const house = new House()
    house.access.putUser('boss', { role: 'owner', stacks: ['*'] }, house.owner)
    const bossToken = house.token({ name: 'boss', user: 'boss' })
    const admin = await asAdministrator(house)
    const ways = [
      () => house.token({ name: 'a', role: 'owner' }, admin),
      () => house.token({ name: 'b', user: 'boss', role: 'viewer' }, admin),
      () => house.token({ name: 'c', user: 'boss' }, admin),
      () => house.access.putUser('me', { role: 'owner', stacks: ['*'] }, admin),
      () => house.access.putUser('boss', { role: 'viewer', stacks: ['*'] }, admin),
      () => house.access.removeUser('boss', admin),
      () => house.access.removeToken('boss', admin),
    ]
    for (const way of ways) expect(way).toThrow('nobody gives, changes or takes what they do not hold')
    expect((await house.enter(bossToken)).name).toBe('boss/boss')
  })

  test('what is asked for is kept as asked, and its secret is kept nowhere', () => {
    const house = new House()
    const secret = house.token({ name: 'ci', role: 'deployer', stacks: ['shop-*'], expiresInSeconds: 60 })
    expect(house.access.tokens()).toEqual([
      {
        name: 'ci',
        role: 'deployer',
        stacks: ['shop-*'],
        createdAt: '2026-01-02T03:04:05.000Z',
        createdBy: 'local socket',
        expiresAt: '2026-01-02T03:05:05.000Z',
      },
    ])
    expect(JSON.stringify(house.access.tokens())).not.toContain(secret)
  })
})

describe('what is live', () => {
  test.each<[string, (house: House) => void]>([
    ['its token is revoked', (house) => house.access.removeToken('t', house.owner)],
    ['its user is removed', (house) => house.access.removeUser('ann', house.owner)],
    [
      'its user gets a lesser role',
      (house) => house.access.putUser('ann', { role: 'viewer', stacks: ['*'] }, house.owner),
    ],
    [
      'its user gets other stacks',
      (house) => house.access.putUser('ann', { role: 'developer', stacks: ['blog'] }, house.owner),
    ],
    [
      'another token takes its name',
      (house) => {
        house.access.removeToken('t', house.owner)
        house.now = new Date(house.now.getTime() + 1)
        house.token({ name: 't', user: 'ann' })
      },
    ],
  ])('ends when %s', async (_, change) => {
    const house = new House()
    house.access.putUser('ann', { role: 'developer', stacks: ['*'] }, house.owner)
    const admitted = await house.enter(house.token({ name: 't', user: 'ann' }), SHOP, 'exec')
    const ended = new Promise<Problem>((resolve) => house.gate.watch(admitted, 'exec', SHOP, resolve))
    change(house)
    expect(['unauthenticated', 'forbidden', 'stack-not-found']).toContain((await ended).code)
  })

  test('goes on when nothing of it has changed', async () => {
    const house = new House()
    const admitted = await house.enter(house.token({ name: 't', role: 'developer' }), SHOP, 'exec')
    const ends: Problem[] = []
    house.gate.watch(admitted, 'exec', SHOP, (problem) => ends.push(problem))
    house.token({ name: 'other', role: 'viewer' })
    house.gate.recheck()
    await new Promise((resolve) => setImmediate(resolve))
    expect(ends).toEqual([])
  })

  test('ends when its token runs out', async () => {
    const house = new House()
    const admitted = await house.enter(house.token({ name: 't', role: 'developer', expiresInSeconds: 5 }), SHOP, 'exec')
    const ended = new Promise<Problem>((resolve) => house.gate.watch(admitted, 'exec', SHOP, resolve))
    house.now = new Date(house.now.getTime() + 5000)
    house.gate.recheck()
    expect((await ended).code).toBe('unauthenticated')
  })
})

describe('the audit', () => {
  test('has what was refused, and never a secret', async () => {
    const house = new House()
    const secret = house.token({ name: 'ci', role: 'viewer', stacks: ['shop'] })
    await rejectionOf(house.enter(secret, SHOP, 'deploy'))
    await rejectionOf(house.enter(secret, { kind: 'stack', id: 'blog' }, 'read'))
    await rejectionOf(house.enter('ek_wrong', SHOP, 'read'))
    expect(house.audit).toEqual([
      ['unknown', 'test', 'shop', 'refused', 'unauthenticated'],
      ['ci', 'test', 'blog', 'refused', 'stack-not-found'],
      ['ci', 'test', 'shop', 'refused', 'forbidden'],
    ])
    expect(JSON.stringify(house.audit)).not.toContain('ek_')
  })

  test('has a lock-out once, and not each attempt after it', async () => {
    const house = new House()
    for (let attempt = 0; attempt < 30; attempt += 1) await rejectionOf(house.enter('ek_x'))
    expect(house.audit).toHaveLength(11)
    expect(house.audit.some(([, action]) => action === 'lock out for 30 s')).toBe(true)
  })

  test('has so much of strangers and no more, however they come; the rest is counted', async () => {
    const house = new House()
    const calls: [string | undefined, string][] = []
    for (let call = 0; call < 40; call += 1) calls.push([undefined, '192.0.2.1'])
    for (let call = 0; call < 100; call += 1) calls.push(['ek_x', `198.51.100.${call}`])
    for (const [secret, address] of calls) await rejectionOf(house.enter(secret, SHOP, 'read', from(address)))
    expect(house.audit).toHaveLength(50)
    const right = house.token({ name: 'ci', role: 'viewer' })
    await rejectionOf(house.enter(right, SHOP, 'deploy'))
    expect(house.audit[0]).toEqual(['ci', 'test', 'shop', 'refused', 'forbidden'])
    house.now = new Date(house.now.getTime() + 3_600_000)
    await rejectionOf(house.enter(undefined))
    expect(house.audit.slice(0, 2)).toEqual([
      ['unknown', 'test', '', 'refused', 'unauthenticated'],
      ['unknown', 'refuse strangers', '90 more, within an hour', 'refused', undefined],
    ])
  })
})
