/** HTTPS on a real Engine: certificates of one's own, and those of a real ACME server (pebble). */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { request } from 'node:https'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { selfSigned } from '../lab/certificate.mjs'
import { LabDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { ensureIngressImage, ingressImage } from '../lab/haproxy.mjs'
import { ensureImages } from '../lab/images.mjs'
import { ensurePebble, Pebble } from '../lab/pebble.mjs'
import { sweep } from '../lab/sweep.mjs'
import { HaproxyAsked } from '../prove/ingress/haproxy-asked.mjs'

const ENGINE = testEngines()[0]!
const STACK = `ektest-https-${process.pid}`
const HTTP = 18_900 + (process.pid % 100)
const HTTPS = 19_000 + (process.pid % 100)

const folder = temporaryFolder('https')
const at = { cwd: folder.path }
const daemon = new LabDaemon({ engine: ENGINE, folder: join(folder.path, 'daemon') })
const pebble = new Pebble({ folder: join(folder.path, 'pebble'), httpPort: HTTP, blocked: ['blocked.test'] })
const viewer = join(folder.path, 'viewer.sock')

const start = (more: string[] = []) =>
  daemon.start({
    more: [
      ...['--ingress-image', ingressImage, '--ingress-http', `127.0.0.1:${HTTP}`],
      ...['--ingress-https', `127.0.0.1:${HTTPS}`, '--listen-socket', `${viewer}=viewer`],
      ...['--acme', pebble.directory, '--acme-ca', pebble.authority, '--acme-terms', 'agreed', ...more],
    ],
  })
const up = (routes: object[], more: object = {}) => {
  const web = {
    image: 'ek-lab/app:1',
    stop_grace_period: '0s',
    healthcheck: { test: ['CMD', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1:8080/health'], interval: '500ms' },
    'x-evenkeel': { routes: routes.map((route) => ({ port: 8080, ...route })), drain: '0s', ...more },
  }
  writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify({ name: STACK, services: { web } }))
  return daemon.must(['up', '-d'], at)
}

interface Seen {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly issuer: string
}

/** By a client that trusts this authority alone. */
function asked(host: string, authority: string): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...{ host: '127.0.0.1', port: HTTPS, servername: host, ca: authority, agent: false, timeout: 10_000 },
        headers: { host },
      },
      (answer) => {
        const { issuer } = (answer.socket as TLSSocket).getPeerCertificate()
        answer.resume()
        answer.once('end', () =>
          resolve({ status: answer.statusCode, headers: answer.headers, issuer: String(issuer.CN) }),
        )
      },
    )
    sent.once('error', reject)
    sent.end()
  })
}

async function certificateOf(host: string) {
  const { stdout } = await daemon.must(['certificate', 'ls', '--format', 'json'])
  const lines = stdout.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line)).find((one) => one.host === host)
}
const untilState = (host: string, state: string) =>
  until(`${host} is ${state}`, async () => (await certificateOf(host))?.state === state, { everyMs: 500 })

const made = (host: string) => selfSigned(host, folder.path)
const importing = (host: string, { cert, key }: { cert: string; key: string }) => [
  ...['certificate', 'import', host, '--cert', cert, '--key', key],
]

beforeAll(async () => {
  await ensureImages(ENGINE)
  await ensureIngressImage(ENGINE)
  await ensurePebble()
  await pebble.start()
  mkdirSync(daemon.folder)
  await start()
})
afterAll(async () => {
  await daemon.ek(['-p', STACK, 'down', '-t', '0'])
  await daemon.remove()
  await pebble.stop()
  await sweep(ENGINE, STACK)
  folder.remove()
})

describe('a certificate of one’s own', () => {
  test('is missing, and told by `certificate ls` and `ps`, until it is imported; then it is served', async () => {
    await up([{ host: 'own.test' }], { tls: { certificate: 'own', hsts: 600 } })
    expect(await certificateOf('own.test')).toMatchObject({ state: 'missing', usedBy: [{ stack: STACK }] })
    expect((await daemon.ek(['ps'], at)).stderr).toContain('https of own.test: missing')
    await expect(asked('own.test', '')).rejects.toMatchObject({ code: expect.stringMatching(/SSL|EPROTO|ECONNRESET/) })
    expect((await led('own.test', '/')).status).toBe(200)
    const own = await made('own.test')
    await daemon.must(importing('own.test', own))
    const { status, headers } = await asked('own.test', readFileSync(own.cert, 'utf8'))
    expect([status, headers['strict-transport-security']]).toEqual([200, 'max-age=600'])
    expect(await certificateOf('own.test')).toMatchObject({ state: 'valid', source: 'own', issuer: 'own.test' })
  })

  test('is refused where it does not fit, and what is there stays', async () => {
    const [own, other] = [await made('own.test'), await made('other.test')]
    const wrong = await daemon.ek(importing('own.test', other))
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('not for own.test, but for other.test')])
    const mixed = await daemon.ek(importing('own.test', { cert: own.cert, key: other.key }))
    expect([mixed.code, mixed.stderr]).toEqual([1, expect.stringContaining('the key is not that of the certificate')])
    expect(await certificateOf('own.test')).toMatchObject({ state: 'valid' })
  })

  test('is imported by whoever may administer, and by nobody else', async () => {
    const env = { EVENKEEL_HOST: `unix://${viewer}` }
    const { code, stderr } = await daemon.ek(importing('own.test', await made('own.test')), { env })
    expect([code, stderr]).toEqual([1, expect.stringContaining('administer')])
    expect((await daemon.ek(['certificate', 'ls'], { env })).stdout).toContain('own.test')
  })

  test('is served while the daemon is not there', async () => {
    const own = await made('own.test')
    await daemon.must(importing('own.test', own))
    await daemon.kill()
    expect((await asked('own.test', readFileSync(own.cert, 'utf8'))).status).toBe(200)
    await start()
  })
})

test('comes back with HAProxy, whoever killed that', async () => {
  const own = await made('own.test')
  await daemon.must(importing('own.test', own))
  const filters = encodeURIComponent(JSON.stringify({ label: ['dev.evenkeel.ingress'] }))
  const containers: { Id: string; Mounts: { Source: string }[] }[] = await engineJson(
    ENGINE,
    'GET',
    `/containers/json?filters=${filters}`,
  )
  const ingress = containers.find(({ Mounts }) => Mounts.some(({ Source }) => Source.startsWith(daemon.state)))!
  await engineCall(ENGINE, 'POST', `/containers/${ingress.Id}/kill`)
  const authority = readFileSync(own.cert, 'utf8')
  await until('it serves again', async () => (await asked('own.test', authority)).status === 200)
})

describe('a certificate of an authority', () => {
  test('is had by itself, trusted by who trusts the authority, and HTTP leads to it; the next one takes no reload', async () => {
    await up([{ host: 'auto.test' }, { host: 'late.test', tls: 'own' }], { tls: 'auto' })
    await untilState('auto.test', 'valid')
    const root = await pebble.root()
    expect(await asked('auto.test', root)).toMatchObject({ status: 200, issuer: expect.stringContaining('Pebble') })
    const { status, location } = await led('auto.test', '/a?b=1')
    expect([status, location]).toEqual([308, `https://auto.test:${HTTPS}/a?b=1`])
    const haproxy = new HaproxyAsked(daemon)
    const before = await haproxy.workers()
    await daemon.must(importing('late.test', await made('late.test')))
    await daemon.must(['certificate', 'rm', 'auto.test'])
    await untilState('auto.test', 'valid')
    expect(await haproxy.workers()).toEqual(before)
  })

  test('that is not given is told with its reason, and the host is served over HTTP meanwhile', async () => {
    await pebble.leadTo('astray.test', ['127.0.0.9'])
    await up([{ host: 'astray.test' }, { host: 'blocked.test' }], { tls: 'auto' })
    const errorOf = (host: string) => until(`${host} is told`, async () => (await certificateOf(host))?.error)
    expect(await errorOf('blocked.test')).toContain('(rejectedIdentifier)')
    expect(await errorOf('astray.test')).toMatch(/127\.0\.0\.9.*\(connection\).*port 80/)
    expect((await led('astray.test', '/')).status).toBe(200)
  })

  test('is proven over the DNS by a program of the operator’s', async () => {
    const hook = join(folder.path, 'hook')
    writeFileSync(
      hook,
      `#!${process.execPath}
const [word, name, value] = process.argv.slice(2)
fetch('${pebble.dnsUrl}/' + word + '-txt', { method: 'POST', body: JSON.stringify({ host: name + '.', value }) })
  .then(({ ok }) => process.exit(ok ? 0 : 1))
`,
    )
    chmodSync(hook, 0o700)
    await daemon.stop()
    await start(['--acme-dns-hook', hook])
    await pebble.leadTo('dns.test', ['127.0.0.9'])
    await up([{ host: 'dns.test' }], { tls: 'auto' })
    await untilState('dns.test', 'valid')
    expect((await asked('dns.test', await pebble.root())).status).toBe(200)
  })
})

test('tls without a host is an error of the file, at its place', async () => {
  await expect(up([{ path: '/' }], { tls: 'auto' })).rejects.toThrow(/tls needs a route with a host/)
})

/** Where HTTP leads. */
function led(host: string, path: string): Promise<{ status: number; location: string | null }> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port: HTTP, path, headers: { host } }, (answer) => {
      answer.resume()
      resolve({ status: answer.statusCode ?? 0, location: answer.headers.location ?? null })
    }).once('error', reject)
  })
}
