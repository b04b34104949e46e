/** gRPC through the ingress, on a real Engine: by its own library on both sides, without TLS and with it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { selfSigned } from '../lab/certificate.mjs'
import { LabDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { GrpcClient } from '../lab/grpc-client.mjs'
import { ensureGrpcImage, grpcImage } from '../lab/grpc-image.mjs'
import { ensureIngressImage, ingressImage } from '../lab/haproxy.mjs'
import { sweep } from '../lab/sweep.mjs'

const ENGINE = testEngines()[0]!
const STACK = `ektest-grpc-${process.pid}`
const [HTTP, HTTPS, PORT, OTHER] = [0, 100, 200, 300].map((part) => 19_200 + part + (process.pid % 100)) as [
  number,
  number,
  number,
  number,
]
const HOST = 'echo.test'

const folder = temporaryFolder('grpc')
const at = { cwd: folder.path }
const daemon = new LabDaemon({ engine: ENGINE, folder: folder.path })
const clients: GrpcClient[] = []

function client(how: { port: number; ca?: string }): GrpcClient {
  const made = new GrpcClient({ address: `127.0.0.1:${how.port}`, host: HOST, ca: how.ca })
  clients.push(made)
  return made
}

const echo = (version: string, more: object = {}, policy: object = {}) => ({
  image: grpcImage,
  environment: { VERSION: version },
  stop_grace_period: '10s',
  deploy: { update_config: { order: 'start-first' } },
  'x-evenkeel': { drain: '10s', ready: { tcp: 9000, interval: '500ms', start_period: '20s' }, ...policy },
  ...more,
})
const routed = (version: string, more: object = {}) =>
  echo(version, more, { routes: [{ host: HOST, port: 9000, app_protocol: 'grpc' }] })
function up(services: object) {
  writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify({ name: STACK, services }))
  return daemon.must(['up', '-d'], at)
}

async function expectAllCalls(caller: GrpcClient, version: string): Promise<void> {
  expect(await caller.say('hello')).toMatchObject({ version, text: 'hello' })
  const refused = await caller.refuse().catch((error: unknown) => error)
  expect(refused).toMatchObject({ code: 5, details: 'there is no such thing' })
  expect((refused as { metadata: { get(key: string): unknown } }).metadata.get('detail')).toEqual([version])
  expect((await caller.count(5).all).map(({ at }) => at)).toEqual([1, 2, 3, 4, 5])
  expect((await caller.chat(['a', 'b', 'c'])).map(({ text }) => text)).toEqual(['a', 'b', 'c'])
}

beforeAll(async () => {
  await ensureGrpcImage(ENGINE)
  await ensureIngressImage(ENGINE)
  await daemon.start({
    more: [
      ...['--ingress-image', ingressImage, '--ingress-http', `127.0.0.1:${HTTP}`],
      ...['--ingress-https', `127.0.0.1:${HTTPS}`],
    ],
  })
})
afterEach(async () => {
  for (const one of clients.splice(0)) one.close()
  await daemon.ek(['-p', STACK, 'down', '-t', '0'])
})
afterAll(async () => {
  await daemon.remove()
  await sweep(ENGINE, STACK)
  folder.remove()
})

describe('gRPC', () => {
  test('comes by a route in all its kinds: one answer, a refusal with its trailers, streams of either side', async () => {
    await up({ echo: routed('1') })
    await expectAllCalls(client({ port: HTTP }), '1')
  })

  test('comes by a route over HTTPS', async () => {
    await up({ echo: echo('1', {}, { routes: [{ host: HOST, port: 9000, app_protocol: 'h2c', tls: 'own' }] }) })
    const { cert, key } = await selfSigned(HOST, folder.path)
    await daemon.must(['certificate', 'import', HOST, '--cert', cert, '--key', key])
    await expectAllCalls(client({ port: HTTPS, ca: readFileSync(cert, 'utf8') }), '1')
  })

  test('comes by a port, which says what is spoken there, and is shared out call by call', async () => {
    const ports = [{ target: 9000, published: String(PORT), protocol: 'tcp', app_protocol: 'grpc' }]
    await up({ echo: echo('1', { ports, deploy: { replicas: 2, update_config: { order: 'start-first' } } }) })
    const caller = client({ port: PORT })
    await expectAllCalls(caller, '1')
    const hosts = new Set<string>()
    for (let call = 0; call < 10; call += 1) hosts.add((await caller.say('who')).host)
    expect(hosts.size).toBe(2)
  })

  test('goes on over deployments and a reload of the ingress: no call fails, a stream ends where it began', async () => {
    await up({ echo: routed('1') })
    const callers = Array.from({ length: 4 }, () => client({ port: HTTP }))
    const seen = new Set<string>()
    const failures: unknown[] = []
    let [isOver, calls] = [false, 0]
    const loads = callers.map(async (caller) => {
      while (!isOver) {
        await caller.say('again').then(
          ({ version }) => seen.add(version),
          (error: unknown) => failures.push(error),
        )
        calls += 1
      }
    })
    const stream = client({ port: HTTP }).count(120)
    await stream.begun
    await up({ echo: routed('2') })
    const ports = [{ target: 9000, published: String(OTHER), protocol: 'tcp', app_protocol: 'h2c' }]
    await up({ echo: routed('3', { ports }) })
    await until('the last version answers', async () => seen.has('3'))
    const before = calls
    await until('each calls on', async () => calls > before + 50)
    isOver = true
    await Promise.all(loads)
    expect(failures).toEqual([])
    expect([...seen]).toEqual(['1', '2', '3'])
    const counted = await stream.all
    expect(counted.length).toBe(120)
    expect(new Set(counted.map(({ version }) => version))).toEqual(new Set(['1']))
  })
})
