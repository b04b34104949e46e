import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LabDaemon, runProgram, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { ensureIngressImage, ingressImage } from '../lab/haproxy.mjs'
import { sweep } from '../lab/sweep.mjs'
import { numberOf } from './args.mjs'
import { containersOf } from './many-stacks.mjs'
import { median } from './statistics.mjs'

const STACK = 'ek-ingress-speed'
const BY_HAND = 'ek-ingress-by-hand'
const ROUTES_PORT = 18_220
const HAND_PORT = 18_221
const HOST = 'shop.test'
const CONNECTIONS = 32
const RATE = 1000

/** The service: as quick as a server can be, so that what is measured is what stands before it. */
const SERVER = `defaults
  mode http
  timeout client 1h
  timeout server 1h
  timeout connect 5s
  timeout http-keep-alive 1h
frontend all
  bind :8080
  http-request return status 200 content-type text/plain string "${'x'.repeat(500)}"
`

/** What a person writes who follows HAProxy's guide for a host and a service. */
const handConfig = (address) => `global
  maxconn 8000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option forwardfor
frontend web
  bind 0.0.0.0:${HAND_PORT}
  use_backend shop if { req.hdr(host),host_only,lower -m str ${HOST} }
backend shop
  balance roundrobin
  server one ${address}:8080
`

/** `--rounds N` (7), `--seconds N` of each (4). On the machine of the Engine, with nothing else to do. */
export const ingressSpeed = {
  name: 'ingress-speed',
  shows:
    'the ingress brings >= 0.9 x what a hand-configured HAProxy of the same image does, and adds <= 1 ms (p99) at 1,000 requests/s',
  async run({ engine, args, show, note }) {
    const rounds = numberOf(args, '--rounds', 7)
    const seconds = numberOf(args, '--seconds', 4)
    await ensureIngressImage(engine)
    await sweep(engine, STACK)
    await engineCall(engine, 'DELETE', `/containers/${BY_HAND}?force=true`, { accept: [404] })
    const folder = temporaryFolder('ingress-speed')
    const daemon = new LabDaemon({ engine, folder: folder.path })
    await daemon.start({ more: ['--ingress-image', ingressImage, '--ingress-http', `0.0.0.0:${ROUTES_PORT}`] })
    try {
      const address = await serve(engine, daemon, folder.path)
      await startByHand(engine, folder.path, address)
      const ways = {
        direct: { host: address, port: 8080 },
        hand: { host: '127.0.0.1', port: HAND_PORT, container: BY_HAND },
        ours: { host: '127.0.0.1', port: ROUTES_PORT, container: await ingressOf(engine) },
      }
      for (const way of Object.values(ways)) {
        way.pids = way.container === undefined ? [] : await processesOf(engine, way.container)
        await load(way, 'all', 1)
      }
      const most = await inTurn(ways, rounds, (way) => load(way, 'all', seconds))
      const atRate = await inTurn(ways, rounds, (way) => load(way, RATE, seconds))
      const failed = [most, atRate].flatMap((all) => Object.values(all).flat()).filter((one) => one.failed > 0).length
      const perSecond = (name) => most[name].map((one) => one.perSecond)
      const ratios = most.ours.map((one, round) => one.perSecond / most.hand[round].perSecond)
      show(
        'throughput, ours / by hand',
        median(ratios).toFixed(2),
        '>= 0.90',
        median(ratios) >= 0.9 && failed === 0,
        `by round ${ratios.map((ratio) => ratio.toFixed(2)).join(', ')}; requests/s: ours ${rangeOf(perSecond('ours'))}, by hand ${rangeOf(perSecond('hand'))}, without a proxy ${rangeOf(perSecond('direct'))}`,
      )
      const costOf = (name) => median(most[name].map(({ cpuMicroseconds }) => cpuMicroseconds))
      note(
        `CPU time of the proxy a request: ours ${costOf('ours').toFixed(1)} us, by hand ${costOf('hand').toFixed(1)} us (${(costOf('hand') / costOf('ours')).toFixed(2)})`,
      )
      for (const share of ['p50', 'p99']) {
        const added = (name) => atRate[name].map((one, round) => one[share] - atRate.direct[round][share])
        const what = `latency added at ${RATE} requests/s, ${share}`
        const words = `by round ${added('ours').map(twoDigits).join(', ')}; by hand ${twoDigits(median(added('hand')))} ms; without a proxy ${twoDigits(median(atRate.direct.map((one) => one[share])))} ms`
        if (share === 'p50') note(`${what}: ${twoDigits(median(added('ours')))} ms; ${words}`)
        else show(what, `${twoDigits(median(added('ours')))} ms`, '<= 1 ms', median(added('ours')) <= 1, words)
      }
      show('runs in which a request failed', `${failed} of ${rounds * 6}`, '0', failed === 0)
    } finally {
      await engineCall(engine, 'DELETE', `/containers/${BY_HAND}?force=true`, { accept: [404] })
      await daemon.ek(['-p', STACK, 'down', '-t', '0'])
      await daemon.remove()
      await sweep(engine, STACK)
    }
  },
}

const twoDigits = (value) => value.toFixed(2)
const rangeOf = (values) =>
  `${median(values).toFixed(0)} (${Math.min(...values).toFixed(0)}-${Math.max(...values).toFixed(0)})`

/** In turn within each round, the order reversed every other one, so that a noisy neighbour hits all alike. */
async function inTurn(ways, rounds, run) {
  const results = Object.fromEntries(Object.keys(ways).map((name) => [name, []]))
  for (let round = 0; round < rounds; round += 1) {
    const names = Object.keys(ways)
    if (round % 2 === 1) names.reverse()
    for (const name of names) results[name].push(await run(ways[name]))
  }
  return results
}

async function load({ host, port, pids }, mode, seconds) {
  const before = cpuMicroseconds(pids)
  const program = fileURLToPath(new URL('./ingress/throughput.mjs', import.meta.url))
  const words = [host, port, HOST, mode, CONNECTIONS, seconds].map(String)
  const { code, stdout, stderr } = await runProgram(process.execPath, [program, ...words])
  if (code !== 0) throw new Error(`the load ended with ${code}: ${stderr}`)
  const result = JSON.parse(stdout)
  return { ...result, cpuMicroseconds: (cpuMicroseconds(pids) - before) / result.requests }
}

/** Processes of a container, as the machine numbers them. */
async function processesOf(engine, container) {
  const { State } = await engineJson(engine, 'GET', `/containers/${container}/json`)
  const own = readFileSync(`/proc/${State.Pid}/cgroup`, 'utf8')
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cgroup`, 'utf8') === own
      } catch {
        return false // it has ended
      }
    })
}

/** Of all their threads, so far. */
const cpuMicroseconds = (pids) =>
  pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
    return sum + (Number(fields[11]) + Number(fields[12])) * 10_000
  }, 0)

async function serve(engine, daemon, folder) {
  const path = join(folder, 'compose.json')
  const service = {
    image: ingressImage,
    command: ['-db', '-f', '/haproxy.cfg'],
    configs: [{ source: 'server', target: '/haproxy.cfg' }],
    'x-evenkeel': { routes: [{ host: HOST, port: 8080 }] },
  }
  const file = { name: STACK, services: { app: service }, configs: { server: { content: SERVER } } }
  writeFileSync(path, JSON.stringify(file))
  await daemon.must(['-f', path, 'up', '-d'])
  const [container] = await containersOf(engine, [STACK])
  const [network] = Object.values(container.NetworkSettings.Networks)
  await until(
    'the service answers by its route',
    async () => (await load({ host: '127.0.0.1', port: ROUTES_PORT, pids: [] }, 'all', 0.2)).requests > 0,
  )
  return network.IPAddress
}

async function startByHand(engine, folder, address) {
  writeFileSync(join(folder, 'hand.cfg'), handConfig(address))
  const body = {
    Image: ingressImage,
    Cmd: ['-W', '-db', '-f', '/etc/by-hand/hand.cfg'],
    HostConfig: { NetworkMode: 'host', Binds: [`${folder}:/etc/by-hand:ro`] },
  }
  await engineCall(engine, 'POST', `/containers/create?name=${BY_HAND}`, { body })
  await engineCall(engine, 'POST', `/containers/${BY_HAND}/start`)
}

async function ingressOf(engine) {
  const filters = encodeURIComponent(JSON.stringify({ label: ['dev.evenkeel.ingress'] }))
  const containers = await engineJson(engine, 'GET', `/containers/json?filters=${filters}`)
  const own = containers.filter(({ Mounts }) => Mounts.some(({ Source }) => Source.includes('ek-ingress-speed-')))
  if (own.length !== 1) throw new Error(`there are ${own.length} ingresses of this daemon`)
  return own[0].Id
}
