import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { LabDaemon, temporaryFolder } from '../lab/daemon.mjs'
import { ensureIngressImage, ingressImage } from '../lab/haproxy.mjs'
import { sweep } from '../lab/sweep.mjs'
import { ensureTrafficImage, trafficImage } from '../lab/traffic-image.mjs'
import { numberOf, wordOf } from './args.mjs'
import { Load } from './deploys/clients.mjs'

const STACK = 'ek-features'
const ROUTES_PORT = 18_246
const ECHO_PORT = 18_247
const DRAIN_MS = 1500
const HTTP = { kind: 'http', port: ROUTES_PORT, headers: { Host: 'shop.test' }, lifeMs: 1200 }
const ECHO = { kind: 'echo', port: ECHO_PORT }

/** The clients wait for ten seconds: a deployment is to be over before that, also on a machine that is busy. */
const SHORT = { drain: '300ms' }

/** Each feature: the service for a version, its clients, and what is done for each version in the place of an `up` alone. */
const FEATURES = [
  { name: 'report', load: HTTP, service: (version) => app(version), after: countsWhatClientsSaw },
  { name: 'sticky', load: HTTP, service: (version) => app(version, { balance: 'sticky' }), after: staysWithItsReplica },
  {
    name: 'sticky TCP',
    load: ECHO,
    service: (version) => app(version, { balance: 'sticky' }, { ports: [`${ECHO_PORT}:7000`] }),
  },
  {
    name: 'limits',
    load: HTTP,
    service: (version) => app(version, { ingress: { timeout: '5s', error_page: { content: '<h1>Soon' } } }),
  },
  {
    name: 'proxy_protocol',
    load: ECHO,
    service: (version) => app(version, { ingress: { proxy_protocol: true } }, { ports: [`${ECHO_PORT}:7000`] }),
  },
  {
    name: 'pause-traffic',
    load: HTTP,
    service: (version) => app(version, SHORT),
    deploy: whilePaused,
  },
  {
    name: 'pause-traffic of TCP',
    load: ECHO,
    service: (version) => app(version, SHORT, { ports: [`${ECHO_PORT}:7000`] }),
    deploy: whilePaused,
  },
  {
    name: 'pause-traffic without a daemon',
    load: HTTP,
    service: (version) => app(version),
    deploy: async ({ daemon, up, start }) => {
      await daemon.must(['-p', STACK, 'pause-traffic', '--for', '2s'])
      await daemon.kill()
      await delay(2500)
      await start()
      await up()
    },
  },
  {
    name: 'probes',
    load: HTTP,
    service: (version) =>
      app(
        version,
        { ready: { http: '/health', interval: '500ms', start_period: '10s' }, alive: { tcp: 8080, interval: '1s' } },
        { healthcheck: { disable: true } },
      ),
  },
]

/** `--deploys N` (5) for each; `--only NAME`; `--netns NAME`: the network namespace of the Engine, where the clients are to be. */
export const ingressFeatures = {
  name: 'ingress-features',
  shows:
    'what the ingress does for a service (report, sticky, limits, PROXY protocol, pauses, probes), each over deploys under load: no request fails',
  async run({ engine, args, show }) {
    const count = numberOf(args, '--deploys', 5)
    const [only, netns] = [wordOf(args, '--only'), wordOf(args, '--netns')]
    await ensureIngressImage(engine)
    await ensureTrafficImage(engine)
    const folder = temporaryFolder('features')
    const daemon = new LabDaemon({ engine, folder: folder.path })
    const more = ['--ingress-image', ingressImage, '--ingress-http', `0.0.0.0:${ROUTES_PORT}`]
    const before = netns === undefined ? [] : ['ip', 'netns', 'exec', netns]
    const start = () => daemon.start({ more, before })
    await start()
    try {
      for (const feature of FEATURES)
        if (only === undefined || feature.name === only)
          await prove(feature, { engine, daemon, start, folder: folder.path, count, netns, show })
    } finally {
      await daemon.remove()
    }
  },
}

const app = (version, policy = {}, more = {}) => ({
  image: trafficImage,
  environment: { VERSION: String(version), READY_AFTER_MS: '300' },
  healthcheck: {
    test: ['CMD', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1:8080/health'],
    interval: '500ms',
    start_period: '10s',
  },
  'x-evenkeel': { routes: [{ host: 'shop.test', port: 8080 }], drain: `${DRAIN_MS}ms`, ...policy },
  deploy: { replicas: 2, update_config: { order: 'start-first', parallelism: 2 } },
  ...more,
})

async function prove(feature, { engine, daemon, start, folder, count, netns, show }) {
  const { name, load: clients, service, deploy = ({ up }) => up(), after } = feature
  await sweep(engine, STACK)
  const path = join(folder, 'features.json')
  const upTo = (version) => () => {
    writeFileSync(path, JSON.stringify({ name: STACK, services: { app: service(version) } }))
    return daemon.must(['-f', path, 'up', '-d'])
  }
  await upTo(0)()
  const load = new Load(netns)
  const total = { requests: 0, failed: 0, errors: {}, gapMs: 0 }
  const wrong = []
  try {
    await load.start(clients)
    await delay(2000)
    await load.ask()
    for (let version = 1; version <= count; version += 1) {
      await deploy({ daemon, start, up: upTo(version) })
      await delay(300)
      const seen = await load.ask()
      total.requests += seen.requests
      total.failed += seen.failed
      total.gapMs = Math.max(total.gapMs, seen.gapMs)
      for (const [error, times] of Object.entries(seen.errors)) total.errors[error] = (total.errors[error] ?? 0) + times
      if (clients.kind === 'http' && seen.versions[version] === undefined)
        wrong.push(`version ${version} never answered`)
      const problem = await after?.({ daemon, seen, netns })
      if (problem !== undefined) wrong.push(problem)
    }
  } finally {
    load.stop()
    await daemon.ek(['-p', STACK, 'down', '-t', '0'])
    await sweep(engine, STACK)
  }
  const errors = Object.entries(total.errors).map(([error, times]) => `${times} x ${error}`)
  show(
    `${name}: failed in ${count} deploys`,
    `${total.failed} of ${total.requests}`,
    '0',
    total.failed === 0 && total.requests > 0 && wrong.length === 0,
    [`longest time without an answer ${total.gapMs} ms`, ...errors, ...wrong].join('; '),
  )
}

async function whilePaused({ daemon, up }) {
  await daemon.must(['-p', STACK, 'pause-traffic', '--for', '60s'])
  await up()
  await daemon.must(['-p', STACK, 'resume-traffic'])
}

/** The ingress is to have seen requests, no more than the clients sent in a longer time, and as many failures as they did. */
async function countsWhatClientsSaw({ daemon, seen }) {
  const { stdout } = await daemon.must(['-p', STACK, 'history', '--deployments', '-n', '1', '--format', 'json'])
  const [{ traffic = [] }] = JSON.parse(stdout)
  const [{ seen: counted, failed, retries } = {}] = traffic
  const isRight = counted > 0 && counted <= seen.requests && failed === seen.failed && retries >= 0
  return isRight
    ? undefined
    : `the report says ${JSON.stringify(traffic)}, the clients ${seen.requests} (${seen.failed} failed)`
}

/** Whoever has a cookie is given no other one while nothing is deployed. */
async function staysWithItsReplica({ netns }) {
  if (netns !== undefined) return undefined
  const first = await cookieOf()
  const given = []
  for (let turn = 0; turn < 50; turn += 1) given.push(await cookieOf(first.split(';')[0]))
  const others = given.filter((cookie) => cookie !== '').length
  return first !== '' && others === 0 ? undefined : `${others} of 50 requests were brought to another replica`
}

function cookieOf(cookie) {
  return new Promise((resolve, reject) => {
    const headers = { Host: 'shop.test', ...(cookie === undefined ? {} : { Cookie: cookie }) }
    const asked = request({ host: '127.0.0.1', port: ROUTES_PORT, headers, agent: false }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.headers['set-cookie']?.[0] ?? ''))
    })
    asked.on('error', reject)
    asked.end()
  })
}
