import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LabDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { ensureIngressImage, ingressImage } from '../lab/haproxy.mjs'
import { sweep } from '../lab/sweep.mjs'
import { numberOf } from './args.mjs'
import { containersOf } from './many-stacks.mjs'
import { interleaved, median, spreadOf } from './statistics.mjs'

const ROUTES_PORT = 18_225
const IMAGE = 'ek-lab/app:1'
const SECOND = 1_000_000_000
const CHECK = ['CMD', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1:8080/health']

/** What is changed, by how it is replaced. */
const CASES = {
  'start-first, by a route of the ingress': (version) => ({
    ...service(version),
    'x-evenkeel': { routes: [{ host: 'shop.test', port: 8080 }] },
  }),
  'stop-first': (version) => service(version),
}

const service = (version) => ({
  image: IMAGE,
  environment: { VERSION: String(version) },
  healthcheck: { test: CHECK, interval: '1s', timeout: '5s' },
})

/** `--runs N` deployments of each kind (9). */
export const deployTime = {
  name: 'deploy-time',
  shows:
    'a change of one service (image present, ready at once) takes <= 1.5 s more than the raw create, start, health interval and stop',
  async run({ engine, args, show }) {
    const runs = numberOf(args, '--runs', 9)
    await ensureIngressImage(engine)
    const folder = temporaryFolder('deploy-time')
    const daemon = new LabDaemon({ engine, folder: folder.path })
    await daemon.start({ more: ['--ingress-image', ingressImage, '--ingress-http', `0.0.0.0:${ROUTES_PORT}`] })
    try {
      for (const [title, file] of Object.entries(CASES)) {
        const stack = `ek-deploy-time-${title.split(',')[0]}`
        await sweep(engine, stack)
        try {
          await contest({ engine, daemon, folder: folder.path, stack, title, file, runs, show })
        } finally {
          await daemon.ek(['-p', stack, 'down', '-t', '0'])
          await sweep(engine, stack)
        }
      }
    } finally {
      await daemon.remove()
    }
  },
}

async function contest({ engine, daemon, folder, stack, title, file, runs, show }) {
  const path = join(folder, 'compose.json')
  let version = 0
  const deploy = async () => {
    version += 1
    writeFileSync(path, JSON.stringify({ name: stack, services: { app: file(version) } }))
    return (await daemon.must(['-f', path, 'up', '-d', '--wait'])).ms
  }
  await deploy()
  const [like] = await containersOf(engine, [stack])
  const [network] = Object.keys(like.NetworkSettings.Networks)
  const made = [await begin(engine, network, 0)]
  const remove = (id) => engineCall(engine, 'DELETE', `/containers/${id}?force=true&v=true`, { accept: [404] })
  const raw = async () => {
    const startedMs = performance.now()
    made.push(await begin(engine, network, version))
    await untilHealthy(engine, made.at(-1))
    await engineCall(engine, 'POST', `/containers/${made[0]}/stop`)
    const ms = performance.now() - startedMs
    await remove(made.shift())
    return ms
  }
  const times = await untilHealthy(engine, made[0])
    .then(() => interleaved(runs, { raw, ours: deploy }))
    .finally(() => Promise.all(made.map(remove)))
  const overMs = median(times.ours.map((ms, round) => ms - times.raw[round]))
  show(
    `${title}: beyond the raw calls`,
    `${overMs.toFixed(0)} ms`,
    '<= 1500 ms',
    overMs <= 1500,
    `ours ${spreadOf(times.ours)}; raw ${spreadOf(times.raw)}`,
  )
}

/** A container like the service's, created and started. */
async function begin(engine, network, version) {
  const body = {
    Image: IMAGE,
    Env: [`VERSION=${version}`],
    Healthcheck: { Test: CHECK, Interval: SECOND, Timeout: 5 * SECOND },
    HostConfig: { NetworkMode: network },
  }
  const { Id } = await engineJson(engine, 'POST', '/containers/create', { body })
  await engineCall(engine, 'POST', `/containers/${Id}/start`)
  return Id
}

const untilHealthy = (engine, id) =>
  until(
    'it is healthy',
    async () => (await engineJson(engine, 'GET', `/containers/${id}/json`)).State.Health?.Status === 'healthy',
    { everyMs: 10 },
  )
