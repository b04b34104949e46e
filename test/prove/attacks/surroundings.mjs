import { until } from '../../lab/daemon.mjs'
import { engineCall, engineJson } from '../../lab/engine-call.mjs'
import { secretHunt } from '../secret-hunt.mjs'
import { knownHolesOf } from './known-holes.mjs'

/** What the Engine's API has, below every prefix under which a careless daemon would hand it on. */
const ENGINE_PATHS = [
  'plugins',
  'swarm',
  'build',
  'system/df',
  'containers/json',
  'images/json',
  'info',
  'events',
  'exec/x/start',
  'session',
  '_ping',
]
const PREFIXES = [
  '/',
  '/v1.41/',
  '/v1/',
  '/v1/engine/',
  '/v1/docker/',
  '/v1/../',
  '/v1/stacks/../../',
  '/v1/%2e%2e/',
  '//',
]
const OF_OURS = new Set(['/v1/info', '/v1/events', '/v1/../info', '/v1/../events'])

async function passThrough({ owner }, tried) {
  for (const prefix of PREFIXES)
    for (const path of ENGINE_PATHS)
      for (const method of ['GET', 'POST', 'DELETE', 'PUT']) {
        if (OF_OURS.has(`${prefix}${path}`)) continue
        const { status, code } = await owner.call(method, `${prefix}${path}`, method === 'POST' ? { body: {} } : {})
        tried.see(`${method} ${prefix}${path}: ${status}`, status === 404 && code === 'not-found')
      }
  tried.tell('no pass-through: 404')
}

async function secretsHidden({ engine, note }, tried) {
  const show = (what, figure, bound, holds) => tried.see(`${what}: ${figure}, not ${bound}`, holds)
  await secretHunt.run({ engine, show, note })
  tried.tell(
    'in their containers alone, and of those asked for as variables in the files of the Engine (npm run prove -- secret-hunt)',
  )
}

async function hostileContainer(ground, tried) {
  const { daemon, engine, own, foreign, owner } = ground
  const inside = async (script) => daemon.ek(['-p', own, 'exec', '-T', 'web', 'sh', '-c', script])
  const container = await engineJson(engine, 'GET', `/containers/${own}-web-1/json`)
  const other = await engineJson(engine, 'GET', `/containers/${foreign}-web-1/json`)
  const [network] = Object.values(container.NetworkSettings.Networks)
  const [otherNetwork] = Object.values(other.NetworkSettings.Networks)
  const reach = async (what, host, port) => {
    const { code } = await inside(`nc -w 2 ${host} ${port} < /dev/null`)
    tried.see(`${what} at ${host}:${port} is reached`, code !== 0)
  }
  for (const port of [daemon.port, 2375, 2376, 2377, 7443]) await reach('a port of the machine', network.Gateway, port)
  await reach('the container of another stack', otherNetwork.IPAddress, 80)
  for (const path of [
    '/var/run/docker.sock',
    '/run/docker.sock',
    '/run/evenkeel',
    daemon.socket,
    daemon.state,
    '/run/containerd',
  ])
    tried.see(`${path} is in the container`, (await inside(`test -e ${path}`)).code !== 0)
  for (const path of ['/proc/sysrq-trigger', '/proc/sys/kernel/core_pattern', '/sys/kernel/uevent_helper'])
    tried.see(`${path} can be written`, (await inside(`echo x > ${path}`)).code !== 0)
  const ping = await inside(`nc -w 2 ${otherNetwork.Gateway} ${daemon.port} < /dev/null`)
  tried.see('the daemon by the gateway of another network', ping.code !== 0)
  const resolved = await inside(`nslookup ${foreign}-web-1 || getent hosts ${foreign}-web-1`)
  tried.see(
    'the name of a container of another stack',
    resolved.code !== 0 || !resolved.stdout.includes(otherNetwork.IPAddress),
  )
  const { status } = await owner.call('GET', '/v1/version')
  tried.see(`the daemon afterwards: ${status}`, status === 200)
  tried.tell('out of reach')
  tried.notes.push(
    'the metadata address of a cloud: no firewall of ours; what the machine may reach, containers may (SECURITY.md)',
  )
}

async function hostileImages({ daemon, engine, developer, owner, own, foreign, source, model }, tried) {
  const { stdout, stderr } = await daemon.must(['info', '--format', 'json'])
  const { engine: shown } = JSON.parse(stdout)
  const known = await engineJson(engine, 'GET', '/version')
  const runc = known.Components?.find(({ Name }) => Name === 'runc')?.Version
  const expected = await knownHolesOf({ Engine: known.Version, runc })
  tried.see(
    `info warns of ${shown.warnings.length} holes, not ${expected.length} ${stderr}`,
    shown.warnings.length === expected.length,
  )
  const log = expected.every((line) => daemon.log().includes(JSON.stringify(line).slice(1, -1)))
  tried.see('the start-up log warns', log)
  tried.see(
    'info prints the warnings',
    (await daemon.must(['info'])).stderr.split('WARN').length - 1 === expected.length,
  )
  for (const [Engine, version] of [
    ['20.10.24', '1.1.11'],
    ['24.0.8', '1.2.7'],
    ['25.0.1', '1.3.2'],
    ['27.1.0', '1.4.0-rc.2'],
  ])
    tried.see(
      `Engine ${Engine} with runc ${version} is not known as bad`,
      (await knownHolesOf({ Engine, runc: version })).length > 1,
    )
  await owner.call('PUT', `/v1/stacks/${foreign}/secrets/key`, { body: { base64: 'dGhlIHNlY3JldCBvZiBvdGhlcnM=' } })
  for (const secret of [
    { external: true, name: 'key' },
    { external: true, name: `${foreign}/key` },
    { external: true, name: `../${foreign}/key` },
    { external: true, name: `../../../../etc/shadow` },
    { file: `/run/evenkeel-secrets/${foreign}/key` },
    { file: `${daemon.state}/secrets.key` },
  ])
    for (const service of [
      { secrets: [{ source: 'x', target: '/run/secrets/x' }] },
      { build: { context: '/srv', dockerfile_inline: 'FROM ek-lab/sleep:1', secrets: [{ source: 'x' }] } },
    ]) {
      const body = { model: model(service, { secrets: { x: secret } }), source }
      for (const [method, path] of [
        ['PUT', ''],
        ['POST', '/build'],
      ]) {
        if (path === '/build' && service.build === undefined) continue
        if (path === '' && service.build !== undefined) continue
        const answer = await developer.call(method, `/v1/stacks/${own}${path}`, { body })
        const outcome = await outcomeOf(developer, answer)
        tried.see(
          `${JSON.stringify(secret)} by ${method} ${path}: ${answer.status} ${answer.code} ${outcome}`,
          answer.status >= 400 || outcome === 'failed',
        )
      }
    }
  await owner.call('DELETE', `/v1/stacks/${foreign}/secrets/key`)
  await owner.call('PUT', `/v1/stacks/${own}`, { body: { model: model(), source } })
  tried.tell(`warned of ${expected.length} known holes here; no secret of another stack, by no name`)
}

/** How what was accepted ended. */
async function outcomeOf(caller, { status, body }) {
  if (status !== 202) return 'not begun'
  const path = body.job === undefined ? `/v1/deployments/${body.deployment}?waitMs=30000` : `/v1/jobs/${body.job}`
  let seen
  await until('it has ended', async () => {
    seen = (await caller.call('GET', path)).body.state
    return !['queued', 'running'].includes(seen)
  })
  return seen
}

async function replays({ daemon, engine, owner, own, source, model }, tried) {
  for (const path of [
    '/v1/webhooks',
    '/v1/webhooks/x',
    '/v1/hooks/x',
    `/v1/stacks/${own}/webhook`,
    `/v1/stacks/${own}/webhooks/x`,
    '/webhook',
    '/v1/deploy',
  ])
    for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
      const { status } = await owner.call(
        method,
        path,
        method === 'POST' || method === 'PUT' ? { body: { ref: 'main' } } : {},
      )
      tried.see(`${method} ${path}: ${status}`, status === 404)
    }
  // A tag that means another image by the time the container is made.
  const tag = (image) => engineCall(engine, 'POST', `/images/${image}/tag?repo=ekattack-tag&tag=${process.pid}`)
  const image = `ekattack-tag:${process.pid}`
  try {
    await tag('ek-lab/sleep:1')
    const body = { model: model({ image }), source }
    const up = await owner.call('PUT', `/v1/stacks/${own}`, { body })
    await owner.call('GET', `/v1/deployments/${up.body.deployment}?waitMs=30000`)
    const before = await engineJson(engine, 'GET', `/containers/${own}-web-1/json`)
    await tag('ek-lab/chatty:1')
    await engineCall(engine, 'DELETE', `/containers/${before.Id}?force=true`)
    const after = await until('the container is back', async () => {
      const found = await engineJson(engine, 'GET', `/containers/${own}-web-1/json`)
      return found.Id !== before.Id && found.State.Running && found
    })
    tried.see(`the healed container runs ${after.Image}, not ${before.Image}`, after.Image === before.Image)
    const { status } = await owner.call('POST', `/v1/stacks/${own}/rollback`, { body: { revision: up.body.revision } })
    tried.see(`a rollback with a moved tag: ${status}`, status === 202)
    const still = await engineJson(engine, 'GET', `/containers/${own}-web-1/json`)
    tried.see(`after it the image is ${still.Image}`, still.Image === before.Image)
  } finally {
    await daemon.ek(['-p', own, 'down', '-t', '0'])
    await engineCall(engine, 'DELETE', `/images/${image}`).catch(() => {})
  }
  tried.tell('webhooks: no such feature, no route answers; a deployment keeps the image that it resolved')
}

export const SURROUNDING_CASES = [
  { id: 'A7', what: "the Engine's own API, below every prefix", attack: passThrough },
  { id: 'A12', what: 'values of secrets in outputs, logs, state, arguments, history', attack: secretsHidden },
  { id: 'A13', what: 'a hostile container: daemon, Engine, state, other stacks', attack: hostileContainer },
  {
    id: 'A14',
    what: 'Engines with known holes; secrets of other stacks in builds and services',
    attack: hostileImages,
  },
  { id: 'A15', what: 'replayed and forged webhooks; a tag moved between check and run', attack: replays },
]
