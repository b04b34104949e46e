import { describe, expect, it } from 'vitest'
import { type IngressSettings, renderConfig } from '../../../daemon/ingress/config.ts'
import { pausesOf } from '../../../daemon/ingress/hold.ts'
import { sessionsOf } from '../../../daemon/ingress/runtime.ts'
import type { IngressService } from '../../../daemon/ingress/table.ts'
import type { ServiceRouting } from '../../../daemon/stack/routing.ts'

const SETTINGS: IngressSettings = {
  http: { host: '0.0.0.0', port: 80 },
  https: { host: '0.0.0.0', port: 443 },
  ipv6: false,
  cookieKey: 'key',
}
const ID = 'abcdef0123456789'

const aService = (routing: Partial<ServiceRouting>, parts: Partial<IngressService> = {}): IngressService => ({
  stack: 'shop',
  service: 'web',
  routing: { ports: [], routes: [], balance: 'roundrobin', drainMs: 0, ...routing },
  servers: [{ id: ID, address: '172.18.0.2', state: 'ready', weight: 1 }],
  ...parts,
})
const port = { ip: '', port: 5432, target: 6000, mode: 'tcp' } as const
const linesOf = (services: readonly IngressService[], settings = SETTINGS): string[] =>
  renderConfig(services, settings)
    .text.split('\n')
    .map((line) => line.trim())

describe('the configuration of the ingress', () => {
  it('listens on a port for a service, and brings what comes to its containers', () => {
    const lines = linesOf([aService({ ports: [port] })])
    expect(lines).toContain('bind 0.0.0.0:5432')
    expect(lines).toContain('default_backend shop:web:6000:tcp')
    expect(lines).toContain('server abcdef012345 172.18.0.2:6000')
  })

  it('listens on one address where the file names one, and on both families where the machine has both', () => {
    expect(linesOf([aService({ ports: [{ ...port, ip: '127.0.0.1' }] })])).toContain('bind 127.0.0.1:5432')
    const both = linesOf([aService({ ports: [port] })], { ...SETTINGS, ipv6: true })
    expect(both).toEqual(expect.arrayContaining(['bind 0.0.0.0:5432', 'bind [::]:5432 v6only']))
  })

  it('asks for the longest path of the very host first', () => {
    const to = (host: string | undefined, path: string) => ({ host, path, target: 80 })
    const rules = linesOf([
      aService({ routes: [to(undefined, '/'), to('a.test', '/'), to('a.test', '/api'), to(undefined, '/api/v2')] }),
    ]).filter((line) => line.startsWith('use_backend shop'))
    const isHost = '{ req.hdr(host),host_only,lower -m str a.test }'
    expect(rules).toEqual([
      `use_backend shop:web:80:http if ${isHost} { path /api } or ${isHost} { path_beg /api/ }`,
      `use_backend shop:web:80:http if ${isHost}`,
      'use_backend shop:web:80:http if { path /api/v2 } or { path_beg /api/v2/ }',
      'use_backend shop:web:80:http',
    ])
  })

  it('has a worker of before a reload hand on what comes to it, before any of its own rules', () => {
    const lines = linesOf([aService({ ports: [{ ...port, mode: 'http' }] })])
    const path = '/run/evenkeel/port-any-5432.sock'
    expect(lines).toContain(`bind ${path} mode 600 accept-proxy`)
    expect(lines).toContain(`server newest unix@${path} send-proxy-v2`)
    const first = lines.indexOf('use_backend newest.port:any:5432 if { stopping }')
    expect(first).toBeGreaterThan(0)
    expect(lines.indexOf('default_backend shop:web:6000:http')).toBeGreaterThan(first)
  })

  it('tells the container who asks, in the place of what the client says of itself', () => {
    const lines = linesOf([aService({ ports: [{ ...port, mode: 'http' }] })])
    expect(lines).toEqual(
      expect.arrayContaining([
        'http-request set-header X-Forwarded-For %[src]',
        'http-request set-header X-Forwarded-Host %[req.hdr(host)]',
        'http-request del-header Forwarded',
      ]),
    )
  })

  it('keeps clients by cookies of HTTP that say nothing, and by their address where there are none', () => {
    const sticky = aService({ balance: 'sticky', ports: [port, { ...port, port: 80, target: 80, mode: 'http' }] })
    const lines = linesOf([sticky])
    expect(lines).toEqual(expect.arrayContaining(['balance source', 'hash-type consistent']))
    const cookie = lines.find((line) => line.startsWith('cookie'))
    expect(cookie).toMatch(/^cookie ek-[0-9a-f]{8} insert indirect nocache httponly attr SameSite=Lax dynamic$/)
    expect(linesOf([sticky], { ...SETTINGS, cookieKey: 'other' })).not.toEqual(lines)
  })

  it('has the limits of HTTP only there, and those of TCP only there', () => {
    const both = [port, { ...port, port: 80, target: 80, mode: 'http' }] as const
    const limits = { maxBodyBytes: 10, timeoutMs: 1500 }
    const { text } = renderConfig([aService({ ports: both, limits, proxyProtocol: true })], SETTINGS)
    const [, tcp = '', http = ''] = text.split(/^backend shop/m)
    expect(http).toContain('timeout server 1500ms')
    expect(http).toContain('{ req.hdr_val(content-length) gt 10 }')
    expect(tcp).not.toMatch(/timeout|status/)
    expect(tcp).toContain('default-server send-proxy\n')
    expect(http).not.toContain('send-proxy')
  })

  it('speaks HTTP/2 to containers where that is said, and hands such requests on in it over a reload', () => {
    const routes = [
      { host: undefined, path: '/', target: 80 },
      { host: undefined, path: '/rpc', target: 80, mode: 'h2' } as const,
    ]
    const lines = linesOf([aService({ routes })])
    expect(lines).toContain('use_backend shop:web:80:h2 if { path /rpc } or { path_beg /rpc/ }')
    expect(lines.filter((line) => line.startsWith('default-server'))).toEqual([
      'default-server pool-purge-delay 500ms pool-max-conn 1000',
      'default-server proto h2 pool-purge-delay 500ms pool-max-conn 1000',
    ])
    const handed = lines.filter((line) => line.startsWith('use_backend newest.'))
    expect(handed).toEqual([
      'use_backend newest.h2.routes if { stopping } { req.ver 2.0 }',
      'use_backend newest.routes if { stopping }',
    ])
    expect(lines.filter((line) => /^server newest/.test(line))).toEqual([
      'server newest unix@/run/evenkeel/routes.sock send-proxy-v2 proto h2',
      'server newest unix@/run/evenkeel/routes.sock send-proxy-v2',
    ])
    expect(linesOf([aService({ routes: [routes[0]!] })]).join()).not.toContain('h2')
  })

  it('shows a page of the service while no replica can be reached, from a file named by what it says', () => {
    const withPage = (errorPage?: string) =>
      renderConfig(
        [aService({ routes: [{ host: undefined, path: '/', target: 80 }], limits: { errorPage } })],
        SETTINGS,
      )
    const { text, pages, structure } = withPage('<h1>Soon')
    const [[name, page]] = [...pages] as [[string, string]]
    expect(page).toBe('<h1>Soon')
    expect(text).toContain(`content-type text/html;charset=utf-8 file /run/evenkeel/${name}`)
    expect(withPage('<h1>Later').structure).not.toBe(structure)
    expect(withPage().text).toContain('content-type text/plain string')
  })

  it('has what is new for a paused service wait, by the most specific route, before it chooses where to bring it', () => {
    const route = (path: string) => ({ host: undefined, path, target: 80 })
    const services = [
      aService({ routes: [route('/')], ports: [port] }, { pausedUntilMs: 1_700_000_000_000 }),
      aService({ routes: [route('/api')] }, { service: 'api' }),
    ]
    const lines = linesOf(services)
    const routes = lines.slice(lines.indexOf('frontend routes'))
    const at = (start: string) => routes.findIndex((line) => line.startsWith(start))
    expect(at('http-request set-var(txn.service) str(shop:web)')).toBeLessThan(
      at('http-request set-var(txn.service) str(shop:api) if { path /api }'),
    )
    expect(at('http-request set-var(txn.service) str(shop:api)')).toBeLessThan(at('http-request lua.evenkeel_hold'))
    expect(at('http-request lua.evenkeel_hold')).toBeLessThan(at('use_backend newest.routes'))
    expect(lines).toEqual(
      expect.arrayContaining(['lua-load /run/evenkeel/hold.lua', 'tcp-request content lua.evenkeel_hold']),
    )
    const going = linesOf(services.map(({ pausedUntilMs: _, ...service }) => service))
    // What is let go of in a worker of before is brought to the newest one, which may hold nothing any more.
    expect(going).toContain('bind /run/evenkeel/port-any-5432.sock mode 600 accept-proxy')
    expect(going.some((line) => line.includes('lua'))).toBe(false)
    expect([...pausesOf(services)]).toEqual([['shop:web', '1700000000000']])
  })

  it('has no more of a container that drains, for a new worker is to bring nothing to it', () => {
    const servers = [{ id: ID, address: '172.18.0.2', state: 'draining' as const, weight: 1 }]
    expect(linesOf([aService({ ports: [port] }, { servers })]).some((line) => line.startsWith('server '))).toBe(false)
  })

  it('says by its structure whether a reload is needed: not for a container that comes or goes', () => {
    const structureOf = (service: IngressService) => renderConfig([service], SETTINGS).structure
    const before = structureOf(aService({ ports: [port] }))
    expect(structureOf(aService({ ports: [port] }, { servers: [] }))).toBe(before)
    expect(structureOf(aService({ ports: [{ ...port, port: 5433 }] }))).not.toBe(before)
    expect(renderConfig([aService({ ports: [port] })], SETTINGS).text).toContain(`description ${before}`)
  })
})

it('counts the sessions of a container over all backends that have it', () => {
  const csv =
    '# pxname,svname,qcur,qmax,scur,smax\nshop:web:80:http,one,0,0,3,9\nshop:web:81:tcp,one,0,0,2,9\nx,two,0,0,7,9\n'
  expect(sessionsOf(csv, 'one')).toBe(5)
  expect(sessionsOf(csv, 'none')).toBe(0)
})
