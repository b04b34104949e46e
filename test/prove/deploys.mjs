import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { LabDaemon, runProgram, temporaryFolder } from '../lab/daemon.mjs'
import { ensureIngressImage, ingressImage } from '../lab/haproxy.mjs'
import { sweep } from '../lab/sweep.mjs'
import { ensureTrafficImage, trafficImage } from '../lab/traffic-image.mjs'
import { numberOf, wordOf } from './args.mjs'
import { proveCalls } from './deploys/calls.mjs'
import { Load } from './deploys/clients.mjs'
import { spreadOf } from './statistics.mjs'

const ROUTES_PORT = 18_190
const DRAIN_MS = 2500

/**
 * What is deployed again and again, by name: its stack file for a version, and its clients. Connections of the last two end by
 * themselves within the time to drain, as long as the file says nothing of that it is 30 s.
 */
const CASES = {
  http: {
    title: 'HTTP by a route',
    load: { kind: 'http', port: ROUTES_PORT, headers: { Host: 'shop.test' } },
    drainMs: DRAIN_MS,
    file: (version) => ({
      ...app(version),
      healthcheck: {
        test: ['CMD', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1:8080/health'],
        interval: '500ms',
        start_period: '10s',
      },
      'x-evenkeel': { routes: [{ host: 'shop.test', port: 8080 }], drain: `${DRAIN_MS}ms` },
    }),
  },
  echo: {
    title: 'a TCP echo',
    load: { kind: 'echo', port: 18_191 },
    file: (version) => ({
      ...app(version),
      ports: ['18191:7000'],
      deploy: { update_config: { order: 'start-first', monitor: '1500ms' } },
    }),
  },
  ports: {
    title: 'only ports and order: start-first',
    load: { kind: 'http', port: 18_192, lifeMs: 2500 },
    file: (version) => ({
      ...app(version),
      ports: ['18192:8080'],
      deploy: { update_config: { order: 'start-first' } },
    }),
    /** As it was before: the port is the Engine's. */
    before: (version) => ({ ...app(version), ports: ['18192:8080'] }),
  },
}

const app = (version) => ({
  image: trafficImage,
  environment: { VERSION: String(version), READY_AFTER_MS: '500' },
})

/**
 * `--deploys N` (100), `--only http|echo|ports|calls|compose`, `--compose N` (20): deploys of Docker Compose beside; `--netns NAME`: the
 * network namespace of the Engine, where the clients are to be.
 */
export const deploys = {
  name: 'deploys',
  shows:
    '100 deploys in a row under load: no request fails, no WebSocket is cut before its time (Docker Compose beside)',
  async run({ engine, args, show, note }) {
    const count = numberOf(args, '--deploys', 100)
    const beside = numberOf(args, '--compose', 20)
    const only = wordOf(args, '--only')
    const netns = wordOf(args, '--netns')
    await ensureIngressImage(engine)
    await ensureTrafficImage(engine)
    const folder = temporaryFolder('deploys')
    const daemon = new LabDaemon({ engine, folder: folder.path })
    const more = ['--ingress-image', ingressImage, '--ingress-http', `0.0.0.0:${ROUTES_PORT}`]
    await daemon.start({ more })
    try {
      for (const [name, one] of Object.entries(CASES)) {
        if (only !== undefined && only !== name) continue
        await prove(name, one, { engine, daemon, folder: folder.path, count, netns, show, note })
      }
      if (only === undefined || only === 'calls')
        await proveCalls({ engine, daemon, folder: folder.path, count, netns, routesPort: ROUTES_PORT, show, note })
      if (only === undefined || only === 'compose')
        await composeBeside({ engine, folder: folder.path, count: beside, netns, note })
    } finally {
      await daemon.remove()
    }
  },
}

async function prove(name, one, { engine, daemon, folder, count, netns, show, note }) {
  const stack = `ek-deploys-${name}`
  await sweep(engine, stack)
  const path = join(folder, `${name}.json`)
  const up = (service) => {
    writeFileSync(path, JSON.stringify({ name: stack, services: { app: service } }))
    return daemon.must(['-f', path, 'up', '-d'])
  }
  await up((one.before ?? one.file)(0))
  const load = new Load(netns)
  try {
    await load.start(one.load)
    await delay(2000)
    if (one.before !== undefined) {
      await load.ask()
      await up(one.file(0))
      await delay(500)
      const { requests, failed, gapMs } = await load.ask()
      note(
        `${one.title}: the first move of the port from the Engine: ${failed} of ${requests} failed, ${gapMs} ms dark`,
      )
    }
    await load.ask()
    const total = { requests: 0, failed: 0, errors: {}, early: 0, cuts: 0, gapMs: 0 }
    const times = []
    for (let version = 1; version <= count; version += 1) {
      times.push((await up(one.file(version))).ms)
      await delay(200)
      const seen = await load.ask()
      add(total, seen, one.drainMs ?? 0, String(version))
      if (seen.versions[version] === undefined && one.load.kind === 'http')
        throw new Error(`version ${version} never answered`)
    }
    const words = Object.entries(total.errors).map(([error, times]) => `${times} x ${error}`)
    const failures = words.length === 0 ? '' : ` (${words.join('; ')})`
    show(
      `${one.title}: failed in ${count} deploys`,
      `${total.failed} of ${total.requests}${failures}`,
      '0',
      total.failed === 0 && total.requests > 0,
      `a deploy: ${spreadOf(times)}; longest time without an answer ${total.gapMs} ms`,
    )
    if (one.load.kind === 'http')
      show(
        `${one.title}: WebSockets cut before their time`,
        `${total.early} of ${total.cuts} cut`,
        '0',
        total.early === 0,
        one.drainMs === undefined ? 'they end by themselves' : `the time: ${one.drainMs} ms from the switch`,
      )
  } finally {
    load.stop()
    await daemon.ek(['-p', stack, 'down', '-t', '0'])
    await sweep(engine, stack)
  }
}

/** A socket of an older version may be cut once its time is over, counted from the first answer of the newer one. */
function add(total, { requests, failed, errors, versions, cuts, gapMs }, drainMs, version) {
  total.requests += requests
  total.failed += failed
  total.gapMs = Math.max(total.gapMs, gapMs)
  for (const [error, times] of Object.entries(errors)) total.errors[error] = (total.errors[error] ?? 0) + times
  for (const cut of cuts) {
    total.cuts += 1
    const switchedMs = versions[version]
    if (cut.version === version || switchedMs === undefined || cut.atMs - switchedMs < drainMs - SLACK_MS)
      total.early += 1
  }
}

/** Between the first answer of the new version and the first look at what drains. */
const SLACK_MS = 250

async function composeBeside({ engine, folder, count, netns, note }) {
  const stack = 'ek-deploys-compose'
  await sweep(engine, stack)
  const path = join(folder, 'compose-beside.json')
  const env = { ...process.env, DOCKER_HOST: engine }
  const up = async (version) => {
    writeFileSync(path, JSON.stringify({ name: stack, services: { app: { ...app(version), ports: ['18193:8080'] } } }))
    const { code, stderr, ms } = await runProgram('docker', ['compose', '-f', path, 'up', '-d'], { env })
    if (code !== 0) throw new Error(`docker compose up exited with ${code}: ${stderr}`)
    return ms
  }
  await up(0)
  const load = new Load(netns)
  try {
    await load.start({ kind: 'http', port: 18_193 })
    await delay(2000)
    await load.ask()
    const total = { requests: 0, failed: 0, errors: {}, early: 0, cuts: 0, gapMs: 0 }
    const times = []
    for (let version = 1; version <= count; version += 1) {
      times.push(await up(version))
      await delay(2000)
      add(total, await load.ask(), 0, String(version))
    }
    note(
      `docker compose up -d, ${count} deploys: ${total.failed} of ${total.requests} failed, ${total.cuts} WebSockets cut at once, longest time without an answer ${total.gapMs} ms; a deploy: ${spreadOf(times)}`,
    )
  } finally {
    load.stop()
    await runProgram('docker', ['compose', '-f', path, 'down', '-t', '0'], { env })
  }
}
