import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CERTIFIED, CHALLENGES, filesOf, LIST } from '../../../daemon/ingress/certificate-files.ts'
import { type IngressSettings, renderConfig } from '../../../daemon/ingress/config.ts'
import { IngressTls, refuseTakenByHttps } from '../../../daemon/ingress/ingress-tls.ts'
import { encryptedHosts, type IngressService } from '../../../daemon/ingress/table.ts'
import type { HttpRoute, RoutedPort } from '../../../daemon/stack/routing.ts'
import { problemOf } from '../support/problems.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const SETTINGS: IngressSettings = {
  http: { host: '0.0.0.0', port: 80 },
  https: { host: '0.0.0.0', port: 443 },
  ipv6: false,
  cookieKey: 'key',
}
const AUTO = { certificate: 'auto', redirect: true } as const
const route = (host: string, more: Partial<HttpRoute> = {}): HttpRoute => ({ host, path: '/', target: 80, ...more })
const aService = (routes: HttpRoute[], ports: RoutedPort[] = [], service = 'web'): IngressService => ({
  stack: 'shop',
  service,
  routing: { ports, routes, balance: 'roundrobin', drainMs: 0 },
  servers: [],
})
const textOf = (routes: HttpRoute[], settings = SETTINGS): string => renderConfig([aService(routes)], settings).text
/** Of one frontend. */
const partOf = (text: string, name: string): string =>
  text.split(/^(?=frontend |backend )/m).find((one) => one.startsWith(name))!

describe('a host over HTTPS', () => {
  it('is served with its certificate alone, by protocols and ciphers of today', () => {
    const bind = partOf(textOf([route('a.test', { tls: AUTO })]), 'frontend routes-tls').split('\n')[2]!
    expect(bind).toContain(`bind 0.0.0.0:443 ssl crt-list ${LIST} strict-sni alpn h2,http/1.1 ssl-min-ver TLSv1.2`)
    expect(bind).toContain('no-tls-tickets')
    expect(
      /ciphers (\S+)/
        .exec(bind)![1]!
        .split(':')
        .every((one) => /^ECDHE-.*(GCM|CHACHA20)/.test(one)),
    ).toBe(true)
  })

  it('has no port, and HTTP no redirect, where no route asks for it', () => {
    const text = textOf([route('a.test')])
    expect(text).not.toMatch(/ ssl |to-https|routes-tls/)
  })

  it('is reached only by routes that say so', () => {
    const tls = partOf(textOf([route('a.test', { tls: AUTO }), route('b.test')]), 'frontend routes-tls')
    expect(tls).toContain('-m str a.test')
    expect(tls).not.toContain('b.test')
    expect(tls).toContain('X-Forwarded-Proto https')
  })

  it('has the cookies of sticky clients marked as secure, and HTTP does not', () => {
    const service = aService([route('a.test', { tls: AUTO }), route('b.test')])
    const sticky = renderConfig([{ ...service, routing: { ...service.routing, balance: 'sticky' } }], SETTINGS).text
    const mark = String.raw`http-after-response replace-header Set-Cookie '^(ek-[0-9a-f]+=[^;]*)(.*)$' '\1; Secure\2'`
    expect(partOf(sticky, 'frontend routes-tls')).toContain(mark)
    expect(partOf(sticky, 'frontend routes\n')).not.toContain('Secure')
    expect(textOf([route('a.test', { tls: AUTO })])).not.toContain('Secure')
  })

  it('is where HTTP leads once it has a certificate, but for what an authority asks', () => {
    const http = partOf(textOf([route('a.test', { tls: AUTO }), route('b.test')]), 'frontend routes\n')
    const lines = http.split('\n').map((line) => line.trim())
    const leads = lines.filter((line) => line.startsWith('use_backend to-https'))
    expect(leads).toEqual([
      `use_backend to-https if { req.hdr(host),host_only,lower -m str a.test } { req.hdr(host),host_only,lower,map_str(${CERTIFIED}) -m found } !{ path_beg /.well-known/acme-challenge/ }`,
    ])
    expect(lines.indexOf(leads[0]!)).toBeLessThan(lines.findIndex((line) => line.startsWith('use_backend shop:web')))
    const still = textOf([route('a.test', { tls: { ...AUTO, redirect: false } })])
    expect(still).not.toContain('use_backend to-https')
  })

  it('is led to with the port, where that is not the usual one', () => {
    const to = (port: number) =>
      /location (\S+) code 308/.exec(
        textOf([route('a.test', { tls: AUTO })], { ...SETTINGS, https: { host: '0.0.0.0', port } }),
      )![1]
    expect(to(443)).toBe('https://%[req.hdr(host),host_only]%[pathq]')
    expect(to(8443)).toBe('https://%[req.hdr(host),host_only]:8443%[pathq]')
  })

  it('tells browsers the longest time of its routes, and of no other host', () => {
    const text = textOf([
      route('a.test', { tls: { ...AUTO, hstsSeconds: 60 } }),
      route('a.test', { path: '/x', tls: { ...AUTO, hstsSeconds: 600 } }),
      route('b.test', { tls: AUTO }),
    ])
    expect(text.match(/set-var\(txn.hsts\).*/g)).toEqual([
      'set-var(txn.hsts) int(600) if { req.hdr(host),host_only,lower -m str a.test }',
    ])
  })

  it('takes no reload for a certificate: the configuration names none', () => {
    expect(textOf([route('a.test', { tls: AUTO })])).not.toContain('.pem')
  })
})

it('is asked of nobody where one of its services brings its own', () => {
  const own = { ...AUTO, certificate: 'own' } as const
  const services = [
    aService([route('a.test', { tls: AUTO }), route('a.test', { path: '/x', tls: AUTO }), route('c.test')]),
    aService([route('a.test', { path: '/y', tls: own })], [], 'api'),
  ]
  expect(encryptedHosts(services)).toEqual([
    {
      host: 'a.test',
      certificate: 'own',
      usedBy: [
        { stack: 'shop', service: 'web' },
        { stack: 'shop', service: 'api' },
      ],
    },
  ])
})

it('has its port to itself, and leaves it alone where nothing is served over it', () => {
  const port: RoutedPort = { ip: '', port: 443, target: 443, mode: 'tcp' }
  const holder = aService([], [port], 'proxy')
  refuseTakenByHttps([holder, aService([route('a.test')])], 443)
  const { code, message, hint } = problemOf(() =>
    refuseTakenByHttps([holder, aService([route('a.test', { tls: AUTO })])], 443),
  )
  expect([code, message]).toEqual([
    'port-taken',
    'port 443/tcp is that of service proxy of stack shop, and that of routes over HTTPS',
  ])
  expect(hint).toContain('--ingress-https')
})

/** HAProxy's runtime API as far as it goes here, with a list and maps of its own. */
function aRuntime() {
  const list = new Map<string, string>()
  const maps = new Map<string, Map<string, string>>()
  const pems = new Map<string, string>()
  const asked: string[] = []
  const mapOf = (name: string) => maps.get(name) ?? maps.set(name, new Map()).get(name)!
  const answer = (command: string): string => {
    const [line, ...payload] = command.replace(/^@1 /, '').split('\n')
    asked.push(line!)
    const words = line!.split(' ')
    const verb = words.slice(0, 3).join(' ')
    if (verb === 'show ssl crt-list')
      return ['# list', ...[...list].map(([file, host]) => `${file} ${host}`)].join('\n')
    if (verb === 'new ssl cert') return 'New empty certificate store\n'
    if (verb === 'set ssl cert') {
      pems.set(words[3]!, payload.join('\n'))
      return payload.join('').includes('BAD') ? 'unable to load certificate\n' : 'Transaction created\n'
    }
    if (verb === 'commit ssl cert') return 'Success!\n'
    if (verb === 'add ssl crt-list') {
      const [file, host] = payload[0]!.split(' ')
      list.set(file!, host!)
      return 'Success!\n'
    }
    if (verb === 'del ssl crt-list') list.delete(words[4]!)
    if (words[0] === 'del' && words[1] === 'ssl') return 'deleted!\n'
    const map = mapOf(words[2]!)
    if (words[0] === 'show') return [...map].map(([key, value], index) => `0x${index} ${key} ${value}`).join('\n')
    if (words[0] === 'del') map.delete(words[3]!)
    else map.set(words[3]!, words[4]!)
    return '\n'
  }
  return {
    list,
    mapOf,
    asked,
    ask: async (command: string) => answer(command),
    must: async (command: string, expected: RegExp) => {
      const said = answer(command)
      if (!expected.test(said)) throw new Error(said)
    },
  }
}

function anIngressTls() {
  const folder = temporaryFolder()
  const pems = new Map<string, string>()
  const runtime = aRuntime()
  const warned: object[] = []
  const log = { warn: (fields: object) => void warned.push(fields) }
  const tls = new IngressTls({ folder, runtime, certificateOf: (host) => pems.get(host), log })
  const sync = async (services: IngressService[]) => tls.sync(services, tls.write(services))
  const read = (path: string) => readFileSync(join(folder, 'tls', path.split('/').at(-1)!), 'utf8')
  return { folder, pems, runtime, tls, sync, read, warned }
}

describe('certificates of the ingress', () => {
  const services = [aService([route('a.test', { tls: AUTO }), route('b.test', { tls: AUTO })])]

  it('are told at runtime, and written down for the next start, for its owner alone', async () => {
    const { pems, runtime, sync, read, folder } = anIngressTls()
    pems.set('a.test', 'PEM-A\n')
    await sync(services)
    expect([...runtime.list.values()]).toEqual(['a.test'])
    expect([...runtime.mapOf(CERTIFIED).keys()]).toEqual(['a.test'])
    expect(read('list')).toMatch(/^\S+\/a\.test\.[0-9a-f]{12}\.pem a\.test\n$/)
    const [file] = filesOf({ certificates: pems, challenges: new Map() }).keys()
    expect(read(file!)).toBe('PEM-A\n')
    expect(statSync(join(folder, 'tls', file!.split('/').at(-1)!)).mode & 0o777).toBe(0o600)
  })

  it('are told once, and replaced with no moment without one', async () => {
    const { pems, runtime, sync, folder } = anIngressTls()
    pems.set('a.test', 'PEM-1\n')
    await sync(services)
    runtime.asked.length = 0
    await sync(services)
    expect(runtime.asked.filter((line) => !line.startsWith('show '))).toEqual([])
    pems.set('a.test', 'PEM-2\n')
    await sync(services)
    const order = runtime.asked.filter((line) => /crt-list/.test(line) && !line.startsWith('show'))
    expect(order.map((line) => line.split(' ')[0])).toEqual(['add', 'del'])
    expect(runtime.list.size).toBe(1)
    expect(readdirSync(join(folder, 'tls')).filter((name) => name.endsWith('.pem'))).toHaveLength(1)
  })

  it('go with their host, and HTTP leads there no more', async () => {
    const { pems, runtime, sync, read } = anIngressTls()
    pems.set('a.test', 'PEM\n')
    pems.set('b.test', 'PEM\n')
    await sync(services)
    await sync([aService([route('b.test', { tls: AUTO })])])
    expect([...runtime.list.values()]).toEqual(['b.test'])
    expect([...runtime.mapOf(CERTIFIED).keys()]).toEqual(['b.test'])
    expect(read(CERTIFIED)).toBe('b.test 1\n')
  })

  it('that HAProxy does not take keep no other from being served', async () => {
    const { pems, runtime, sync, warned } = anIngressTls()
    pems.set('a.test', 'BAD\n')
    pems.set('b.test', 'PEM\n')
    await sync(services)
    expect([...runtime.mapOf(CERTIFIED).keys()]).toEqual(['b.test'])
    expect(warned).toMatchObject([{ host: 'a.test' }])
  })

  it('that are waited for are proven by an answer, as long as that is asked for', async () => {
    const { runtime, tls, read } = anIngressTls()
    await tls.answer(services, '/.well-known/acme-challenge/x', 'x.y')
    expect([...runtime.mapOf(CHALLENGES)]).toEqual([['/.well-known/acme-challenge/x', 'x.y']])
    expect(read(CHALLENGES)).toBe('/.well-known/acme-challenge/x x.y\n')
    await tls.answer(services, '/.well-known/acme-challenge/x', undefined)
    expect([...runtime.mapOf(CHALLENGES)]).toEqual([])
  })

  it('are not asked of an ingress that serves nothing', async () => {
    const { runtime, tls, folder } = anIngressTls()
    await tls.answer([], '/x', 'y')
    expect(runtime.asked).toEqual([])
    expect(existsSync(join(folder, 'tls/list'))).toBe(true)
  })
})
