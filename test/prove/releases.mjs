import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { LabDaemon, temporaryFolder } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { ensureIngressImage, ingressImage } from '../lab/haproxy.mjs'
import { sweep } from '../lab/sweep.mjs'
import { ensureTrafficImage, trafficImage } from '../lab/traffic-image.mjs'
import { numberOf, wordOf } from './args.mjs'
import { Load } from './deploys/clients.mjs'
import { containersOf, whatStaysDifferent } from './many-stacks.mjs'
import { median, spreadOf } from './statistics.mjs'

const STACK = 'ek-releases'
const ROUTES_PORT = 18_235
const CALLS = 10_000
/** A daemon is away for up to so long. */
const AWAY_MS = 1500

/**
 * `--releases N` (20), `--kills N` (20) of the daemon in the middle of one, `--failures N` (5) of each kind; `--netns NAME`: the
 * network namespace of the Engine.
 */
export const releases = {
  name: 'releases',
  shows:
    '10,000 calls web -> api during 20 releases as a whole: none crosses versions, none fails; a release that fails, and kills of the daemon, leave nothing mixed',
  async run({ engine, args, random, show, note }) {
    const count = numberOf(args, '--releases', 20)
    const kills = numberOf(args, '--kills', 20)
    const failures = numberOf(args, '--failures', 5)
    const netns = wordOf(args, '--netns')
    await ensureIngressImage(engine)
    await ensureTrafficImage(engine)
    await sweep(engine, STACK)
    const folder = temporaryFolder('releases')
    const daemon = new LabDaemon({ engine, folder: folder.path })
    const start = () =>
      daemon.start({ more: ['--ingress-image', ingressImage, '--ingress-http', `0.0.0.0:${ROUTES_PORT}`] })
    await start()
    const up = (version, how = {}) => {
      const path = join(folder.path, 'compose.json')
      writeFileSync(path, JSON.stringify(file(version, how)))
      return daemon.ek(['-f', path, 'up', '-d'])
    }
    const load = new Load(netns)
    const world = { engine, daemon, up, load, show, note, random }
    try {
      await up(0)
      await load.start({
        kind: 'calls',
        port: ROUTES_PORT,
        headers: { Host: 'shop.test' },
        at: 'api:8080',
        pauseMs: 5,
      })
      const last = await underLoad(world, count)
      await failing(world, last, failures, 'atomic')
      await killing(world, start, last, kills)
      await failing(world, last + kills, failures, 'rolling')
    } finally {
      load.stop()
      await daemon.ek(['-p', STACK, 'down', '-t', '0'])
      await daemon.remove()
      await sweep(engine, STACK)
    }
  },
}

/** What `web` and `api` are of a version; `db` never changes. */
function file(version, { fails, release = 'atomic' } = {}) {
  const healthcheck = (path = 'health') => ({
    test: ['CMD', 'wget', '-q', '-O', '/dev/null', `http://127.0.0.1:8080/${path}`],
    interval: '300ms',
    retries: 10,
  })
  const service = { image: trafficImage, environment: { VERSION: String(version) }, healthcheck: healthcheck() }
  const never = { ...service, healthcheck: { test: ['CMD', 'false'], interval: '300ms', retries: 8 } }
  // Where nothing is released as a whole, a service without a route is followed if the file says so.
  const deploy = release === 'atomic' ? {} : { deploy: { update_config: { order: 'start-first' } } }
  return {
    name: STACK,
    ...(release === 'atomic' && { 'x-evenkeel': { release } }),
    services: {
      web: {
        ...service,
        depends_on: ['db'],
        'x-evenkeel': { routes: [{ host: 'shop.test', port: 8080 }], drain: '3s' },
      },
      api: { ...(fails ? never : service), ...deploy, depends_on: ['db'] },
      db: { ...service, environment: { VERSION: 'db' } },
    },
  }
}

function add(total, { requests, failed, errors, mixed, gapMs }) {
  total.requests += requests
  total.failed += failed
  total.gapMs = Math.max(total.gapMs, gapMs)
  for (const [key, from] of [
    ['errors', errors],
    ['mixed', mixed],
  ])
    for (const [word, times] of Object.entries(from)) total[key][word] = (total[key][word] ?? 0) + times
}

const nothing = () => ({ requests: 0, failed: 0, errors: {}, mixed: {}, gapMs: 0 })
const sum = (counts) => Object.values(counts).reduce((all, one) => all + one, 0)
const words = (counts) =>
  Object.entries(counts)
    .slice(0, 5)
    .map(([what, times]) => `${times} x ${what}`)
    .join('; ')

async function underLoad({ load, up, show, note, ...world }, count) {
  await delay(1000)
  const total = nothing()
  const during = nothing()
  const times = []
  await load.ask()
  for (let version = 1; version <= count; version += 1) {
    const { code, ms, stderr } = await up(version)
    if (code !== 0) throw new Error(`release ${version}: ${stderr}`)
    times.push(ms)
    const seen = await load.ask()
    add(total, seen)
    add(during, seen)
    if (version === count && total.requests < CALLS)
      note(`${total.requests} calls were made by the end of the last release`)
  }
  while (total.requests < CALLS) {
    await delay(200)
    add(total, await load.ask())
  }
  const problem = await whatStaysDifferent(() => whatDiffers(world, count))
  if (problem !== undefined) note(problem)
  show(
    `calls web -> api that crossed versions in ${count} releases`,
    `${sum(total.mixed)} of ${total.requests}`,
    '0',
    sum(total.mixed) === 0,
    `${during.requests} of them while a release was under way; a release: ${spreadOf(times)}${words(total.mixed)}`,
  )
  show(
    'calls that failed',
    `${total.failed} of ${total.requests}`,
    '0',
    total.failed === 0,
    `longest time without an answer ${total.gapMs} ms ${words(total.errors)}`,
  )
  show('what is there afterwards', problem ?? 'the last release, and its networks', 'no more', problem === undefined)
  return count
}

/** Both are to change, and the second one never turns healthy. */
async function failing({ load, up, show, note, ...world }, version, count, release) {
  if (count === 0) return
  const { code } = await up(version, { release })
  if (code !== 0) throw new Error(`version ${version} as ${release} did not come up`)
  await load.ask()
  const total = nothing()
  let exact = 0
  for (let run = 0; run < count; run += 1) {
    const ended = await up(`${version}-bad-${run}`, { release, fails: true })
    const problem =
      ended.code === 0
        ? 'the failing version came up'
        : await whatStaysDifferent(() => whatDiffers(world, version, release))
    if (problem === undefined) exact += 1
    else note(problem)
    await delay(300)
    add(total, await load.ask())
  }
  show(
    `${release}: both change, the second one fails: back as it was, nothing mixed`,
    `${exact} of ${count}`,
    `${count}`,
    exact === count,
  )
  const isWhole = release === 'atomic'
  show(
    `${release}: calls that failed meanwhile`,
    `${total.failed} of ${total.requests}`,
    isWhole ? '0' : "the Engine's DNS, told",
    !isWhole || total.failed === 0,
    words(total.errors),
  )
  show(
    `${release}: calls that crossed versions meanwhile`,
    `${sum(total.mixed)} of ${total.requests}`,
    isWhole ? '0' : 'told',
    !isWhole || sum(total.mixed) === 0,
  )
}

async function killing({ load, up, show, note, random, ...world }, start, last, count) {
  if (count === 0) return
  const { daemon } = world
  const undisturbed = []
  for (let run = 0; run < 2; run += 1) undisturbed.push((await up(`${last}-${run}`)).ms)
  await load.ask()
  const total = nothing()
  let exact = 0
  for (let run = 1; run <= count; run += 1) {
    const version = last + run
    const released = up(version)
    const afterMs = Math.floor(random() * median(undisturbed))
    await delay(afterMs)
    await daemon.kill()
    await released
    await delay(Math.floor(random() * AWAY_MS))
    await start()
    // What was not acknowledged before the crash is not known: whoever sees that asks again.
    const { stdout } = await daemon.must(['-p', STACK, 'show', '--values', '--format', 'json'])
    if (JSON.parse(stdout).model.services.web.environment.VERSION !== String(version)) await up(version)
    const problem = await whatStaysDifferent(() => whatDiffers(world, version))
    if (problem === undefined) exact += 1
    else note(`kill ${run}, ${afterMs} ms into the release: ${problem}`)
    const seen = await load.ask()
    if (seen.failed > 0 || sum(seen.mixed) > 0)
      note(`kill ${run}, ${afterMs} ms into the release: ${words(seen.errors)} ${words(seen.mixed)}`)
    add(total, seen)
  }
  show(
    `kills of the daemon in the middle of a release: it converged`,
    `${exact} of ${count}`,
    `${count}`,
    exact === count,
  )
  show('calls that failed', `${total.failed} of ${total.requests}`, '0', total.failed === 0, words(total.errors))
  show('calls that crossed versions', `${sum(total.mixed)}`, '0', sum(total.mixed) === 0, words(total.mixed))
}

/** One container of each service, of this version; networks of one release at most; a steady stack. */
async function whatDiffers({ engine, daemon }, version) {
  const containers = await containersOf(engine, [STACK])
  const names = containers.map(({ Names }) => Names[0]).sort()
  if (names.join() !== ['api', 'db', 'web'].map((name) => `/${STACK}-${name}-1`).join()) return `there is ${names}`
  for (const { Id, Names, Status } of containers) {
    if (!/\(healthy\)/.test(Status)) return `${Names[0]} is ${Status}`
    const { Config } = await engineJson(engine, 'GET', `/containers/${Id}/json`)
    const [own] = Config.Env.flatMap((one) => (one.startsWith('VERSION=') ? one.slice(8) : []))
    if (own !== 'db' && own !== String(version)) return `${Names[0]} is of version ${own}`
  }
  const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${STACK}`] }))
  const networks = (await engineJson(engine, 'GET', `/networks?filters=${filters}`)).map(({ Name }) => Name)
  if (networks.length > 2) return `networks are left: ${networks.join(' ')}`
  const { stdout } = await daemon.must(['ls', '-a', '--format', 'json'])
  const [stack] = JSON.parse(stdout)
  return stack.Condition === 'steady' ? undefined : `the stack is ${stack.Condition}: ${stack.Reason ?? ''}`
}
