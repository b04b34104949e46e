import { execFile } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { get as httpGet } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { request } from 'node:https'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { findCommand } from '../lab/commands.mjs'
import { LabDaemon, runProgram, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { ensureIngressImage, ingressImage } from '../lab/haproxy.mjs'
import { ensurePebble, Pebble } from '../lab/pebble.mjs'
import { sweep } from '../lab/sweep.mjs'
import { wordOf } from './args.mjs'
import { HaproxyAsked } from './ingress/haproxy-asked.mjs'

const STACK = 'ekproof-https'
const HTTP = 18_221
const HTTPS = 18_222
const HOSTS = 50
/** Renewed after 40 to 37 s; the first wait after a failure is a minute. */
const SHORT_SECONDS = 60
const LONG_SECONDS = 150

/** `--only testssl,issue,renew,down,wrong,many`: some parts of it. */
export const https = {
  name: 'https',
  shows:
    'HTTPS with a real ACME server (pebble): issue, renew, authority down, wrong DNS, 50 hosts at once without a reload; browser-grade clients trust it; testssl.sh has no finding above low',
  async run({ engine, args, show, note }) {
    const wanted = wordOf(args, '--only')?.split(',')
    await ensurePebble({ log: note })
    await ensureIngressImage(engine)
    for (const [part, prove] of Object.entries(PARTS)) {
      if (wanted !== undefined && !wanted.includes(part)) continue
      const house = await House.open(engine, part)
      try {
        await prove({ house, show, note })
      } finally {
        await house.close()
      }
    }
  },
}

const PARTS = { issue, many, renew, down, wrong, testssl }

/** A daemon, its ingress, and an authority of its own. */
class House {
  static async open(engine, part) {
    await sweep(engine, STACK)
    const house = new House()
    house.engine = engine
    house.folder = temporaryFolder(`https-${part}`)
    house.pebble = await new Pebble({
      folder: join(house.folder.path, 'pebble'),
      httpPort: HTTP,
      lifetimeSeconds: { renew: SHORT_SECONDS, down: LONG_SECONDS }[part],
      blocked: ['blocked.test'],
    }).start()
    house.daemon = new LabDaemon({ engine, folder: house.folder.path })
    const { directory, authority } = house.pebble
    await house.daemon.start({
      more: [
        ...['--ingress-image', ingressImage, '--ingress-http', `127.0.0.1:${HTTP}`],
        ...['--ingress-https', `127.0.0.1:${HTTPS}`],
        ...['--acme', directory, '--acme-ca', authority, '--acme-terms', 'agreed', '--acme-email', 'ops@example.com'],
      ],
    })
    return house
  }

  async close() {
    await this.daemon.ek(['-p', STACK, 'down', '-t', '0'])
    await this.daemon.remove()
    await this.pebble.stop()
    await sweep(this.engine, STACK)
    this.folder.remove()
  }

  up(hosts, tls = 'auto') {
    const web = {
      image: 'ek-lab/app:1',
      stop_grace_period: '0s',
      healthcheck: {
        test: ['CMD', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1:8080/health'],
        interval: '500ms',
      },
      'x-evenkeel': { routes: hosts.map((host) => ({ host, port: 8080 })), drain: '0s', tls },
    }
    writeFileSync(join(this.folder.path, 'compose.yaml'), JSON.stringify({ name: STACK, services: { web } }))
    return this.daemon.must(['up', '-d'], { cwd: this.folder.path })
  }

  /** By host. */
  async certificates() {
    const { certificates: all } = await engineJson(`unix://${this.daemon.socket}`, 'GET', '/v1/certificates')
    return new Map(all.map((one) => [one.host, one]))
  }

  async untilState(host, state, deadlineMs = 60_000) {
    return until(
      `${host} is ${state}`,
      async () => {
        const one = (await this.certificates()).get(host)
        return one?.state === state ? one : undefined
      },
      { deadlineMs, everyMs: 200 },
    )
  }
}

async function issue({ house, show }) {
  const begun = Date.now()
  await house.up(['shop.test'], { certificate: 'auto', hsts: 31_536_000 })
  const { issuer } = await house.untilState('shop.test', 'valid')
  show('issued, from `up` on', `${((Date.now() - begun) / 1000).toFixed(1)} s, by ${issuer}`, 'issued', true)
  const root = await house.pebble.root()
  const answer = await askNode('shop.test', root)
  show(
    'Node, which trusts the root alone',
    `status ${answer.status}, ${answer.protocol}`,
    'status 200, TLSv1.3',
    answer.status === 200 && answer.protocol === 'TLSv1.3',
  )
  const strange = await askNode('shop.test', undefined).catch((error) => error.code)
  show('Node, which does not', String(strange), 'refused', typeof strange === 'string')
  const rootFile = join(house.folder.path, 'root.pem')
  writeFileSync(rootFile, root)
  if (findCommand('curl')) {
    const curl = await runProgram('curl', [
      ...['-sS', '--cacert', rootFile, '--resolve', `shop.test:${HTTPS}:127.0.0.1`, '-o', '/dev/null'],
      ...['-w', '%{http_code} over %{http_version}, verified %{ssl_verify_result}', `https://shop.test:${HTTPS}/`],
    ])
    show(
      'curl --cacert',
      curl.stdout || curl.stderr,
      '200 over 2, verified 0',
      curl.stdout === '200 over 2, verified 0',
    )
  }
  const second = await askHttp2('shop.test', root)
  show('over HTTP/2, with HSTS', second, '200, max-age=31536000', second === '200, max-age=31536000')
  const led = await askHttp('shop.test', '/a?b=1')
  show('HTTP leads there', led, `308 to it`, led === `308 https://shop.test:${HTTPS}/a?b=1`)
  const other = await new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: HTTPS, servername: 'other.test', rejectUnauthorized: false })
    socket.once('secureConnect', () => resolve('a handshake'))
    socket.once('error', (error) => resolve(error.code))
  })
  show('a host without a certificate', other, 'no handshake', other !== 'a handshake')
  const key = readFileSync(await pemFile(house, 'shop.test'), 'utf8').match(/PRIVATE KEY-----\n([^\n]+)/)[1]
  const clear = readFileSync(join(house.daemon.state, 'state.db')).includes(key) || house.daemon.log().includes(key)
  show('its key in the database or the log', clear ? 'there' : 'not in the clear', 'sealed', !clear)
}

/** What the ingress serves, wherever its container is. */
async function pemFile({ daemon }, host) {
  const folder = join(daemon.state, 'ingress/tls')
  const list = readFileSync(join(folder, 'list'), 'utf8').split('\n')
  return join(
    folder,
    list
      .find((line) => line.endsWith(` ${host}`))
      .split(' ')[0]
      .split('/')
      .at(-1),
  )
}

async function many({ house, show }) {
  const hosts = Array.from({ length: HOSTS }, (_, index) => `h${index}.test`)
  await house.up(hosts)
  const haproxy = new HaproxyAsked(house.daemon)
  const [before] = await haproxy.workers()
  const begun = Date.now()
  let most = 0
  await until(
    'all have one',
    async () => {
      const states = [...(await house.certificates()).values()].map(({ state }) => state)
      most = Math.max(most, states.filter((state) => state === 'ordering').length)
      return states.filter((state) => state === 'valid').length === HOSTS
    },
    { deadlineMs: 300_000, everyMs: 200 },
  )
  const [after] = await haproxy.workers()
  const seconds = (Date.now() - begun) / 1000
  show(
    `${HOSTS} hosts at once`,
    `all have a certificate after ${seconds.toFixed(1)} s, ${most} orders at a time at most`,
    `${HOSTS}; 4 at a time`,
    most <= 4,
  )
  show('reloads of the ingress meanwhile', before === after ? 'none' : 'some', 'none', before === after)
  const root = await house.pebble.root()
  const served = await Promise.all(hosts.map((host) => askNode(host, root).catch((error) => error)))
  const good = served.filter(({ status }) => status === 200).length
  show('served, each with its own', `${good} of ${HOSTS}`, `${HOSTS}`, good === HOSTS)
  await engineCall(house.engine, 'POST', `/containers/${await ingressName(house)}/kill`)
  await until('it serves again', async () => (await askNode(hosts[0], root)).status === 200)
  const back = await Promise.all(hosts.map((host) => askNode(host, root).catch((error) => error)))
  const again = back.filter(({ status }) => status === 200).length
  show('after HAProxy was killed, from its files', `${again} of ${HOSTS}`, `${HOSTS}`, again === HOSTS)
}

async function ingressName({ engine, daemon }) {
  const filters = encodeURIComponent(JSON.stringify({ label: ['dev.evenkeel.ingress'] }))
  const containers = await engineJson(engine, 'GET', `/containers/json?filters=${filters}`)
  const own = containers.find(({ Mounts }) => Mounts.some(({ Source }) => Source.startsWith(daemon.state)))
  return own.Names[0].slice(1)
}

async function renew({ house, show }) {
  await house.up(['shop.test'])
  await house.untilState('shop.test', 'valid')
  const haproxy = new HaproxyAsked(house.daemon)
  const [before] = await haproxy.workers()
  const seen = new Map()
  let failed = 0
  let asked = 0
  const end = Date.now() + 2.2 * SHORT_SECONDS * 1000
  const root = await house.pebble.root()
  while (Date.now() < end) {
    const answer = await askNode('shop.test', root).catch((error) => error)
    asked += 1
    if (answer.status !== 200) failed += 1
    else if (!seen.has(answer.serial)) seen.set(answer.serial, (answer.notAfter - Date.now()) / 1000)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const left = [...seen.values()].slice(1).map((fresh) => `${fresh.toFixed(0)} s`)
  show(
    `renewals of certificates that live ${SHORT_SECONDS} s, in ${2.2 * SHORT_SECONDS} s`,
    `${seen.size - 1}, good for ${left.join(', ')} when first seen`,
    '2 or more',
    seen.size >= 3,
  )
  show('handshakes that failed, or met an expired one', `${failed} of ${asked}`, '0', failed === 0)
  const [after] = await haproxy.workers()
  show('reloads of the ingress meanwhile', before === after ? 'none' : 'some', 'none', before === after)
}

async function down({ house, show, note }) {
  await house.up(['shop.test'])
  const { nextAt } = await house.untilState('shop.test', 'valid')
  const root = await house.pebble.root()
  const { serial } = await askNode('shop.test', root)
  await house.pebble.stop()
  note(`the authority is stopped; the next renewal is at ${nextAt}`)
  const { error } = await house.untilState('shop.test', 'renewal-failing', LONG_SECONDS * 1000)
  show('the authority is down when it is to renew', error, 'told', /cannot be asked: ECONNREFUSED/.test(error))
  const same = await askNode('shop.test', root)
  show(
    'the old one is served meanwhile',
    `status ${same.status}, ${same.serial === serial ? 'the same' : 'another'}`,
    'status 200, the same',
    same.status === 200 && same.serial === serial,
  )
  const ps = await house.daemon.ek(['ps'], { cwd: house.folder.path })
  show('`ek ps` says so', ps.stderr.trim().slice(0, 90), 'renewal-failing', /renewal-failing/.test(ps.stderr))
  await house.pebble.start()
  await house.untilState('shop.test', 'valid', 120_000)
  const fresh = await askNode('shop.test', await house.pebble.root())
  show(
    'the authority is back, and knows our account no more',
    `status ${fresh.status}, ${fresh.serial === serial ? 'the same' : 'another'}`,
    'status 200, another',
    fresh.status === 200 && fresh.serial !== serial,
  )
}

async function wrong({ house, show }) {
  await house.pebble.leadTo('astray.test', ['127.0.0.9'])
  await house.up(['shop.test', 'astray.test', 'blocked.test'])
  await house.untilState('shop.test', 'valid')
  for (const [host, what, told] of [
    ['astray.test', 'a host that leads elsewhere', /127\.0\.0\.9.*\(connection\); .*port 80/],
    ['blocked.test', 'a host that the authority refuses', /forbidden by policy.*\(rejectedIdentifier\)/],
  ]) {
    const { error = '' } = await until(`${host} is told`, async () => {
      const one = (await house.certificates()).get(host)
      return one?.error === undefined ? undefined : one
    })
    show(what, error.slice(0, 220), 'told', told.test(error))
  }
  const first = (await house.certificates()).get('astray.test')
  const waitMs = Date.parse(first.nextAt) - Date.now()
  show(
    'asked again',
    `in ${(waitMs / 1000).toFixed(0)} s`,
    'within a minute, not at once',
    waitMs > 0 && waitMs <= 60_000,
  )
  const plain = await askHttp('astray.test', '/')
  show('and is served over HTTP meanwhile', plain, '200', plain === '200')
}

/** Of the settings: what an application sends of headers is its own. */
async function testssl({ house, show, note }) {
  if (!findCommand('testssl') && !findCommand('testssl.sh')) {
    note('testssl.sh is not here: install it (on Debian the package testssl.sh)')
    return
  }
  await house.up(['shop.test'], { certificate: 'auto', hsts: 31_536_000 })
  await house.untilState('shop.test', 'valid')
  const root = join(house.folder.path, 'root.pem')
  const found = join(house.folder.path, 'testssl.json')
  writeFileSync(root, await house.pebble.root())
  const words = [
    ...['--quiet', '--color', '0', '--warnings', 'batch', '--ip', '127.0.0.1', '--add-ca', root, '--jsonfile', found],
    ...['--protocols', '--std', '--pfs', '--server-preference', '--server-defaults', '--vulnerable'],
    `shop.test:${HTTPS}`,
  ]
  await new Promise((resolve) => {
    execFile(findCommand('testssl') ?? 'testssl.sh', words, { timeout: 600_000, maxBuffer: 16 * 1024 ** 2 }, resolve)
  })
  const findings = existsSync(found) ? JSON.parse(readFileSync(found, 'utf8')) : []
  const bad = findings.filter(({ severity }) => ['MEDIUM', 'HIGH', 'CRITICAL', 'FATAL'].includes(severity))
  const low = findings.filter(({ severity }) => severity === 'LOW' || severity === 'WARN')
  show(
    'findings of testssl.sh above low',
    bad.length === 0 ? `none of ${findings.length}` : bad.map(({ id, finding }) => `${id}: ${finding}`).join('; '),
    'none',
    bad.length === 0 && findings.length > 50,
    `low: ${low.map(({ id, finding }) => `${id} (${finding})`).join(', ') || 'none'}`,
  )
}

/** Over a connection of its own; `root` undefined: with what Node trusts by itself. */
function askNode(host, root) {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...{ host: '127.0.0.1', port: HTTPS, servername: host, path: '/', agent: false, timeout: 10_000 },
        headers: { host },
        ...(root === undefined ? {} : { ca: root }),
      },
      (answer) => {
        const { serialNumber, valid_to } = answer.socket.getPeerCertificate()
        const protocol = answer.socket.getProtocol()
        answer.resume()
        answer.once('end', () =>
          resolve({ status: answer.statusCode, serial: serialNumber, notAfter: Date.parse(valid_to), protocol }),
        )
      },
    )
    sent.once('error', reject)
    sent.end()
  })
}

function askHttp2(host, root) {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`https://127.0.0.1:${HTTPS}`, { servername: host, ca: root })
    session.once('error', reject)
    const stream = session.request({ ':path': '/', ':authority': host })
    stream.once('response', (headers) => {
      session.close()
      resolve(`${headers[':status']}, ${headers['strict-transport-security']}`)
    })
    stream.once('error', reject)
    stream.resume()
  })
}

/** Status, and where it leads. */
async function askHttp(host, path) {
  const { status, headers } = await new Promise((resolve, reject) => {
    httpGet({ host: '127.0.0.1', port: HTTP, path, headers: { host } }, (answer) => {
      answer.resume()
      resolve({ status: answer.statusCode, headers: answer.headers })
    }).once('error', reject)
  })
  return headers.location === undefined ? String(status) : `${status} ${headers.location}`
}
