import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { LabDaemon, temporaryFolder } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { ensureIngressImage, ingressImage } from '../lab/haproxy.mjs'
import { sweep } from '../lab/sweep.mjs'
import { ensureTrafficImage, trafficImage } from '../lab/traffic-image.mjs'
import { clockOf, numberOf, wordOf } from './args.mjs'
import { Load } from './deploys/clients.mjs'
import { whatDiffers } from './deploys/one-app.mjs'
import { whatStaysDifferent } from './many-stacks.mjs'
import { median, spreadOf } from './statistics.mjs'

const STACK = 'ek-kill-rollout'
const ROUTES_PORT = 18_215
const DRAIN_MS = 1500
/** Between the first answer of the new version and the first look at what drains. */
const SLACK_MS = 250
/** A daemon is away for up to so long. */
const AWAY_MS = 1500

/** `--runs N` kills (100); `--minutes N`: as many of them as go into that time; `--netns NAME`: the network namespace of the Engine. */
export const killRollout = {
  name: 'kill-rollout',
  shows:
    '`kill -9` of the daemon at 100 random moments of a start-first rollout under load: no request fails, no WebSocket is cut before its time, and it converges',
  async run({ engine, args, random, show, note }) {
    const wanted = numberOf(args, '--runs', 100)
    const clock = clockOf(args)
    const netns = wordOf(args, '--netns')
    await ensureIngressImage(engine)
    await ensureTrafficImage(engine)
    await sweep(engine, STACK)
    const folder = temporaryFolder('kill-rollout')
    const daemon = new LabDaemon({ engine, folder: folder.path })
    const start = () =>
      daemon.start({ more: ['--ingress-image', ingressImage, '--ingress-http', `0.0.0.0:${ROUTES_PORT}`] })
    await start()
    const up = (version) => {
      const path = join(folder.path, 'compose.json')
      writeFileSync(path, JSON.stringify({ name: STACK, services: { app: app(version) } }))
      return daemon.ek(['-f', path, 'up', '-d'])
    }
    const load = new Load(netns)
    const total = { requests: 0, failed: 0, errors: {}, cuts: 0, early: 0, gapMs: 0 }
    const counts = { exact: 0, again: 0, steps: new Map() }
    const convergedMs = []
    let runs = 0
    try {
      await up(0)
      await load.start({ kind: 'http', port: ROUTES_PORT, headers: { Host: 'shop.test' } })
      await delay(2000)
      const undisturbed = []
      for (let version = 1; version <= 3; version += 1) undisturbed.push((await up(version)).ms)
      const tookMs = median(undisturbed)
      note(`a deployment without a kill: ${spreadOf(undisturbed)}`)
      await load.ask()
      while (runs < wanted && !clock.isOver()) {
        runs += 1
        const version = runs + 3
        const deployed = up(version)
        const afterMs = Math.floor(random() * tookMs)
        await delay(afterMs)
        await daemon.kill()
        await deployed
        await delay(Math.floor(random() * AWAY_MS))
        await start()
        const sinceMs = performance.now()
        // What was not acknowledged before the crash is not known: whoever sees that asks again.
        const interrupted = await latest(daemon)
        const at = interrupted?.steps.find(({ state }) => state !== 'done' && state !== 'skipped')?.action ?? 'no step'
        counts.steps.set(at, (counts.steps.get(at) ?? 0) + 1)
        if (!(await isKnown(daemon, version))) {
          counts.again += 1
          await up(version)
        }
        const problem = await whatStaysDifferent(() => whatDiffers(engine, daemon, STACK, version))
        convergedMs.push(performance.now() - sinceMs)
        if (problem === undefined) counts.exact += 1
        else note(`kill ${runs}, ${afterMs} ms into the rollout: ${problem}`)
        await delay(200)
        const seen = await load.ask()
        const before = total.failed
        add(total, seen, String(version))
        if (total.failed > before || seen.versions[version] === undefined)
          note(
            `kill ${runs}, ${afterMs} ms into the rollout (${at}): ${total.failed - before} failed, ${JSON.stringify(seen.errors)}, versions ${Object.keys(seen.versions)}`,
          )
        if (runs % 20 === 0) note(`${runs} of ${wanted}`)
      }
      const words = Object.entries(total.errors).map(([error, times]) => `${times} x ${error}`)
      show(
        `requests that failed in ${runs} kills`,
        `${total.failed} of ${total.requests}`,
        '0',
        total.failed === 0 && total.requests > 0,
        `longest time without an answer ${total.gapMs} ms${words.length === 0 ? '' : `; ${words.join('; ')}`}`,
      )
      show(
        'WebSockets cut before their time',
        `${total.early} of ${total.cuts} cut`,
        '0',
        total.early === 0,
        `the time: ${DRAIN_MS} ms from the switch`,
      )
      show(
        'rollouts that came to their end: the one container of the new version, the stack steady',
        `${counts.exact} of ${runs}`,
        `${runs}`,
        counts.exact === runs && runs > 0,
        `after the start of the daemon: ${spreadOf(convergedMs)}`,
      )
      note(`${counts.again} of ${runs} were killed before the daemon had the request`)
      note(`first step that was not done: ${[...counts.steps].map(([step, times]) => `${step} ${times}`).join(', ')}`)
    } finally {
      load.stop()
      await daemon.ek(['-p', STACK, 'down', '-t', '0'])
      await daemon.remove()
      await sweep(engine, STACK)
    }
  },
}

const app = (version) => ({
  image: trafficImage,
  environment: { VERSION: String(version), READY_AFTER_MS: '300' },
  restart: 'always',
  healthcheck: {
    test: ['CMD', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1:8080/health'],
    interval: '500ms',
    start_period: '10s',
  },
  'x-evenkeel': { routes: [{ host: 'shop.test', port: 8080 }], drain: `${DRAIN_MS}ms` },
})

/** A socket of an older version may be cut once its time is over, counted from the first answer of the newer one. */
function add(total, { requests, failed, errors, versions, cuts, gapMs }, version) {
  total.requests += requests
  total.failed += failed
  total.gapMs = Math.max(total.gapMs, gapMs)
  for (const [error, times] of Object.entries(errors)) total.errors[error] = (total.errors[error] ?? 0) + times
  for (const cut of cuts) {
    total.cuts += 1
    const switchedMs = versions[version]
    if (cut.version === version || switchedMs === undefined || cut.atMs - switchedMs < DRAIN_MS - SLACK_MS)
      total.early += 1
  }
}

async function latest(daemon) {
  const { stdout } = await daemon.must(['-p', STACK, 'history', '--deployments', '-n', '1', '--format', 'json'])
  const [{ id }] = JSON.parse(stdout)
  return engineJson(`unix://${daemon.socket}`, 'GET', `/v1/deployments/${id}`)
}

/** Each version is a revision of its own. */
async function isKnown(daemon, version) {
  const { stdout } = await daemon.must(['-p', STACK, 'show', '--values', '--format', 'json'])
  return JSON.parse(stdout).model.services.app.environment.VERSION === String(version)
}
