/** What the ingress does for a service beyond bringing requests to it, on a real Engine: `x-evenkeel.ingress`, sticky clients, pauses, reports. */
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { LabDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { ensureIngressImage, ingressImage } from '../lab/haproxy.mjs'
import { ensureImages } from '../lab/images.mjs'
import { sweep } from '../lab/sweep.mjs'

const ENGINE = testEngines()[0]!
const STACK = `ektest-features-${process.pid}`
const BESIDE = `${STACK}-beside`
const PORT = 18_600 + (process.pid % 100)
const ROUTES = 18_500 + (process.pid % 100)

const folder = temporaryFolder('features')
const at = { cwd: folder.path }
const daemon = new LabDaemon({ engine: ENGINE, folder: folder.path })
const start = () => daemon.start({ more: ['--ingress-image', ingressImage, '--ingress-http', `127.0.0.1:${ROUTES}`] })

const app = (version: string, policy: object = {}, more: object = {}) => ({
  image: 'ek-lab/app:1',
  environment: { VERSION: version },
  healthcheck: {
    test: ['CMD', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1:8080/health'],
    interval: '500ms',
    start_period: '20s',
  },
  'x-evenkeel': { routes: [{ path: '/', port: 8080 }], drain: '1s', ...policy },
  ...more,
})
const write = (services: object) =>
  writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify({ name: STACK, services }))
const up = (services: object) => {
  write(services)
  return daemon.must(['up', '-d'], at)
}
const upBeside = (services: object) => {
  const path = join(folder.path, 'beside.json')
  writeFileSync(path, JSON.stringify({ name: BESIDE, services }))
  return daemon.must(['-f', path, 'up', '-d'])
}

/** One request on a connection of its own. */
async function ask(path = '/', { headers = {}, body }: { headers?: Record<string, string>; body?: string } = {}) {
  const method = body === undefined ? 'GET' : 'POST'
  const response = await fetch(`http://127.0.0.1:${ROUTES}${path}`, {
    method,
    headers: { connection: 'close', ...headers },
    body: body ?? null,
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}
const reportOf = async (revision: number) =>
  JSON.parse((await daemon.must(['history', String(revision), '--format', 'json'], at)).stdout)[0]

beforeAll(async () => {
  await ensureImages(ENGINE)
  await ensureIngressImage(ENGINE)
  await start()
})
afterEach(async () => {
  for (const stack of [STACK, BESIDE]) await daemon.ek(['-p', stack, 'down', '-t', '0'])
})
afterAll(async () => {
  await daemon.remove()
  for (const stack of [STACK, BESIDE]) await sweep(ENGINE, stack)
  folder.remove()
})

test('the report of a deployment counts, over a reload, what came through the ingress and what of it failed', async () => {
  await up({ web: app('1') })
  const deployed = up({ web: app('2', {}, { environment: { VERSION: '2', START_DELAY_MS: '9000' } }) })
  await until('the new replica is waited for', async () => {
    const { stdout } = await daemon.must(['history', '--deployments', '--format', 'json'], at)
    const [{ steps }] = JSON.parse(stdout) as [{ steps: { action: string; state: string }[] }]
    return steps.some(({ action, state }) => action === 'await-replica' && state === 'running')
  })
  const before = [await ask(), await ask('/file?path=/nowhere'), await ask('/slow?ms=1100')]
  // What a worker counts in its last moments before a reload may be lost: these are seen before it.
  await new Promise((resolve) => setTimeout(resolve, 1500))
  // Another route is a reload.
  await upBeside({ beside: app('1', { routes: [{ host: 'beside.test', port: 8080 }] }) })
  const after = [await ask(), await ask('/file?path=/nowhere')]
  expect([...before, ...after].map(({ status }) => status)).toEqual([200, 500, 200, 200, 500])
  await deployed
  const { traffic, steps } = await reportOf(2)
  expect(traffic).toEqual([
    { service: 'web', protocol: 'http', seen: 5, failed: 2, status5xx: 2, cut: 0, retries: 0, slow: 1 },
  ])
  expect(steps.every(({ startedAt, endedAt }: Record<string, string>) => startedAt! <= endedAt!)).toBe(true)
  const { stdout } = await daemon.must(['history', '2'], at)
  expect(stdout).toMatch(/web +5 request\(s\) +2 \(2 answered with 5xx\) +1 +0/)
  expect((await daemon.ek(['history', '9'], at)).stderr).toContain('no deployment')
})

/** Says what it is asked with. */
const MIRROR =
  'require("http").createServer((q, r) => setTimeout(() => r.end(JSON.stringify(q.headers)), q.url === "/slow" ? 3000 : 0)).listen(8080)'
const mirror = (policy: object, more: object = {}) => ({
  image: 'ek-lab/app:1',
  entrypoint: ['/usr/bin/node', '-e', MIRROR],
  'x-evenkeel': { routes: [{ path: '/', port: 8080 }], drain: '0s', ...policy },
  deploy: { update_config: { order: 'start-first', monitor: '1s' } },
  stop_grace_period: '0s',
  ...more,
})

test('sticky clients stay with their replica, and with a new version are brought to another without a failure', async () => {
  const sticky = (version: string) => app(version, { balance: 'sticky', drain: '3s' }, { deploy: { replicas: 2 } })
  await up({ web: sticky('1') })
  const first = await ask()
  const cookie = first.headers.get('set-cookie') ?? ''
  expect(cookie).toMatch(/^ek-[0-9a-f]{8}=[0-9a-f]{16}; path=\/; HttpOnly; SameSite=Lax$/)
  const headers = { cookie: cookie.split(';')[0]! }
  const again = await Promise.all(Array.from({ length: 10 }, () => ask('/', { headers })))
  expect(new Set(again.map(({ text }) => text))).toEqual(new Set([first.text]))
  expect(again.every((answer) => answer.headers.get('set-cookie') === null)).toBe(true)
  const others = await Promise.all(Array.from({ length: 10 }, () => ask()))
  expect(new Set(others.map(({ text }) => text)).size).toBe(2)

  const answers: { status: number; text: string }[] = []
  let isOver = false
  const asking = (async () => {
    while (!isOver) answers.push(await ask('/', { headers }))
  })()
  await up({ web: sticky('2') })
  isOver = true
  await asking
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  const moved = await ask('/', { headers })
  expect(JSON.parse(moved.text).version).toBe('2')
  // A new container may have the address of an old one: then its cookie is good still.
  const next = { cookie: (moved.headers.get('set-cookie') ?? cookie).split(';')[0]! }
  const kept = await Promise.all(Array.from({ length: 10 }, () => ask('/', { headers: next })))
  expect(new Set(kept.map(({ text }) => text))).toEqual(new Set([moved.text]))
})

test('limits of the file hold, and the service is told who asks whatever a client says of itself', async () => {
  await up({ web: mirror({ ingress: { max_body: '1k', timeout: '1s' } }) })
  const forged = { 'x-forwarded-for': '6.6.6.6', 'x-forwarded-host': 'evil.test', 'x-forwarded-proto': 'https' }
  const told = JSON.parse((await ask('/', { headers: { ...forged, forwarded: 'for=6.6.6.6' } })).text)
  expect(told).toMatchObject({
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-host': `127.0.0.1:${ROUTES}`,
    'x-forwarded-proto': 'http',
  })
  expect(told.forwarded).toBeUndefined()
  expect((await ask('/', { body: 'x'.repeat(1024) })).status).toBe(200)
  expect((await ask('/', { body: 'x'.repeat(1025) })).status).toBe(413)
  const stream = new Blob(['x']).stream()
  const unknown = await fetch(`http://127.0.0.1:${ROUTES}/`, { method: 'POST', body: stream, duplex: 'half' } as object)
  expect(unknown.status).toBe(411)
  expect((await ask('/slow')).status).toBe(504)
})

test('while no replica can be reached a page says so: the file of the service, where it has one', async () => {
  const slow = (version: string, policy: object) => {
    const stopFirst = { replicas: 1, update_config: { order: 'stop-first' } }
    return app(version, policy, { environment: { VERSION: version, START_DELAY_MS: '1500' }, deploy: stopFirst })
  }
  const page = `<h1>Soon</h1><!-- ${'-'.repeat(13_000)} -->`
  writeFileSync(join(folder.path, 'soon.html'), page)
  const seenDuring = async (service: object) => {
    const seen = new Map<number, Awaited<ReturnType<typeof ask>>>()
    let isOver = false
    const asking = (async () => {
      while (!isOver) {
        const answer = await ask()
        if (!seen.has(answer.status)) seen.set(answer.status, answer)
      }
    })()
    await up({ web: service })
    isOver = true
    await asking
    return seen
  }
  await up({ web: slow('1', {}) })
  const plain = (await seenDuring(slow('2', { ingress: { error_page: './soon.html' } }))).get(503)!
  expect(plain.text).toBe('This service is not available just now. Try again in a moment.\n')
  expect(plain.headers.get('retry-after')).toBe('5')
  const own = (await seenDuring(slow('3', { ingress: { error_page: './soon.html' } }))).get(503)!
  expect(own.text).toBe(page)
  expect(own.headers.get('content-type')).toBe('text/html;charset=utf-8')
})

test('a TCP port begins with the line of the PROXY protocol where the file asks for it', async () => {
  const echo = 'require("net").createServer((s) => s.pipe(s)).listen(7000)'
  const service = mirror(
    { routes: [], ingress: { proxy_protocol: true } },
    { entrypoint: ['/usr/bin/node', '-e', echo], ports: [`127.0.0.1:${PORT}:7000`] },
  )
  await up({ web: service })
  const socket = connect(PORT, '127.0.0.1')
  socket.end('hello')
  let said = ''
  for await (const chunk of socket) said += chunk
  expect(said).toMatch(new RegExp(`^PROXY TCP4 127\\.0\\.0\\.1 127\\.0\\.0\\.1 \\d+ ${PORT}\\r\\nhello$`))
})

test('paused traffic waits, over a deployment, and goes on to the new version; by itself where no daemon runs', async () => {
  const service = (version: string) => app(version, {}, { ports: [`127.0.0.1:${PORT}:8080`] })
  await up({ web: service('1') })
  const underWay = ask('/slow?ms=1500')
  await daemon.must(['pause-traffic', '--for', '60s', 'web'], at)
  let answered = 0
  const count = <T>(answer: T): T => {
    answered += 1
    return answer
  }
  const waiting = Array.from({ length: 10 }, () => ask().then(count))
  const ofTcp = fetch(`http://127.0.0.1:${PORT}/`).then(count)
  expect((await underWay).status).toBe(200)
  await up({ web: service('2') })
  // A reload on the way.
  await upBeside({ beside: app('1', { routes: [{ host: 'beside.test', port: 8080 }] }) })
  expect(answered).toBe(0)
  const { stderr } = await daemon.must(['resume-traffic'], at)
  expect(stderr).toContain('Traffic to web goes on.')
  const answers = await Promise.all(waiting)
  expect(answers.map(({ status, text }) => `${status} ${JSON.parse(text).version}`)).toEqual(Array(10).fill('200 2'))
  expect(await (await ofTcp).json()).toMatchObject({ version: '2' })

  await daemon.must(['pause-traffic', '--for', '3s'], at)
  const pausedMs = Date.now()
  await daemon.kill()
  expect((await ask()).status).toBe(200)
  expect(Date.now() - pausedMs).toBeGreaterThan(1000)
  await start()
  expect((await daemon.must(['resume-traffic'], at)).stderr).toContain('No traffic waited.')
  expect((await ask()).status).toBe(200)
})

test('what the ingress has nothing of cannot be paused, and no pause is for ever', async () => {
  await up({ web: app('1'), plain: { image: 'ek-lab/sleep:1' } })
  expect((await daemon.ek(['pause-traffic', 'plain'], at)).stderr).toContain('the ingress has nothing of service plain')
  expect((await daemon.ek(['pause-traffic', '--for', '11m'], at)).stderr).toContain(
    'is no time for which traffic can wait',
  )
})

const probed = (version: string, policy: object, environment: object = {}, more: object = {}) => ({
  image: 'ek-lab/app:1',
  environment: { VERSION: version, ...environment },
  'x-evenkeel': { routes: [{ path: '/', port: 8080 }], drain: '0s', ...policy },
  ...more,
})
const READY = { http: '/health', interval: '300ms', retries: 2, start_period: '10s' }
const idsOf = async () => (await daemon.must(['ps', '-q', 'web'], at)).stdout.trim().split('\n').sort()

test('a replica counts once it is ready, is out of the ingress while it is not, and a version that never is goes', async () => {
  await up({ web: probed('1', { ready: READY }, { START_DELAY_MS: '1000' }) })
  const answers = new Set<string>()
  let isOver = false
  const asking = (async () => {
    while (!isOver) {
      const { status, text } = await ask()
      answers.add(`${status} ${JSON.parse(text).version}`)
    }
  })()
  const two = { deploy: { replicas: 2 } }
  await up({ web: probed('2', { ready: READY }, { START_DELAY_MS: '1500' }, two) })
  isOver = true
  await asking
  expect([...answers]).toEqual(['200 1', '200 2'])

  const hostsOf = async () => {
    const each = await Promise.all(Array.from({ length: 6 }, () => ask()))
    return new Set(each.map(({ status, text }) => `${status} ${JSON.parse(text).hostname}`))
  }
  expect((await hostsOf()).size).toBe(2)
  await ask('/health?ok=false', { body: '' })
  await until('the one that is not ready gets nothing', async () => (await hostsOf()).size === 1)
  const heal = 'wget -q -O - --post-data= "http://127.0.0.1:8080/health?ok=true"'
  for (const index of ['1', '2']) await daemon.must(['exec', '-T', '--index', index, 'web', 'sh', '-c', heal], at)
  await until('it gets requests again', async () => (await hostsOf()).size === 2)
  expect(await idsOf()).toHaveLength(2)

  write({ web: probed('3', { ready: { ...READY, start_period: '1s' } }, { UNHEALTHY_AFTER_MS: '0' }, two) })
  const { code, stderr } = await daemon.ek(['up', '-d'], at)
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /is not ready: GET http:\/\/[\d.]+:8080\/health: status 503(.|\n)*the stack is back on revision \d+/,
  )
  expect(JSON.parse((await ask()).text).version).toBe('2')
})

test('a replica that is not alive is made anew, as an unhealthy one is', async () => {
  const alive = { exec: ['sh', '-c', 'test ! -e /tmp/dead'], interval: '300ms', retries: 2 }
  await up({ web: probed('1', { alive, ready: { tcp: 8080, interval: '300ms' } }) })
  const before = await idsOf()
  await daemon.must(['exec', '-T', 'web', 'touch', '/tmp/dead'], at)
  await until('another container is there, and serves', async () => {
    const now = await idsOf()
    return now.length === 1 && now[0] !== before[0] && (await ask()).status === 200
  })
  const { stdout } = await daemon.must(['events', '--since', '5m', '--until', '0s'], at)
  expect(stdout).toMatch(/is not alive: sh -c test ! -e \/tmp\/dead exited with 1/)
})
