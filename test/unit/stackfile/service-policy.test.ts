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
        ingress: { max_body: '10m', timeout: '30s', error_page: './page.html', proxy_protocol: true },
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
    [{ balance: 'random' }, 'balance is to be one of round-robin, least-connections, sticky'],
    [{ ingress: [] }, 'ingress is to be a mapping'],
    [{ ingress: { max_bdy: '1m' } }, 'Unknown key "max_bdy"'],
    [{ ingress: { max_body: 'much' } }, 'max_body is to be a size'],
    [{ ingress: { max_body: 0 } }, 'max_body is to be a size'],
    [{ ingress: { timeout: '30' } }, 'timeout is to be a duration of at most a day'],
    [{ ingress: { error_page: 503 } }, 'error_page is to be the path of a file'],
    [{ ingress: { error_page: { content: 'x'.repeat(15_000) } } }, 'The page is larger than 14 KiB'],
    [{ ingress: { proxy_protocol: 'v2' } }, 'proxy_protocol is to be true or false'],
    [{ routes: {} }, 'routes is to be a list'],
    [[], 'x-evenkeel is to be a mapping'],
    [{ scale: 3 }, 'scale is to be a mapping'],
    [{ scale: { target: { cpu: 50 } } }, 'max is to be a number from 1 to 1000'],
    [{ scale: { min: 4, max: 3, target: { cpu: 50 } } }, 'max is less than min'],
    [{ scale: { max: 3 } }, 'scale needs a target'],
    [{ scale: { max: 3, target: {} } }, 'target is to have one of cpu, memory, requests'],
    [{ scale: { max: 3, target: { cpu: '120%' } } }, 'cpu is to be a percentage from 1 to 100'],
    [{ scale: { max: 3, target: { requests: '50' } } }, 'requests is to be a number a second, from 0.01 to 1000000'],
    [{ scale: { max: 3, target: { cpus: 50 } } }, 'Unknown key "cpus"'],
    [{ scale: { max: 3, target: { memory: '80%' }, cooldown: 5 } }, 'cooldown is to be a duration'],
  ])('is not %j', (policy, message) => expect(messages(policy)).toEqual([message]))
})

it('is not asked for what the ingress cannot do for the service', () => {
  const ofHttp = servicePolicyFindings({ ingress: { timeout: '1s' } }, { http: false, tcp: true })
  expect(ofHttp).toMatchObject([{ path: ['ingress', 'timeout'], hint: expect.stringContaining('app_protocol: http') }])
  const ofTcp = servicePolicyFindings({ ingress: { proxy_protocol: true } }, { http: true, tcp: false })
  expect(ofTcp).toMatchObject([{ path: ['ingress', 'proxy_protocol'] }])
})

describe('a probe', () => {
  it('asks by http, https, tcp or exec, and says when', () => {
    const when = { interval: '1s', timeout: '500ms', retries: 2, successes: 3, start_period: '0s' }
    expect(messages({ ready: { http: '/up?x=1', port: 80, headers: { Host: 'a.test' }, ...when } })).toEqual([])
    expect(messages({ ready: { tcp: 5432 }, alive: { exec: 'pg_isready -q' } })).toEqual([])
    expect(messages({ alive: { exec: ['pg_isready'] } })).toEqual([])
  })

  it.each([
    ['/up', 'ready is to be a mapping'],
    [{}, 'ready is to have one of http, https, tcp, exec'],
    [{ http: '/', tcp: 1 }, 'ready is to have one of http, https, tcp, exec'],
    [{ htp: '/', http: '/' }, 'Unknown key "htp"'],
    [{ http: 'up' }, 'http is to be a path that begins with /'],
    [{ http: '/a\r\nHost: b' }, 'http is to be a path that begins with /'],
    [{ tcp: '80' }, 'tcp is to be a port, a number from 1 to 65535'],
    [{ exec: [] }, 'exec is to be a command'],
    [{ exec: 'a && b' }, 'exec is to be a command'],
    [{ tcp: 1, port: 2 }, 'port is of http and https alone'],
    [{ http: '/', headers: { 'a b': 'c' } }, 'headers are to be names with texts'],
    [{ http: '/', headers: { a: 'b\r\nc: d' } }, 'headers are to be names with texts'],
    [{ tcp: 1, interval: '10ms' }, 'interval is to be a duration from 100 ms to a day'],
    [{ tcp: 1, timeout: '30' }, 'timeout is to be a duration from 100 ms to a day'],
    [{ tcp: 1, retries: 0 }, 'retries is to be a number from 1 to 100'],
  ])('is not %j', (ready, message) => expect(messages({ ready })).toEqual([message]))
})

it('has no requests to count where the ingress has nothing of it', () => {
  const policy = { scale: { max: 3, target: { requests: 50 } } }
  expect(servicePolicyFindings(policy, { http: false, tcp: false })).toMatchObject([
    { message: expect.stringContaining('the ingress'), path: ['scale', 'target', 'requests'] },
  ])
  expect(servicePolicyFindings(policy, { http: false, tcp: true })).toEqual([])
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

  it('knows what the ingress can speak to a container', () => {
    for (const app_protocol of ['http', 'grpc', 'h2c', 'http2']) expect(route({ path: '/', app_protocol })).toEqual([])
    expect(route({ path: '/', app_protocol: 'https' })).toEqual(['app_protocol is to be one of http, grpc, h2c, http2'])
  })

  it('leads from somewhere, and once', () => {
    expect(route({ port: 80 })).toEqual(['A route needs a host, a path, or both'])
    expect(messages({ routes: [{ host: 'a.test' }, { host: 'A.test', path: '/' }] })).toEqual([
      'This route is there twice',
    ])
  })
})
