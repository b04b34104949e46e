import { HttpsCaller, tokenFor } from '../../lab/https-daemon.mjs'
import { meaning, objectsOf, operationsOf, take } from '../route-matrix.mjs'

const auditOf = async (daemon, ...filters) =>
  (await daemon.must(['audit', '--tail', '10000', '--format', 'json', ...filters])).stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

async function objectsOfOthers({ daemon, developer, owner, foreign }, tried) {
  const { body: document } = await owner.call('GET', '/v1/openapi.json')
  const objects = await objectsOf(owner, foreign)
  const operations = operationsOf(document).filter(({ hasObject }) => hasObject)
  for (const operation of operations) {
    const answer = await take(developer, operation, objects)
    tried.see(`${operation.id}: ${answer.status} ${answer.code}`, answer.status === 404 && meaning(answer) === 'absent')
  }
  const told = new Set(
    (await auditOf(daemon, '--actor', 'attacker', '--outcome', 'refused')).map(({ action }) => action),
  )
  for (const { id } of operations) tried.see(`${id} is not in the audit`, told.has(id))
  tried.tell('404, and each in the audit')
}

async function risesAbove({ daemon, developer, nobody, own }, tried) {
  const forbidden = async (method, path, body) => {
    const answer = await developer.call(method, path, body === undefined ? {} : { body })
    tried.see(`${method} ${path}: ${answer.status}`, answer.status === 403 && answer.code === 'forbidden')
  }
  const all = { role: 'owner', stacks: ['*'] }
  await forbidden('GET', '/v1/invitations')
  await forbidden('POST', '/v1/invitations', { name: 'me', addressee: 'me@example.com', ...all, expiresInSeconds: 60 })
  await forbidden('POST', '/v1/invitations/acceptance', { addressee: 'me@example.com' })
  await forbidden('DELETE', '/v1/invitations/somebody')
  await forbidden('GET', '/v1/tokens')
  await forbidden('POST', '/v1/tokens', { name: 'me', ...all, expiresInSeconds: null })
  await forbidden('DELETE', '/v1/tokens/boss')
  await forbidden('GET', '/v1/users')
  await forbidden('PUT', '/v1/users/attacker', all)
  await forbidden('PUT', '/v1/roles/mine', { permissions: ['administer'] })
  await forbidden('PUT', '/v1/teams/mine', all)
  await forbidden('PUT', '/v1/teams/mine/members/attacker')
  await forbidden('GET', '/v1/audit')
  await forbidden('GET', '/v1/backup')
  await forbidden('PUT', '/v1/hold')
  // Whoever may manage access, and little else, lifts nobody above that.
  const ruling = ['connect', 'access.manage'].flatMap((permission) => ['--permission', permission])
  await daemon.must(['role', 'set', 'people', ...ruling])
  await daemon.must(['user', 'set', 'boss', '--role', 'owner'])
  await daemon.must(['team', 'set', 'bosses', '--role', 'administrator'])
  const ruler = new HttpsCaller(daemon, { token: await tokenFor(daemon, 'people', '--role', 'people') })
  for (const [method, path, body] of [
    ['PUT', '/v1/users/me', all],
    ['PUT', '/v1/users/me', { role: 'viewer', stacks: [own] }],
    ['DELETE', '/v1/users/boss'],
    ['PUT', '/v1/users/boss', { role: 'people' }],
    ['POST', '/v1/tokens', { name: 'me', role: 'viewer', expiresInSeconds: 60 }],
    ['POST', '/v1/tokens', { name: 'me', user: 'boss', expiresInSeconds: 60 }],
    ['POST', '/v1/invitations', { name: 'me', addressee: 'me@example.com', role: 'deployer', expiresInSeconds: 60 }],
    ['POST', '/v1/invitations', { name: 'me', addressee: 'me@example.com', team: 'bosses', expiresInSeconds: 60 }],
    ['PUT', '/v1/roles/people', { permissions: ['connect', 'access.manage', 'exec'] }],
    ['PUT', '/v1/teams/mine', { role: 'viewer' }],
    ['DELETE', '/v1/teams/bosses'],
  ]) {
    const answer = await ruler.call(method, path, body === undefined ? {} : { body })
    tried.see(`a ruler: ${method} ${path} ${JSON.stringify(body)}: ${answer.status}`, answer.status === 403)
  }
  await ruler.call('PUT', '/v1/users/low', { body: { role: 'people', stacks: ['*'] } })
  const joined = await ruler.call('PUT', '/v1/teams/bosses/members/low')
  tried.see(`a ruler joins a team of more: ${joined.status}`, joined.status === 403)
  ruler.close()
  await invitations(daemon, nobody, tried)
}

async function invitations(daemon, nobody, tried) {
  const invite = async (name) => {
    const { stdout } = await daemon.must(['invite', 'create', name, '--to', `${name}@example.com`, '--role', 'viewer'])
    return { authorization: `Bearer ${stdout.trim()}` }
  }
  const accept = (headers, addressee) =>
    nobody.call('POST', '/v1/invitations/acceptance', { headers, body: { addressee } })
  const ann = await invite('ann')
  const elsewhere = await nobody.call('GET', '/v1/whoami', { headers: ann })
  tried.see(`an invitation as a token: ${elsewhere.status}`, elsewhere.status === 403)
  const first = await Promise.all([1, 2, 3, 4].map(() => accept(ann, 'ann@example.com')))
  const taken = first.filter(({ status }) => status === 200).length
  tried.see(`four at once accept one invitation: ${taken} become ann`, taken === 1)
  const again = await accept(ann, 'ann@example.com')
  tried.see(`a used invitation: ${again.status}`, again.status === 401)
  const ben = await invite('ben')
  for (const addressee of ['eve@example.com', 'ann@example.com', 'ben']) {
    const { status } = await accept(ben, addressee)
    tried.see(`another addressee: ${status}`, status === 403)
  }
  const late = await accept(ben, 'ben@example.com')
  tried.see(`after three others: ${late.status}`, late.status === 401)
  const [list] = [(await daemon.must(['invite', 'ls', '--format', 'json'])).stdout]
  tried.see('the list has a secret', !/ek_|hash/.test(list))
}

async function webSockets({ daemon, developer, nobody, own, foreign }, tried) {
  const logs = `/v1/stacks/${own}/logs`
  const isRefused = async (what, caller, path, options, statuses) => {
    const { status } = await caller.connect(path, options)
    tried.see(`${what}: ${status}`, statuses.includes(status))
  }
  const bearer = (token) => ({ headers: { authorization: `Bearer ${token}` } })
  const short = (await daemon.must(['token', 'create', 'url', '--role', 'developer'])).stdout.trim()
  for (const path of [logs, `/v1/stacks/${own}/stats`, `/v1/stacks/${own}/exec`, '/v1/events', '/v1/ssh-agents']) {
    await isRefused(`${path} without a token`, nobody, path, {}, [401])
    await isRefused(`${path} with a wrong one`, nobody, path, bearer(`ek_${'0'.repeat(49)}`), [401])
    await isRefused(`${path} with one in the URL`, nobody, `${path}?token=${short}`, {}, [401])
    await isRefused(`${path} as a protocol`, nobody, path, { headers: { 'sec-websocket-protocol': short } }, [401])
    await isRefused(`${path} as a cookie`, nobody, path, { headers: { cookie: `token=${short}` } }, [401])
    await isRefused(
      `${path} of a foreign page`,
      developer,
      path,
      { headers: { origin: 'https://evil.example' } },
      [403],
    )
    await isRefused(`${path} of no page`, developer, path, { headers: { origin: 'null' } }, [403])
    await isRefused(`${path} by another name`, developer, path, { headers: { host: 'evil.example' } }, [403])
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await isRefused('logs of others', developer, `/v1/stacks/${foreign}/logs`, {}, [404])
  await isRefused('its own', developer, logs, {}, [101])
  const { body } = await (async () => {
    const boss = new HttpsCaller(daemon, { token: await tokenFor(daemon, 'maker', '--role', 'owner') })
    const answer = await boss.call('POST', '/v1/tokens', {
      body: { name: 'brief', role: 'developer', stacks: [own], expiresInSeconds: 2 },
    })
    boss.close()
    return answer
  })()
  const brief = new HttpsCaller(daemon, { token: body.secret })
  const expiring = await brief.connect(`${logs}?follow=true`, { hold: true })
  const endOf = (socket) => new Promise((resolve) => socket.once('close', (code) => resolve({ code, at: Date.now() })))
  const opened = Date.now()
  const end = await endOf(expiring.socket)
  tried.see(
    `a live one whose token ran out: ${end.code} after ${end.at - opened} ms`,
    end.code === 1008 && end.at - opened < 4500,
  )
  await isRefused('an expired token', brief, logs, {}, [401])
  brief.close()
  await daemon.must(['team', 'set', 'live', '--role', 'developer', '--stack', own])
  await daemon.must(['user', 'set', 'live'])
  const REVOCATIONS = [
    ['team', 'leave', 'live', 'live'],
    ['team', 'set', 'live', '--role', 'deployer', '--stack', own],
    ['user', 'rm', 'live'],
  ]
  for (const words of REVOCATIONS) {
    await daemon.must(['team', 'set', 'live', '--role', 'developer', '--stack', own])
    await daemon.must(['team', 'join', 'live', 'live'])
    const caller = new HttpsCaller(daemon, {
      token: await tokenFor(daemon, `live-${words.join('-').length}`, '--user', 'live'),
    })
    const { socket } = await caller.connect(`${logs}?follow=true`, { hold: true })
    const ending = endOf(socket)
    await daemon.must(words)
    const at = Date.now()
    const { code, at: ended } = await ending
    tried.see(`a live one after ${words.join(' ')}: ${code} after ${ended - at} ms`, code === 1008 && ended - at < 2000)
    caller.close()
  }
  await trickles({ daemon, own }, tried)
  tried.tell('refused; live ones end within 2 s of the right to them')
}

/** A body that comes drop by drop, and whose sender has lost the right meanwhile, is carried out by nobody. */
async function trickles({ daemon, own }, tried) {
  const { request } = await import('node:https')
  const { readFileSync } = await import('node:fs')
  const token = await tokenFor(daemon, 'drops', '--role', 'developer', '--stack', own)
  const sent = request({
    host: daemon.host,
    port: daemon.port,
    ca: readFileSync(daemon.authority),
    method: 'POST',
    path: `/v1/stacks/${own}/stop`,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'content-length': 20 },
  })
  const ended = new Promise((resolve) => {
    sent.once('response', ({ statusCode }) => resolve(statusCode))
    sent.once('error', ({ code }) => resolve(code))
  })
  sent.write('{"services":')
  await new Promise((resolve) => setTimeout(resolve, 300))
  await daemon.must(['token', 'rm', 'drops'])
  sent.end('["web"]}')
  const answer = await ended
  tried.see(`the rest of a body after its token was revoked: ${answer}`, answer === 'ECONNRESET' || answer === 401)
}

async function guesses({ daemon }, tried) {
  const wrong = { authorization: `Bearer ek_${'0'.repeat(49)}` }
  const one = new HttpsCaller(daemon, { from: '127.0.3.1' })
  const codes = []
  for (let attempt = 0; attempt < 30; attempt += 1) {
    const headers = {
      ...wrong,
      'x-forwarded-for': `203.0.113.${attempt}`,
      forwarded: `for=203.0.113.${attempt}`,
      'x-real-ip': '192.0.2.9',
    }
    codes.push((await one.call('GET', '/v1/whoami', { headers })).code)
    tried.see(
      `guess ${attempt}: ${codes.at(-1)}`,
      codes.at(-1) === (attempt < 10 ? 'unauthenticated' : 'too-many-attempts'),
    )
  }
  one.close()
  const right = await tokenFor(daemon, 'right', '--role', 'viewer')
  const others = [
    ['a right token of another address', new HttpsCaller(daemon, { token: right, from: '127.0.3.2' }), 200],
    [
      'a right token of the address that is locked out',
      new HttpsCaller(daemon, { token: right, from: '127.0.3.1' }),
      429,
    ],
  ]
  for (const [what, caller, status] of others) {
    const answer = await caller.call('GET', '/v1/whoami', {})
    tried.see(`${what}: ${answer.status}`, answer.status === status)
    caller.close()
  }
  // Many addresses, each a few times: as many looks as are free, and not one more.
  const counts = {}
  for (let address = 1; address <= 40; address += 1) {
    const caller = new HttpsCaller(daemon, { from: `127.0.4.${address}` })
    for (let attempt = 0; attempt < 12; attempt += 1) {
      const { code } = await caller.call('GET', '/v1/whoami', { headers: wrong })
      counts[code] = (counts[code] ?? 0) + 1
    }
    caller.close()
  }
  tried.count += 479
  tried.see(
    `of 40 addresses: ${JSON.stringify(counts)}`,
    counts.unauthenticated === 400 && counts['too-many-attempts'] === 80,
  )
  const owner = await daemon.ek(['whoami'])
  tried.see(`the owner on the socket: exit ${owner.code}`, owner.code === 0)
  tried.tell('each address is locked out by itself, whatever it says it is; the owner and others never are')
  tried.notes.push(
    'rotation within an IPv6 /64 is one source: test/unit/access; the daemon probes nothing of its own that could be banned',
  )
}

export const CALLER_CASES = [
  { id: 'A3', what: 'each route and WebSocket with objects of another stack', attack: objectsOfOthers },
  { id: 'A4', what: 'invitations, tokens, roles and teams in the hands of members', attack: risesAbove },
  {
    id: 'A9',
    what: 'WebSockets without a token, with it elsewhere, of foreign pages, after the right ended',
    attack: webSockets,
  },
  { id: 'A10', what: 'guesses from one address, from many, under forged ones', attack: guesses },
]
