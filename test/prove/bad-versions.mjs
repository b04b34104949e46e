import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { makeArchive, makeLayer } from '../lab/archive.mjs'
import { LabDaemon, temporaryFolder } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { ensureIngressImage, ingressImage } from '../lab/haproxy.mjs'
import { sweep } from '../lab/sweep.mjs'
import { ensureTrafficImage, trafficImage } from '../lab/traffic-image.mjs'
import { wordOf } from './args.mjs'
import { Load } from './deploys/clients.mjs'

const STACK = 'ek-bad-versions'
const PORT = 18_195
const FOREIGN = 'ek-lab/foreign:1'
/** Lines of a terminal. */
const SCREEN = 24

const good = {
  image: trafficImage,
  environment: { VERSION: 'good', READY_AFTER_MS: '300' },
  healthcheck: {
    test: ['CMD', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1:8080/health'],
    interval: '500ms',
    retries: 3,
    start_period: '2s',
  },
  'x-evenkeel': { routes: [{ host: 'shop.test', port: 8080 }], drain: '2s' },
}

const shell = (script) => ({ entrypoint: ['sh', '-c', script] })

/** What is wrong with a version, and what its reason is to say. */
const VERSIONS = [
  {
    title: 'exits at once',
    is: shell('echo cannot read the configuration >&2; exit 3'),
    says: [/exited \(3\)/, /cannot read the conf/],
  },
  { title: 'never turns healthy', is: { environment: { READY_AFTER_MS: '3600000' } }, says: [/is unhealthy/] },
  {
    title: 'dies after 20 s',
    is: {
      ...shell('node /app/traffic.mjs & sleep 20; echo the licence has run out; exit 7'),
      deploy: { update_config: { monitor: '25s' } },
    },
    says: [/exited \(7\)/, /the licence has run out/],
  },
  {
    title: 'is killed for want of memory',
    is: {
      entrypoint: ['node', '-e', 'const all = []; setInterval(() => all.push(Buffer.alloc(8e6, 1)), 10)'],
      mem_limit: '64m',
      memswap_limit: '64m',
    },
    says: [/killed for want of memory/],
  },
  {
    title: 'has an image that is missing',
    is: { image: 'ek-lab.invalid/nowhere:1' },
    says: [/ek-lab\.invalid\/nowhere/],
  },
  { title: 'is of another architecture', is: { image: FOREIGN }, says: [/exec format error/] },
]

/** `--netns NAME`: the network namespace of the Engine, where the clients are to be. */
export const badVersions = {
  name: 'bad-versions',
  shows: 'a version that cannot live is never seen: the old one serves on, the stack is back, the reason is one screen',
  async run({ engine, args, show }) {
    const netns = wordOf(args, '--netns')
    await ensureIngressImage(engine)
    await ensureTrafficImage(engine)
    await makeForeign(engine)
    await sweep(engine, STACK)
    const folder = temporaryFolder('bad-versions')
    const daemon = new LabDaemon({ engine, folder: folder.path })
    await daemon.start({ more: ['--ingress-image', ingressImage, '--ingress-http', `0.0.0.0:${PORT}`] })
    const path = join(folder.path, 'compose.json')
    const up = (service) => {
      writeFileSync(path, JSON.stringify({ name: STACK, services: { app: { ...good, ...service } } }))
      return daemon.ek(['-f', path, 'up', '-d'])
    }
    const load = new Load(netns)
    try {
      const first = await up({})
      if (first.code !== 0) throw new Error(`the good version did not come up: ${first.stderr}`)
      await load.start({ kind: 'http', port: PORT, headers: { Host: 'shop.test' } })
      await delay(1500)
      const before = await containersOf(engine)
      for (const { title, is, says } of VERSIONS) {
        await load.ask()
        const { code, stderr, ms } = await up({ ...is, environment: { ...good.environment, ...is.environment } })
        await delay(1000)
        const { requests, failed, cuts, errors } = await load.ask()
        const reason = stderr.split('\n').filter((line) => !/^ \S+ \S+ {2}/.test(line) && line !== '')
        const after = await containersOf(engine)
        const current = (await daemon.must(['-p', STACK, 'history'])).stdout
          .split('\n')
          .find((line) => / \*/.test(line))
        const missing = says.filter((words) => !words.test(reason.join('\n')))
        const holds =
          failed === 0 &&
          cuts.length === 0 &&
          requests > 0 &&
          code !== 0 &&
          missing.length === 0 &&
          reason.length <= SCREEN &&
          current?.startsWith('1 ') === true &&
          after === before
        show(
          `a version that ${title}`,
          `${failed} of ${requests} failed, ${cuts.length} WebSockets cut, revision ${current?.split(' ')[0]}, ${after === before ? 'the same container' : `containers ${after}`}, ${reason.length} lines`,
          `0, 0, 1, the same container, <= ${SCREEN}`,
          holds,
          `${(ms / 1000).toFixed(1)} s${missing.length > 0 ? `; not said: ${missing}` : ''}${failed > 0 ? `; ${JSON.stringify(errors)}` : ''}`,
        )
        for (const line of reason) console.log(`         ${line}`)
      }
    } finally {
      load.stop()
      await daemon.ek(['-p', STACK, 'down', '-t', '0'])
      await daemon.remove()
      await sweep(engine, STACK)
    }
  },
}

async function containersOf(engine) {
  const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${STACK}`] }))
  const containers = await engineJson(engine, 'GET', `/containers/json?all=true&filters=${filters}`)
  return containers.map(({ Id, State, Names }) => `${Names[0]} ${Id.slice(0, 12)} ${State}`).join(', ')
}

/** An image whose program is of a processor that this machine does not have. */
async function makeForeign(engine) {
  const { Arch } = await engineJson(engine, 'GET', '/version')
  const machine = Arch === 'arm64' ? 0x3e : 0xb7
  const program = Buffer.alloc(64)
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]).copy(program)
  program.writeUInt16LE(2, 16)
  program.writeUInt16LE(machine, 18)
  program.writeUInt32LE(1, 20)
  const layer = await makeLayer('foreign', [{ path: '/app', content: program, mode: 0o755 }])
  const config = { Entrypoint: ['/app'], WorkingDir: '/' }
  const body = makeArchive([{ tag: FOREIGN, layers: [layer], config }], { architecture: Arch })
  await engineCall(engine, 'POST', '/images/load?quiet=1', { body })
}
