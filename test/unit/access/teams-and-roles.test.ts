import { describe, expect, test } from 'vitest'
import type { Admitted } from '../../../daemon/access/gate.ts'
import { grantOf, type Permission, type Rights } from '../../../protocol/access.ts'
import type { Problem } from '../../../protocol/problems.ts'
import { problemOf, rejectionOf } from '../support/problems.ts'
import { from, House, NONE, OWNER_SOCKET, SHOP } from './house.ts'

const BLOG = { kind: 'stack', id: 'blog' } as const

const callerWith = (...rights: Rights): Admitted => ({
  name: 'caller',
  origin: 'test',
  chain: [rights],
  may: () => false,
})

/** Rules over others, and may otherwise what a developer of the shop may. */
const RULER = callerWith(
  { role: 'human-resources', permissions: ['connect', 'access.manage'], stacks: ['*'] },
  grantOf('developer', ['shop']),
)

describe('a team', () => {
  test('gives its members its role on its stacks, besides what they have', async () => {
    const house = new House()
    house.access.putUser('ann', { role: 'viewer', stacks: ['blog'] }, house.owner)
    const secret = house.token({ name: 't', user: 'ann' })
    expect((await rejectionOf(house.enter(secret, SHOP, 'read'))).code).toBe('stack-not-found')
    house.teams.put('crew', { role: 'developer', stacks: ['shop'] }, house.owner)
    expect(house.teams.join('crew', 'ann', house.owner).members).toEqual(['ann'])
    expect((await house.enter(secret, SHOP, 'exec')).name).toBe('ann/t')
    expect((await house.enter(secret, BLOG, 'read')).name).toBe('ann/t')
    expect((await rejectionOf(house.enter(secret, BLOG, 'exec'))).code).toBe('forbidden')
    expect(house.access.users()).toMatchObject([{ name: 'ann', teams: ['crew'] }])
    house.teams.leave('crew', 'ann', house.owner)
    expect((await rejectionOf(house.enter(secret, SHOP, 'read'))).code).toBe('stack-not-found')
  })

  test('is all that a user without a role has; without a team that is nothing', async () => {
    const house = new House()
    house.access.putUser('ann', { stacks: ['*'] }, house.owner)
    const secret = house.token({ name: 't', user: 'ann' })
    expect((await rejectionOf(house.enter(secret))).code).toBe('forbidden')
    house.teams.put('crew', { role: 'viewer', stacks: ['shop'] }, house.owner)
    house.teams.join('crew', 'ann', house.owner)
    expect((await house.enter(secret, SHOP, 'read')).name).toBe('ann/t')
  })

  test('adds nothing to a token that says less', async () => {
    const house = new House()
    house.access.putUser('ann', { role: 'viewer', stacks: ['*'] }, house.owner)
    house.teams.put('crew', { role: 'developer', stacks: ['shop'] }, house.owner)
    house.teams.join('crew', 'ann', house.owner)
    const less = house.token({ name: 'less', user: 'ann', role: 'viewer' })
    const blog = house.token({ name: 'blog', user: 'ann', stacks: ['blog'] })
    expect((await rejectionOf(house.enter(less, SHOP, 'exec'))).code).toBe('forbidden')
    expect((await rejectionOf(house.enter(blog, SHOP, 'exec'))).code).toBe('stack-not-found')
    expect((await house.enter(blog, BLOG, 'read')).name).toBe('ann/blog')
  })

  test('that is removed leaves its members with what they have', async () => {
    const house = new House()
    house.access.putUser('ann', { role: 'viewer', stacks: ['shop'] }, house.owner)
    house.teams.put('crew', { role: 'developer', stacks: ['shop'] }, house.owner)
    house.teams.join('crew', 'ann', house.owner)
    house.teams.remove('crew', house.owner)
    expect(house.access.users()).toMatchObject([{ name: 'ann', teams: [] }])
    expect((await house.enter(house.token({ name: 't', user: 'ann' }), SHOP, 'read')).name).toBe('ann/t')
  })

  test('that was removed gives nothing to those who are in another one of its name', async () => {
    const house = new House()
    house.access.putUser('ann', { stacks: ['*'] }, house.owner)
    house.teams.put('crew', { role: 'developer', stacks: ['shop'] }, house.owner)
    house.teams.join('crew', 'ann', house.owner)
    house.teams.remove('crew', house.owner)
    expect(house.teams.put('crew', { role: 'owner', stacks: ['*'] }, house.owner).members).toEqual([])
  })
})

describe('a role by permission', () => {
  const ON_CALL: Permission[] = ['connect', 'read', 'logs', 'operate']

  test('may what it says, and nothing else, and is bound by the policy', async () => {
    const house = new House()
    house.roles.put('on-call', { permissions: ON_CALL }, house.owner)
    const secret = house.token({ name: 't', role: 'on-call', stacks: ['shop'] })
    const admitted = await house.enter(secret, SHOP, 'operate')
    expect(admitted.policy).toBeDefined()
    expect((await rejectionOf(house.enter(secret, SHOP, 'exec'))).code).toBe('forbidden')
    expect((await rejectionOf(house.enter(secret, BLOG, 'operate'))).code).toBe('stack-not-found')
  })

  test('changes for all who have it', async () => {
    const house = new House()
    house.roles.put('on-call', { permissions: ON_CALL }, house.owner)
    const secret = house.token({ name: 't', role: 'on-call' })
    house.roles.put('on-call', { permissions: ['connect', 'read'] }, house.owner)
    expect((await rejectionOf(house.enter(secret, SHOP, 'operate'))).code).toBe('forbidden')
  })

  test('stays while somebody has it', () => {
    const house = new House()
    house.roles.put('on-call', { permissions: ON_CALL }, house.owner)
    house.teams.put('crew', { role: 'on-call', stacks: ['*'] }, house.owner)
    house.token({ name: 't', role: 'on-call' })
    const problem = problemOf(() => house.roles.remove('on-call', house.owner))
    expect([problem.code, problem.message]).toEqual(['conflict', 'role on-call is of team crew, token t'])
    house.teams.remove('crew', house.owner)
    house.access.removeToken('t', house.owner)
    house.roles.remove('on-call', house.owner)
    expect(house.roles.list().map(({ name }) => name)).not.toContain('on-call')
  })

  test.each(['owner', 'viewer'])('cannot be %s, which is the daemon’s own', (name) => {
    const house = new House()
    expect(problemOf(() => house.roles.put(name, { permissions: ON_CALL }, house.owner)).code).toBe('conflict')
    expect(problemOf(() => house.roles.remove(name, house.owner)).code).toBe('conflict')
  })

  test('that there is not is given to nobody', () => {
    const house = new House()
    for (const way of [
      () => house.access.putUser('ann', { role: 'nowhere', stacks: ['*'] }, house.owner),
      () => house.teams.put('crew', { role: 'constructor', stacks: ['*'] }, house.owner),
      () => house.token({ name: 't', role: '__proto__' }),
      () =>
        house.invitations.create(
          { name: 'x', addressee: 'x@example.com', role: 'nowhere', stacks: ['*'], expiresInSeconds: 60 },
          house.owner,
        ),
    ])
      expect(problemOf(way).code).toBe('role-not-found')
  })
})

describe('a service account', () => {
  test('rules over nobody, whatever it and its teams are', async () => {
    const house = new House()
    house.access.putUser('robot', { role: 'owner', stacks: ['*'], kind: 'service' }, house.owner)
    house.teams.put('rulers', { role: 'administrator', stacks: ['*'] }, house.owner)
    house.teams.join('rulers', 'robot', house.owner)
    const secret = house.token({ name: 't', user: 'robot' })
    expect((await house.enter(secret, SHOP, 'deploy')).name).toBe('robot/t')
    for (const permission of ['access.manage', 'access.own'] as const)
      expect((await rejectionOf(house.enter(secret, NONE, permission))).code).toBe('forbidden')
  })

  test('is let in by no certificate', async () => {
    const house = new House()
    house.access.putUser('robot', { role: 'viewer', stacks: ['*'], kind: 'service' }, house.owner)
    const problem = await rejectionOf(house.enter(undefined, SHOP, 'read', from('192.0.2.1', 'robot')))
    expect(problem.code).toBe('unauthenticated')
  })

  test('stays one when its role changes', () => {
    const house = new House()
    house.access.putUser('robot', { role: 'viewer', stacks: ['*'], kind: 'service' }, house.owner)
    expect(house.access.putUser('robot', { role: 'deployer', stacks: ['*'] }, house.owner).kind).toBe('service')
  })
})

describe('nobody gives, changes or takes what they do not hold', () => {
  const invite = (house: House, role: string, by: Admitted, team?: string) =>
    house.invitations.create(
      {
        name: 'new',
        addressee: 'new@example.com',
        role,
        stacks: ['shop'],
        expiresInSeconds: 60,
        ...(team && { team }),
      },
      by,
    )

  /** What there is already, of more than the ruler has. */
  function aHouse() {
    const house = new House()
    house.access.putUser('boss', { role: 'owner', stacks: ['*'] }, house.owner)
    house.access.putUser('low', { stacks: ['*'] }, house.owner)
    house.teams.put('bosses', { role: 'administrator', stacks: ['*'] }, house.owner)
    house.roles.put('strong', { permissions: ['connect', 'read', 'volume.data'] }, house.owner)
    house.token({ name: 'strong', role: 'strong', stacks: ['shop'] })
    house.token({ name: 'boss', user: 'boss' })
    house.access.putUser('member', { stacks: ['*'] }, house.owner)
    house.teams.join('bosses', 'member', house.owner)
    return house
  }

  const WAYS: readonly [string, (house: House) => unknown][] = [
    ['an owner', (house) => house.access.putUser('x', { role: 'owner', stacks: ['*'] }, RULER)],
    ['a role of more stacks', (house) => house.access.putUser('x', { role: 'developer', stacks: ['*'] }, RULER)],
    ['a role of another stack', (house) => house.access.putUser('x', { role: 'viewer', stacks: ['blog'] }, RULER)],
    ['one above to less', (house) => house.access.putUser('boss', { role: 'viewer', stacks: ['shop'] }, RULER)],
    ['one above away', (house) => house.access.removeUser('boss', RULER)],
    ['one who is above by a team', (house) => house.access.removeUser('member', RULER)],
    [
      'a token of one above',
      (house) => house.token({ name: 'x', user: 'boss', role: 'viewer', stacks: ['shop'] }, RULER),
    ],
    ['a token of one above by a team', (house) => house.token({ name: 'x', user: 'member' }, RULER)],
    ['a token of a role above', (house) => house.token({ name: 'x', role: 'strong', stacks: ['shop'] }, RULER)],
    ['the token of one above away', (house) => house.access.removeToken('boss', RULER)],
    ['a token of more away', (house) => house.access.removeToken('strong', RULER)],
    ['a team of more', (house) => house.teams.put('x', { role: 'power-user', stacks: ['shop'] }, RULER)],
    ['a team of more to less', (house) => house.teams.put('bosses', { role: 'viewer', stacks: ['shop'] }, RULER)],
    ['a team of more away', (house) => house.teams.remove('bosses', RULER)],
    ['membership of a team of more', (house) => house.teams.join('bosses', 'low', RULER)],
    ['the end of that', (house) => house.teams.leave('bosses', 'member', RULER)],
    ['a role of more', (house) => house.roles.put('x', { permissions: ['connect', 'system.read'] }, RULER)],
    ['a role of all stacks', (house) => house.roles.put('x', { permissions: ['connect', 'read'] }, RULER)],
    ['a role above to less', (house) => house.roles.put('strong', { permissions: ['connect'] }, RULER)],
    ['a role above away', (house) => house.roles.remove('strong', RULER)],
    ['an invitation to more', (house) => invite(house, 'power-user', RULER)],
    ['an invitation to a team of more', (house) => invite(house, 'viewer', RULER, 'bosses')],
  ]

  test.each(WAYS)('%s', (_, way) => {
    const problem = problemOf(() => way(aHouse()))
    expect([problem.code, problem.message]).toEqual([
      'forbidden',
      expect.stringContaining('nobody gives, changes or takes what they do not hold'),
    ])
  })

  test('and all else they do', () => {
    const house = aHouse()
    expect(house.access.putUser('x', { role: 'developer', stacks: ['shop'] }, RULER).name).toBe('x')
    expect(house.teams.put('y', { role: 'viewer', stacks: ['shop'] }, RULER).name).toBe('y')
    expect(house.teams.join('y', 'x', RULER).members).toEqual(['x'])
    expect(house.roles.put('z', { permissions: ['connect'] }, RULER).name).toBe('z')
    expect(house.token({ name: 'x', user: 'x' }, RULER)).toMatch(/^ek_/)
    expect(invite(house, 'viewer', RULER).name).toBe('new')
    house.invitations.remove('new', RULER)
    house.access.removeUser('x', RULER)
  })
})

describe('what is live ends', () => {
  const CHANGES: readonly [string, (house: House) => unknown][] = [
    ['its user leaves the team', (house) => house.teams.leave('crew', 'ann', house.owner)],
    ['the team is removed', (house) => house.teams.remove('crew', house.owner)],
    [
      'the team gets a lesser role',
      (house) => house.teams.put('crew', { role: 'viewer', stacks: ['shop'] }, house.owner),
    ],
    [
      'the team gets other stacks',
      (house) => house.teams.put('crew', { role: 'on-call', stacks: ['blog'] }, house.owner),
    ],
    [
      'the role is another one',
      (house) => house.roles.put('on-call', { permissions: ['connect', 'read'] }, house.owner),
    ],
  ]

  test.each(CHANGES)('when %s', async (_, change) => {
    const house = new House()
    house.roles.put('on-call', { permissions: ['connect', 'read', 'logs', 'exec'] }, house.owner)
    house.teams.put('crew', { role: 'on-call', stacks: ['shop'] }, house.owner)
    house.access.putUser('ann', { stacks: ['*'] }, house.owner)
    house.teams.join('crew', 'ann', house.owner)
    const admitted = await house.enter(house.token({ name: 't', user: 'ann' }), SHOP, 'exec')
    const ended = new Promise<Problem>((resolve) => house.gate.watch(admitted, 'exec', SHOP, resolve))
    change(house)
    expect(['forbidden', 'stack-not-found']).toContain((await ended).code)
  })
})

describe('an invitation', () => {
  const request = { name: 'ann', addressee: 'Ann@Example.com', stacks: ['shop'], expiresInSeconds: 3600 }
  const accept = async (house: House, secret: string, addressee = 'ann@example.com') =>
    house.invitations.accept({ addressee }, await house.enter(secret, NONE, 'invitation.accept'))

  function invited(house: House, more: object = { role: 'developer' }, by: Admitted = house.owner): string {
    return house.invitations.create({ ...request, ...more }, by).secret
  }

  test('makes its addressee the user whom it names, with a token', async () => {
    const house = new House()
    house.teams.put('crew', { role: 'viewer', stacks: ['blog'] }, house.owner)
    const joined = await accept(house, invited(house, { role: 'developer', team: 'crew' }))
    expect(joined.user).toMatchObject({ name: 'ann', role: 'developer', stacks: ['shop'], teams: ['crew'] })
    expect((await house.enter(joined.secret, SHOP, 'exec')).name).toBe('ann/ann')
    expect((await house.enter(joined.secret, BLOG, 'read')).name).toBe('ann/ann')
    expect(house.invitations.list()).toEqual([])
  })

  test('is good for one use', async () => {
    const house = new House()
    const secret = invited(house)
    const twice = await Promise.all([1, 2].map(() => house.enter(secret, NONE, 'invitation.accept')))
    expect(house.invitations.accept({ addressee: request.addressee }, twice[0]!).user.name).toBe('ann')
    expect(() => house.invitations.accept({ addressee: request.addressee }, twice[1]!)).toThrow()
    expect((await rejectionOf(accept(house, secret))).code).toBe('unauthenticated')
  })

  test('is good for nothing else', async () => {
    const house = new House()
    const secret = invited(house, { role: 'owner', stacks: ['*'] })
    expect((await rejectionOf(house.enter(secret, NONE, 'connect'))).code).toBe('forbidden')
    expect((await rejectionOf(house.enter(secret, NONE, 'access.manage'))).code).toBe('forbidden')
    expect((await rejectionOf(house.enter(secret, SHOP, 'read'))).code).toBe('stack-not-found')
  })

  test('is worth nothing to another addressee, and ends after three', async () => {
    const house = new House()
    const secret = invited(house)
    for (const addressee of ['eve@example.com', 'ann@example.org', 'ann'])
      expect((await rejectionOf(accept(house, secret, addressee))).code).toBe('forbidden')
    expect((await rejectionOf(accept(house, secret))).code).toBe('unauthenticated')
    expect(house.access.users()).toEqual([])
  })

  test('ends in time, and when it is taken back', async () => {
    const house = new House()
    const secret = invited(house)
    house.now = new Date(house.now.getTime() + 3_600_000)
    expect((await rejectionOf(accept(house, secret))).code).toBe('unauthenticated')
    const another = invited(house)
    house.invitations.remove('ann', house.owner)
    expect((await rejectionOf(accept(house, another))).code).toBe('unauthenticated')
  })

  test('ends with the team that it is to', async () => {
    const house = new House()
    house.teams.put('crew', { role: 'viewer', stacks: ['shop'] }, house.owner)
    const secret = invited(house, { team: 'crew' })
    house.teams.remove('crew', house.owner)
    expect((await rejectionOf(accept(house, secret))).code).toBe('unauthenticated')
  })

  test.each<[string, (house: House) => unknown]>([
    ['was removed', (house) => house.access.removeUser('boss', house.owner)],
    ['has less now', (house) => house.access.putUser('boss', { role: 'viewer', stacks: ['*'] }, house.owner)],
    ['used a token that was revoked', (house) => house.access.removeToken('laptop', house.owner)],
  ])('is worth nothing once whoever gave it %s', async (_, change) => {
    const house = new House()
    house.access.putUser('boss', { role: 'administrator', stacks: ['*'] }, house.owner)
    const boss = await house.enter(house.token({ name: 'laptop', user: 'boss' }), NONE, 'access.manage')
    const secret = invited(house, { role: 'developer' }, boss)
    change(house)
    expect((await rejectionOf(accept(house, secret))).code).toBe('forbidden')
    expect(house.access.users().map(({ name }) => name)).not.toContain('ann')
  })

  test('makes no second user of a name, nor a token of one that there is', async () => {
    const house = new House()
    const secret = invited(house)
    expect(problemOf(() => invited(house)).code).toBe('conflict')
    house.access.putUser('ann', { role: 'viewer', stacks: ['*'] }, house.owner)
    expect((await rejectionOf(accept(house, secret))).code).toBe('conflict')
    expect(problemOf(() => invited(house)).code).toBe('conflict')
    house.access.removeUser('ann', house.owner)
    house.token({ name: 'ann', role: 'viewer' })
    expect((await rejectionOf(accept(house, secret))).code).toBe('conflict')
    expect(house.invitations.list()).toHaveLength(1)
  })

  test('is shown without its secret, and asked of nobody who shows none', async () => {
    const house = new House()
    const secret = invited(house)
    expect(JSON.stringify(house.invitations.list())).not.toMatch(/hash|ek_/)
    const owner = await house.enter(undefined, NONE, 'invitation.accept', OWNER_SOCKET)
    expect(problemOf(() => house.invitations.accept({ addressee: 'ann@example.com' }, owner)).code).toBe('bad-request')
    expect(secret).toMatch(/^ek_/)
  })
})
