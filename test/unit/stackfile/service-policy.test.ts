import { describe, expect, it } from 'vitest'
import { servicePolicyFindings } from '../../../protocol/stackfile/service-policy.ts'

const messages = (policy: unknown) => servicePolicyFindings(policy).map(({ message }) => message)
const route = (one: object) => messages({ routes: [one] })

describe('x-evenkeel of a service', () => {
  it('may say all that there is', () => {
    expect(
      messages({
        unhealthy: 'replace',
        halted: 'never',
        balance: 'least-connections',
        drain: '1m30s',
        scale: { min: 2, max: 5, target: { cpu: '70%', memory: 80 }, cooldown: '2m' },
        routes: [{ host: 'shop.example', path: '/api', port: 8080 }, { path: '/' }],
      }),
    ).toEqual([])
  })

  it('has no other keys, and says which was probably meant', () => {
    expect(servicePolicyFindings({ route: [] })).toEqual([
      { message: 'Unknown key "route"', path: ['route'], hint: 'Did you mean "routes"?' },
    ])
    expect(servicePolicyFindings({ routes: [{ hots: 'a.test', path: '/' }] })[0]).toMatchObject({
      path: ['routes', 0, 'hots'],
      hint: 'Did you mean "host"?',
    })
  })

  it.each([
    [{ drain: '30' }, 'drain is to be a duration'],
    [{ drain: '-1s' }, 'drain is to be a duration'],
    [{ balance: 'random' }, 'balance is to be one of round-robin, least-connections'],
    [{ routes: {} }, 'routes is to be a list'],
    [[], 'x-evenkeel is to be a mapping'],
    [{ scale: 3 }, 'scale is to be a mapping'],
    [{ scale: { target: { cpu: 50 } } }, 'max is to be a number from 1 to 1000'],
    [{ scale: { min: 4, max: 3, target: { cpu: 50 } } }, 'max is less than min'],
    [{ scale: { max: 3 } }, 'scale needs a target'],
    [{ scale: { max: 3, target: {} } }, 'target is to have one of cpu, memory'],
    [{ scale: { max: 3, target: { cpu: '120%' } } }, 'cpu is to be a percentage from 1 to 100'],
    [{ scale: { max: 3, target: { cpus: 50 } } }, 'Unknown key "cpus"'],
    [{ scale: { max: 3, target: { memory: '80%' }, cooldown: 5 } }, 'cooldown is to be a duration'],
  ])('is not %j', (policy, message) => expect(messages(policy)).toEqual([message]))
})

describe('a route', () => {
  it.each(['a.test }', 'a test', 'a..test', '-a.test', 'a.test\nbackend x', ''])('has no host %j', (host) =>
    expect(route({ host })).toContain('host is to be a host name'),
  )

  it.each(['api', '/a b', '/a}', '/a\n', '/{ x }'])('has no path %j', (path) =>
    expect(route({ path })).toContain('path is to begin with /'),
  )

  it.each([0, 65_536, '80', 1.5])('has no port %j', (port) =>
    expect(route({ path: '/', port })).toEqual(['port is to be a number from 1 to 65535']),
  )

  it('leads from somewhere, and once', () => {
    expect(route({ port: 80 })).toEqual(['A route needs a host, a path, or both'])
    expect(messages({ routes: [{ host: 'a.test' }, { host: 'A.test', path: '/' }] })).toEqual([
      'This route is there twice',
    ])
  })
})
