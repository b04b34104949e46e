import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { LabDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { ensureIngressImage, ingressImage } from '../lab/haproxy.mjs'
import { sweep } from '../lab/sweep.mjs'
import { ensureTrafficImage, trafficImage } from '../lab/traffic-image.mjs'
import { numberOf } from './args.mjs'
import { Load } from './deploys/clients.mjs'
import { HaproxyAsked } from './ingress/haproxy-asked.mjs'
import { holdEcho, holdWebSocket, Resting } from './ingress/held.mjs'

const STACK = 'ek-reload'
const BESIDE = 'ek-reload-beside'
const ROUTES_PORT = 18_210
const ECHO_PORT = 18_211
const MORE_PORT = 18_212
const HOST = '127.0.0.1'
const OF_SHOP = { host: HOST, port: ROUTES_PORT, headers: { Host: 'shop.test' } }
/** Of each kind. */
const HALF = 25
/** Between the first answer of the new version and the first look at what drains. */
const SLACK_MS = 250

/** `--drain SECONDS` (30): how long connections may live on; the reloads are to go into that. */
export const ingressReload = {
  name: 'ingress-reload',
  shows:
    'reloads of the ingress (a new port, a new route, a new backend, a service that goes) while 50 connections drain: none is cut before its time, all are counted',
  async run({ engine, args, show, note }) {
    const drainMs = numberOf(args, '--drain', 30) * 1000
    await ensureIngressImage(engine)
    await ensureTrafficImage(engine)
    for (const stack of [STACK, BESIDE]) await sweep(engine, stack)
    const folder = temporaryFolder('reload')
    const daemon = new LabDaemon({ engine, folder: folder.path })
    await daemon.start({ more: ['--ingress-image', ingressImage, '--ingress-http', `0.0.0.0:${ROUTES_PORT}`] })
    const ground = { engine, daemon, folder: folder.path, haproxy: new HaproxyAsked(daemon), drainMs, show, note }
    try {
      await up(ground, app(1, drainMs))
      await whileTheyDrain(ground)
      await countedToTheLast(ground)
      await restingConnections(ground)
      await anotherPortInside(ground)
    } finally {
      for (const stack of [STACK, BESIDE]) await daemon.ek(['-p', stack, 'down', '-t', '0'])
      await daemon.remove()
      for (const stack of [STACK, BESIDE]) await sweep(engine, stack)
    }
  },
}

const app = (version, drainMs, { target = 8080, readyAfterMs = 300 } = {}) => ({
  image: trafficImage,
  environment: { VERSION: String(version), HTTP_PORT: String(target), READY_AFTER_MS: String(readyAfterMs) },
  healthcheck: {
    test: ['CMD', 'wget', '-q', '-O', '/dev/null', `http://127.0.0.1:${target}/health`],
    interval: '500ms',
    start_period: '10s',
  },
  ports: [`${ECHO_PORT}:7000`],
  'x-evenkeel': { routes: [{ host: 'shop.test', port: target }], drain: `${drainMs}ms` },
})

const beside = (more) => ({ image: trafficImage, stop_grace_period: '0s', ...more })

/** What a stack beside does, each a reload of the ingress. */
const RELOADS = [
  ['a new port', beside({ ports: [`${MORE_PORT}:7000`], deploy: { update_config: { order: 'start-first' } } })],
  [
    'a new route',
    beside({
      ports: [`${MORE_PORT}:7000`],
      'x-evenkeel': { routes: [{ host: 'beside.test', port: 8080 }], drain: '0s' },
    }),
  ],
  [
    'a new backend',
    beside({
      ports: [`${MORE_PORT}:7000`],
      'x-evenkeel': {
        routes: [
          { host: 'beside.test', port: 8080 },
          { host: 'beside.test', path: '/echo', port: 7000 },
        ],
        drain: '0s',
      },
    }),
  ],
  ['a service that goes', undefined],
]

async function whileTheyDrain({ haproxy, daemon, drainMs, show, note, ...ground }) {
  const held = await holdAll()
  const old = await containerOf(ground.engine)
  const deployed = up({ daemon, ...ground }, app(2, drainMs))
  const switchedMs = await untilVersion('2')
  await delay(SLACK_MS * 2)
  const wrong = []
  for (const [what, service] of RELOADS) {
    const before = (await haproxy.workers())[0]
    if (service === undefined) await daemon.must(['-p', BESIDE, 'down', '-t', '0'])
    else await up({ daemon, ...ground }, service, BESIDE)
    const [now] = await haproxy.workers()
    if (now === before) throw new Error(`${what} was no reload`)
    if (Date.now() - switchedMs > drainMs - 1000)
      throw new Error(`the time to drain was over before the reloads were: --drain ${(2 * drainMs) / 1000}`)
    const counts = await haproxy.sessions(old)
    const said = await saidOpen(daemon)
    const silent = held.filter(({ heardMs, cutMs }) => cutMs === undefined && Date.now() - heardMs > 5000).length
    const cut = held.filter(({ cutMs }) => cutMs !== undefined).length
    const sum = [...counts.values()].reduce((total, count) => total + count, 0)
    note(
      `${what}, ${((Date.now() - switchedMs) / 1000).toFixed(1)} s after the switch: ${sum} connections in ${counts.size} worker(s), the daemon says ${said}, ${cut} cut, ${silent} silent`,
    )
    if (sum !== held.length || said !== held.length || cut > 0 || silent > 0) wrong.push(what)
  }
  await deployed
  await until('all are cut with the old container', () => held.every(({ cutMs }) => cutMs !== undefined))
  const lived = held.map(({ cutMs }) => cutMs - switchedMs)
  const early = lived.filter((ms) => ms < drainMs - SLACK_MS).length
  show(
    `reloads after which all ${held.length} were open, talked and were counted`,
    `${RELOADS.length - wrong.length} of ${RELOADS.length}`,
    `${RELOADS.length}`,
    wrong.length === 0,
    wrong.join(', '),
  )
  show(
    'connections cut before their time',
    `${early} of ${held.length}`,
    '0',
    early === 0,
    `the time is ${drainMs} ms; they lived ${Math.min(...lived)}-${Math.max(...lived)} ms from the switch`,
  )
}

/** The other half of counting: the last one to go is what is waited for, and nothing after it. */
async function countedToTheLast({ haproxy, daemon, drainMs, show, ...ground }) {
  const held = await holdAll()
  const old = await containerOf(ground.engine)
  const deployed = up({ daemon, ...ground }, app(3, drainMs))
  const switchedMs = await untilVersion('3')
  await delay(SLACK_MS * 2)
  await up({ daemon, ...ground }, RELOADS[0][1], BESIDE)
  const last = held.pop()
  for (const one of held) one.end()
  await until('all but one are gone', async () => (await haproxy.sessions(old)).size === 1)
  await delay(1000)
  const said = await saidOpen(daemon)
  const wasCut = last.cutMs !== undefined
  last.end()
  const endedMs = Date.now()
  await deployed
  const [doneMs, switchMs] = [Date.now() - endedMs, Date.now() - switchedMs]
  show(
    'the last of 50, in a worker of before the reload, is waited for, and no longer',
    `${said} counted, ${wasCut ? 'cut' : 'open'}; the deployment ended ${doneMs} ms after it did`,
    '1, open, without the rest of the time',
    said === 1 && !wasCut && switchMs < drainMs,
    `${switchMs} ms after the switch, of ${drainMs}`,
  )
}

/** A client that rests on a connection of before a reload may send its next request at any time. */
async function restingConnections({ daemon, show, ...ground }) {
  const resting = await Promise.all(Array.from({ length: 20 }, () => Resting.open(OF_SHOP)))
  await daemon.must(['-p', BESIDE, 'down', '-t', '0'])
  await up({ daemon, ...ground }, app(4, ground.drainMs))
  const answers = await Promise.all(resting.map((one) => one.ask().catch((error) => error.message)))
  for (const one of resting) one.end()
  const good = answers.filter((answer) => answer === '4').length
  show(
    'kept connections of before a reload whose next request, after a deployment, was answered by the new version',
    `${good} of ${answers.length}`,
    `${answers.length}`,
    good === answers.length,
    [...new Set(answers)].filter((answer) => answer !== '4').join('; '),
  )
}

/** The new version listens on another port: the route has another backend from the moment that the new one counts. */
async function anotherPortInside({ daemon, show, ...ground }) {
  const load = new Load()
  try {
    await load.start({ kind: 'http', port: ROUTES_PORT, headers: { Host: 'shop.test' }, lifeMs: 2500 })
    await delay(2000)
    const total = { requests: 0, failed: 0, errors: {} }
    for (const [version, target] of [
      [5, 8081],
      [6, 8080],
    ]) {
      await up({ daemon, ...ground }, app(version, ground.drainMs, { target, readyAfterMs: 6000 }))
      await delay(500)
      const { requests, failed, errors, versions } = await load.ask()
      if (versions[version] === undefined) throw new Error(`version ${version} never answered`)
      total.requests += requests
      total.failed += failed
      for (const [error, times] of Object.entries(errors)) total.errors[error] = (total.errors[error] ?? 0) + times
    }
    const words = Object.entries(total.errors).map(([error, times]) => `${times} x ${error}`)
    show(
      'requests that failed while the service moved to another port inside, and back',
      `${total.failed} of ${total.requests}`,
      '0',
      total.failed === 0 && total.requests > 0,
      words.join('; '),
    )
  } finally {
    load.stop()
  }
}

function up({ daemon, folder }, service, stack = STACK) {
  const path = join(folder, `${stack}.json`)
  writeFileSync(path, JSON.stringify({ name: stack, services: { app: service } }))
  return daemon.must(['-f', path, 'up', '-d'])
}

const holdAll = async () =>
  Promise.all([
    ...Array.from({ length: HALF }, () => holdEcho({ host: HOST, port: ECHO_PORT })),
    ...Array.from({ length: HALF }, () => holdWebSocket(OF_SHOP)),
  ])

/** When a new connection was first brought to that version. */
async function untilVersion(version) {
  await until(
    `version ${version} answers`,
    async () => {
      const one = await Resting.open(OF_SHOP)
      const answer = await one.ask()
      one.end()
      return answer === version
    },
    { everyMs: 20 },
  )
  return Date.now()
}

async function containerOf(engine) {
  const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${STACK}`] }))
  const [container] = await engineJson(engine, 'GET', `/containers/json?filters=${filters}`)
  return container.Id
}

/** How many connections the daemon says are open, in the deployment that goes on. */
async function saidOpen(daemon) {
  const { deployments } = await engineJson(`unix://${daemon.socket}`, 'GET', `/v1/stacks/${STACK}/deployments?limit=1`)
  const { steps } = await engineJson(`unix://${daemon.socket}`, 'GET', `/v1/deployments/${deployments[0].id}`)
  const { detail = '' } = steps.find(({ action }) => action === 'drain-replica') ?? {}
  return Number(/^(\d+) connection/.exec(detail)?.[1])
}
