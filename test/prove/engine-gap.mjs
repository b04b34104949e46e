import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { LabDaemon, temporaryFolder } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { ensureIngressImage, ingressImage } from '../lab/haproxy.mjs'
import { privateEngine, whyNoPrivateEngine } from '../lab/private-engine.mjs'
import { ensureTrafficImage, trafficImage } from '../lab/traffic-image.mjs'
import { numberOf, wordOf } from './args.mjs'
import { Load } from './deploys/clients.mjs'
import { whatDiffers } from './deploys/one-app.mjs'
import { isNamed } from './kill-engine.mjs'
import { whatStaysDifferent } from './many-stacks.mjs'
import { median, spreadOf } from './statistics.mjs'

const STACK = 'ek-engine-gap'
const ROUTES_PORT = 18_245
const PLAIN_PORT = 18_246

/** `--runs N` restarts of each kind (5); `--bin FOLDER`: another release's dockerd, containerd and runc than the installed ones. */
export const engineGap = {
  name: 'engine-gap',
  shows:
    "a restart of dockerd in the middle of a rollout under load, with and without live-restore: the gap, and what of it is the Engine's own",
  needsEngine: false,
  async run({ args, random, show, note }) {
    const why = whyNoPrivateEngine()
    if (why !== undefined) {
      note(why)
      return
    }
    const runs = numberOf(args, '--runs', 5)
    const binFolder = wordOf(args, '--bin')
    for (const isLive of [false, true]) {
      const engine = await privateEngine('gap', { binFolder, config: { 'live-restore': isLive } })
      try {
        await restarts({ engine, isLive, runs, random, show, note })
      } finally {
        await engine.remove()
      }
    }
  },
}

async function restarts({ engine, isLive, runs, random, show, note }) {
  const words = isLive ? 'with live-restore' : 'without live-restore'
  await ensureIngressImage(engine.socket)
  await ensureTrafficImage(engine.socket)
  const { Version } = await engineJson(engine.socket, 'GET', '/version')
  note(`a private Engine of release ${Version}, ${words}`)
  await plainContainer(engine.socket)
  const folder = temporaryFolder('engine-gap')
  const daemon = new LabDaemon({ engine: engine.socket, folder: folder.path })
  await daemon.start({ more: ['--ingress-image', ingressImage, '--ingress-http', `0.0.0.0:${ROUTES_PORT}`] })
  const up = (version) => {
    const path = join(folder.path, 'compose.json')
    writeFileSync(path, JSON.stringify({ name: STACK, services: { app: app(version) } }))
    return daemon.ek(['-f', path, 'up', '-d'])
  }
  const [ours, plain] = [new Load(engine.namespace), new Load(engine.namespace)]
  const [gaps, own, convergedMs, failed] = [[], [], [], []]
  const counts = { exact: 0, blocked: 0 }
  try {
    await up(0)
    const host = engine.address
    await ours.start({ kind: 'light', host, port: ROUTES_PORT, headers: { Host: 'shop.test' } })
    await plain.start({ kind: 'light', host, port: PLAIN_PORT })
    await delay(1500)
    const undisturbedMs = (await up(1)).ms
    for (let run = 1; run <= runs; run += 1) {
      const version = run + 1
      await Promise.all([ours.ask(), plain.ask()])
      const deployed = up(version)
      await delay(Math.floor(random() * undisturbedMs))
      await engine.stop()
      await engine.start()
      const backMs = performance.now()
      const first = await deployed
      // What was not accepted, or ended with the Engine, is asked for again by whoever sees that.
      const second = await up(version)
      const problem = await whatStaysDifferent(() => whatDiffers(engine.socket, daemon, STACK, version), 90_000)
      convergedMs.push(performance.now() - backMs)
      if (problem === undefined) counts.exact += 1
      else {
        // dockerd that ends while it starts a container can leave one that it cannot start ever again.
        if (await isNamed(daemon, STACK)) counts.blocked += 1
        note(`restart ${run}: ${problem}${toldBy(first)}${toldBy(second)}`)
      }
      const [ofOurs, ofPlain] = await Promise.all([ours.ask(), plain.ask()])
      gaps.push(ofOurs.gapMs)
      own.push(ofPlain.gapMs)
      failed.push(ofOurs.failed)
    }
    const { exact, blocked } = counts
    show(
      `${words}: it converged`,
      `${exact} of ${runs}${blocked === 0 ? '' : `, ${blocked} blocked by name`}`,
      `${runs}`,
      exact === runs,
      `after the Engine was back: ${spreadOf(convergedMs)}`,
    )
    const beyond = gaps.map((gap, at) => Math.max(0, gap - own[at]))
    const seen = `longest time without an answer: through the ingress ${spreadOf(gaps)}; of a plain container beside it ${spreadOf(own)}`
    const all = failed.reduce((sum, one) => sum + one, 0)
    if (isLive) show(`${words}: requests that failed`, `${all}`, '0', all === 0, seen)
    else {
      note(`${words}: ${all} requests failed; ${seen}`)
      show(
        `${words}: what the gap is beyond the Engine's own`,
        `${median(beyond).toFixed(0)} ms`,
        'told',
        true,
        spreadOf(beyond),
      )
    }
  } finally {
    ours.stop()
    plain.stop()
    await daemon.ek(['-p', STACK, 'down', '-t', '0'])
    await daemon.remove()
  }
}

const toldBy = ({ code, stderr }) => `\n  up exited with ${code}: ${stderr.trim().slice(-1500)}`

const app = (version) => ({
  image: trafficImage,
  environment: { VERSION: String(version) },
  restart: 'always',
  healthcheck: {
    test: ['CMD', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1:8080/health'],
    interval: '300ms',
    retries: 10,
  },
  'x-evenkeel': { routes: [{ host: 'shop.test', port: 8080 }], drain: '2s' },
})

/** Of nobody's but the Engine's: it has its port, and starts it again. */
async function plainContainer(engine) {
  const body = {
    Image: trafficImage,
    Env: ['VERSION=plain'],
    ExposedPorts: { '8080/tcp': {} },
    HostConfig: {
      RestartPolicy: { Name: 'always' },
      PortBindings: { '8080/tcp': [{ HostPort: String(PLAIN_PORT) }] },
    },
  }
  await engineCall(engine, 'POST', '/containers/create?name=plain', { body })
  await engineCall(engine, 'POST', '/containers/plain/start')
}
