import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  allows,
  allowsEverywhere,
  GRANTABLE,
  type Grant,
  grantOf,
  isUnbound,
  lacking,
  matchesPattern,
  objectOf,
  PERMISSIONS,
  type Permission,
  ROLE_NAMES,
  ROLES,
  type Subject,
} from '../../../protocol/access.ts'
import { LOANS, ROUTES, SESSIONS, STREAMS } from '../../../protocol/routes.ts'

const ENDPOINTS = Object.entries({ ...ROUTES, ...STREAMS, ...SESSIONS, ...LOANS })

/** Reached without naming a stack or what belongs to one: each is here because somebody decided what it may show to whom. */
const WITHOUT_OBJECT: Readonly<Record<string, 'cut down to the caller’s stacks' | 'of no stack' | 'of the daemon'>> = {
  version: 'of no stack',
  openapi: 'of no stack',
  whoami: 'of no stack',
  stacks: 'cut down to the caller’s stacks',
  volumes: 'cut down to the caller’s stacks',
  events: 'cut down to the caller’s stacks',
  certificates: 'cut down to the caller’s stacks',
  images: 'of no stack',
  hasContext: 'of no stack',
  putContext: 'of no stack',
  hasBundle: 'of no stack',
  sshAgents: 'of no stack',
  info: 'of the daemon',
  holdAll: 'of the daemon',
  garbage: 'of the daemon',
  collectGarbage: 'of the daemon',
  resumeAll: 'of the daemon',
  backup: 'of the daemon',
  putCertificate: 'of the daemon',
  removeCertificate: 'of the daemon',
  users: 'of the daemon',
  putUser: 'of the daemon',
  removeUser: 'of the daemon',
  tokens: 'of the daemon',
  createToken: 'of the daemon',
  removeToken: 'of the daemon',
  audit: 'of the daemon',
  verifyAudit: 'of the daemon',
  roles: 'of the daemon',
  putRole: 'of the daemon',
  removeRole: 'of the daemon',
  teams: 'of the daemon',
  putTeam: 'of the daemon',
  removeTeam: 'of the daemon',
  joinTeam: 'of the daemon',
  putLabel: 'of the daemon',
  removeLabel: 'of the daemon',
  leaveTeam: 'of the daemon',
  invitations: 'of the daemon',
  createInvitation: 'of the daemon',
  removeInvitation: 'of the daemon',
  acceptInvitation: 'of the daemon',
}

const aStack = (name: string, labels: Record<string, string> = {}): Subject => ({ name, labels })

describe('each route and stream', () => {
  test.each(ENDPOINTS)('%s declares a permission that there is', (_, { permission }) => {
    expect(Object.keys(PERMISSIONS)).toContain(permission)
  })

  test.each(ENDPOINTS)('%s is about an object of a stack, or was decided upon', (name, { path, permission }) => {
    if (objectOf(path).kind !== 'none') expect(PERMISSIONS[permission]).toBe('stack')
    else
      expect(WITHOUT_OBJECT[name]).toBe(
        PERMISSIONS[permission] === 'daemon' ? 'of the daemon' : (WITHOUT_OBJECT[name] ?? 'decide'),
      )
  })

  test.each(ENDPOINTS)('%s is open to owners, and to nobody without a grant', (_, { permission }) => {
    expect(allows([[grantOf('owner', ['*'])]], permission, aStack('shop'))).toBe(true)
    expect(allows([], permission, aStack('shop'))).toBe(false)
    expect(allows([[]], permission, aStack('shop'))).toBe(false)
  })
})

describe('roles', () => {
  test.each(ROLE_NAMES)('%s has only permissions that there are, each once', (role) => {
    expect(ROLES[role].filter((permission) => PERMISSIONS[permission] === undefined)).toEqual([])
    expect(new Set(ROLES[role]).size).toBe(ROLES[role].length)
  })

  test('only owners rule over owners, and only administrators over others', () => {
    const having = (permission: Permission) => ROLE_NAMES.filter((role) => ROLES[role].includes(permission))
    expect(having('access.own')).toEqual(['owner'])
    expect(having('access.manage')).toEqual(['owner', 'administrator'])
    expect(having('administer')).toEqual(['owner', 'administrator'])
    expect(having('exec')).toEqual(['owner', 'administrator', 'power-user', 'developer'])
    expect(having('model')).toEqual(['owner', 'administrator', 'power-user', 'developer'])
  })

  test('viewers change nothing', () => {
    expect(ROLES.viewer).toEqual(['connect', 'read', 'volume.read', 'logs'])
  })
})

describe('a grant', () => {
  const developer = grantOf('developer', ['shop-*', 'blog'])

  test('reaches stacks of its patterns, and no other', () => {
    expect(allows([[developer]], 'exec', aStack('shop-web'))).toBe(true)
    expect(allows([[developer]], 'exec', aStack('blog'))).toBe(true)
    expect(allows([[developer]], 'exec', aStack('blogger'))).toBe(false)
    expect(allows([[developer]], 'exec', aStack('shop'))).toBe(false)
  })

  test('reaches stacks by a label that they have, whatever their name', () => {
    const chain = [[grantOf('developer', ['env=test*'])]]
    expect(allows(chain, 'exec', aStack('shop', { env: 'test-2' }))).toBe(true)
    expect(allows(chain, 'exec', aStack('shop', { env: 'production' }))).toBe(false)
    expect(allows(chain, 'exec', aStack('shop', { of: 'test' }))).toBe(false)
    expect(allows([[grantOf('developer', ['constructor=*'])]], 'exec', aStack('shop'))).toBe(false)
    expect(allows([[grantOf('developer', ['env*'])]], 'exec', aStack('shop', { env: 'test' }))).toBe(false)
  })

  test('that is not for all stacks carries nothing of the daemon', () => {
    expect(allows([[grantOf('owner', ['shop-*'])]], 'administer')).toBe(false)
    expect(allowsEverywhere([[grantOf('owner', ['shop-*'])]], 'read')).toBe(false)
  })

  const grants = fc
    .record({
      role: fc.constantFrom(...ROLE_NAMES),
      stacks: fc.array(fc.constantFrom('*', 'a*', 'ab', 'b', '*b', 'a*b', 'a=b', 'a=*', 'env=a*', 'b=b'), {
        minLength: 1,
        maxLength: 3,
      }),
    })
    .map(({ role, stacks }) => grantOf(role, stacks))
  const rights = fc.array(grants, { maxLength: 3 })
  const permissions = fc.constantFrom(...(Object.keys(PERMISSIONS) as Permission[]))
  const STACKS = ['a', 'b', 'ab', 'aab', 'axb', 'c'].flatMap((name) =>
    [{}, { a: 'b' }, { a: 'c', env: 'ab' }, { b: 'b' }].map((labels) => aStack(name, labels)),
  )
  const stacks = fc.constantFrom(...STACKS)

  test('is narrowed by each other of the chain, and widened by none', () => {
    fc.assert(
      fc.property(rights, rights, permissions, stacks, (one, other, permission, stack) => {
        expect(allows([one, other], permission, stack)).toBe(
          allows([one], permission, stack) && allows([other], permission, stack),
        )
      }),
    )
  })

  test('is added to by the others of the same rights, a team’s to a user’s', () => {
    fc.assert(
      fc.property(rights, rights, permissions, stacks, (one, other, permission, stack) => {
        expect(allows([[...one, ...other]], permission, stack)).toBe(
          allows([one], permission, stack) || allows([other], permission, stack),
        )
      }),
    )
  })

  test('that is handed on gives nothing, on any stack, that the giver has not', () => {
    fc.assert(
      fc.property(fc.array(rights, { maxLength: 2 }), grants, (chain, given) => {
        if (lacking(chain, given) !== undefined) return
        for (const permission of Object.keys(PERMISSIONS) as Permission[])
          for (const stack of STACKS)
            if (allows([[given]], permission, stack)) expect(allows(chain, permission, stack)).toBe(true)
        if (isUnbound([[given]])) expect(isUnbound(chain)).toBe(true)
      }),
      { numRuns: 3000 },
    )
  })

  test('says what the giver has not', () => {
    const human: Grant = { role: 'human-resources', permissions: ['connect', 'access.manage'], stacks: ['*'] }
    const chain = [[human, grantOf('developer', ['shop-*'])]]
    expect(lacking(chain, grantOf('developer', ['shop-web', 'shop-*']))).toBeUndefined()
    expect(lacking(chain, grantOf('developer', ['shop*']))).toEqual({ permission: 'read', pattern: 'shop*' })
    expect(lacking(chain, grantOf('viewer', ['*']))).toEqual({ permission: 'read', pattern: '*' })
    const all = [[{ role: 'everything', permissions: Object.keys(PERMISSIONS) as Permission[], stacks: ['*'] }]]
    expect(lacking(all, grantOf('administrator', ['*']))).toBe('freedom from the policy')
    expect(lacking([[grantOf('administrator', ['*'])]], grantOf('owner', ['*']))).toMatchObject({
      permission: 'access.own',
    })
  })

  test('is free of the policy with a role above, for all stacks, in each of the chain', () => {
    const administrator = grantOf('administrator', ['*'])
    expect(isUnbound([[administrator]])).toBe(true)
    expect(isUnbound([[grantOf('administrator', ['shop-*'])]])).toBe(false)
    expect(isUnbound([[grantOf('power-user', ['*'])]])).toBe(false)
    expect(isUnbound([[grantOf('viewer', ['*']), administrator]])).toBe(true)
    expect(isUnbound([[grantOf('viewer', ['*'])], [administrator]])).toBe(false)
    expect(isUnbound([[]])).toBe(false)
    expect(isUnbound([])).toBe(false)
  })
})

test('no role of the daemon’s own making rules over owners, or accepts invitations', () => {
  const permissions = Object.keys(PERMISSIONS) as Permission[]
  expect(permissions.filter((permission) => !GRANTABLE.includes(permission))).toEqual([
    'access.own',
    'invitation.accept',
  ])
})

describe('a pattern', () => {
  test('means what it means as a regular expression', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 8 })
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '-', '*'), maxLength: 8 })
    fc.assert(
      fc.property(pattern, text, (pattern, name) => {
        const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`)
        expect(matchesPattern(pattern, name)).toBe(expression.test(name))
      }),
      { numRuns: 3000 },
    )
  })

  test('of many stars is answered at once', () => {
    expect(matchesPattern(`${'*a'.repeat(50)}b`, 'a'.repeat(100))).toBe(false)
  })
})
