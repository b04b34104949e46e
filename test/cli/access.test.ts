/** The attack table (A4-A9) against a running daemon that serves HTTPS. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { HttpsCaller, startHttpsDaemon, tokenFor } from '../lab/https-daemon.mjs'

const ENGINE = testEngines()[0]!
const STACK = `ektest-access-${process.pid}`
const SOURCE = { workingDir: '/srv', configFiles: ['/srv/compose.yaml'], host: 'attacker' }

let daemon: Awaited<ReturnType<typeof startHttpsDaemon>>
let developer: InstanceType<typeof HttpsCaller>
let nobody: InstanceType<typeof HttpsCaller>

const model = (service: object, top: object = {}) => ({
  name: STACK,
  services: { web: { image: 'ek-lab/sleep:1', stop_grace_period: '0s', ...service } },
  ...top,
})
const at = (path: string) => `/v1/stacks/${STACK}${path}`

beforeAll(async () => {
  daemon = await startHttpsDaemon(ENGINE, 'access')
  developer = new HttpsCaller(daemon, { token: await tokenFor(daemon, 'dev', '--role', 'developer', '--stack', STACK) })
  nobody = new HttpsCaller(daemon, {})
  const up = await developer.call('PUT', at(''), { body: { model: model({}), source: SOURCE } })
  expect(up.status).toBe(202)
  const { deployment } = up.body as { deployment: string }
  await developer.call('GET', `/v1/deployments/${deployment}?waitMs=30000`)
})

afterAll(async () => {
  await daemon.ek(['-p', STACK, 'down', '-v'])
  developer.close()
  nobody.close()
  await daemon.remove()
})

describe('A4: a developer', () => {
  test.each([
    ['GET', '/v1/tokens', undefined],
    ['POST', '/v1/tokens', { name: 'me', role: 'owner', expiresInSeconds: null }],
    ['PUT', '/v1/users/dev', { role: 'owner' }],
    ['DELETE', '/v1/tokens/dev', undefined],
    ['GET', '/v1/audit', undefined],
    ['GET', '/v1/backup', undefined],
    ['PUT', '/v1/hold', undefined],
  ])('is refused %s %s', async (method, path, body) => {
    expect(await developer.call(method, path, { body })).toMatchObject({ status: 403, code: 'forbidden' })
  })
})

describe('A5, A6: what the policy refuses', () => {
  const SERVICES: readonly [string, object, object][] = [
    ['privileged', { privileged: true }, {}],
    ['host-namespace', { pid: 'host' }, {}],
    ['capability', { cap_add: ['SYS_ADMIN'] }, {}],
    ['device', { devices: ['/dev/kmsg:/dev/kmsg:rwm'] }, {}],
    ['profile', { security_opt: ['seccomp=unconfined'] }, {}],
    ['bind-root', { volumes: [{ type: 'bind', source: '/etc', target: '/x' }] }, {}],
    ['engine-socket', { volumes: [{ type: 'bind', source: '/var/run/docker.sock', target: '/x' }] }, {}],
    [
      'engine-socket',
      { volumes: [{ type: 'volume', source: 'v', target: '/x' }] },
      { volumes: { v: { name: `${STACK}_v`, driver_opts: { type: 'none', o: 'bind', device: '/' } } } },
    ],
  ]
  const WAYS = [
    ['PUT', ''],
    ['POST', '/plan'],
    ['POST', '/build'],
    ['POST', '/pull'],
    ['POST', '/push'],
  ] as const
  const CASES = SERVICES.flatMap(([rule, service, top]) =>
    WAYS.map(([method, path]) => [rule, method, path, { model: model(service, top), source: SOURCE }] as const),
  )

  test.each(CASES)('%s is refused by %s %s', async (rule, method, path, body) => {
    const answer = await developer.call(method, at(path), { body })
    expect(answer).toMatchObject({ status: 403, code: 'policy-violation' })
    expect((answer.body as { detail: string }).detail).toContain(`[${rule}]`)
  })

  test.each([{ volumes: ['/:/host'] }, { volumes: ['/var/run/docker.sock:/s'] }, { capAdd: ['ALL'] }])(
    '%o is refused by run',
    async (overrides) => {
      const answer = await developer.call('POST', at('/run'), { body: { service: 'web', overrides } })
      expect(answer).toMatchObject({ status: 403, code: 'policy-violation' })
    },
  )

  test('more of what an administrator brought up is refused by scale', async () => {
    const own = `${STACK}-own`
    const body = {
      model: { ...model({ privileged: true }), name: own },
      source: SOURCE,
      options: { start: 'create-only' },
    }
    const admin = new HttpsCaller(daemon, { token: await tokenFor(daemon, 'admin', '--role', 'administrator') })
    const scaler = new HttpsCaller(daemon, { token: await tokenFor(daemon, 'scaler', '--role', 'operations') })
    try {
      const up = await admin.call('PUT', `/v1/stacks/${own}`, { body })
      expect(up.status).toBe(202)
      await admin.call('GET', `/v1/deployments/${(up.body as { deployment: string }).deployment}?waitMs=30000`)
      const scaled = await scaler.call('POST', `/v1/stacks/${own}/scale`, { body: { scale: { web: 2 } } })
      expect(scaled).toMatchObject({ status: 403, code: 'policy-violation' })
    } finally {
      await daemon.ek(['-p', own, 'down'])
      admin.close()
      scaler.close()
    }
  })
})

describe('A7, A8: what is no request of ours', () => {
  test.each(['/v1.41/containers/json', '/containers/json', '/v1/plugins', '/v1/../containers/json'])(
    '%s leads nowhere',
    async (path) => {
      expect((await developer.call('GET', path)).status).toBe(404)
    },
  )

  test('following what there is not is refused, and the daemon goes on', async () => {
    const owner = new HttpsCaller(daemon, { token: await tokenFor(daemon, 'follower', '--role', 'owner') })
    await owner.connect('/v1/jobs/none/progress')
    await owner.connect('/v1/deployments/none/progress')
    expect((await owner.call('GET', '/v1/version')).status).toBe(200)
    owner.close()
  })
})

describe('A9: a WebSocket', () => {
  const LOGS = at('/logs')

  test('is refused without a token, with a wrong one, and with one in the URL', async () => {
    expect((await nobody.connect(LOGS)).status).toBe(401)
    expect((await nobody.connect(`${LOGS}?token=ek_x`)).status).toBe(401)
    expect((await nobody.connect(LOGS, { headers: { authorization: 'Bearer ek_x' } })).status).toBe(401)
  })

  test('is refused to a page of another origin, and under another name', async () => {
    expect((await developer.connect(LOGS, { headers: { origin: 'https://evil.example' } })).status).toBe(403)
    expect((await developer.connect(LOGS, { headers: { host: 'evil.example' } })).status).toBe(403)
    expect((await developer.connect(LOGS)).status).toBe(101)
  })

  test('is refused for a stack of others as for one that is not there', async () => {
    expect((await developer.connect('/v1/stacks/other/exec')).code).toBe('stack-not-found')
  })

  test('ends with the right to it', async () => {
    const token = await tokenFor(daemon, 'short', '--role', 'developer', '--stack', STACK)
    const caller = new HttpsCaller(daemon, { token })
    const { socket } = await caller.connect(`${LOGS}?follow=true`, { hold: true })
    const closed = new Promise<number>((resolve) => socket.once('close', resolve))
    await daemon.must(['token', 'rm', 'short'])
    expect(await closed).toBe(1008)
    caller.close()
  })
})

describe('a label of a stack', () => {
  const label = async (...words: string[]) => (await daemon.must(['label', STACK, ...words])).stdout.trim()

  test('lets in whose rights name it, for as long as the stack has it', async () => {
    const caller = new HttpsCaller(daemon, {
      token: await tokenFor(daemon, 'tester', '--role', 'viewer', '--stack', 'env=test*'),
    })
    expect(await caller.call('GET', at('/containers'))).toMatchObject({ status: 404, code: 'stack-not-found' })
    expect(await label('env=test-1', 'team=shop')).toBe('env=test-1\nteam=shop')
    expect((await caller.call('GET', at('/containers'))).status).toBe(200)
    expect((await caller.call('GET', '/v1/stacks')).body.stacks).toHaveLength(1)
    expect((await caller.call('DELETE', at(''), { body: {} })).code).toBe('forbidden')
    const { socket } = await caller.connect(`${at('/logs')}?follow=true`, { hold: true })
    const closed = new Promise<number>((resolve) => socket.once('close', resolve))
    expect(await label('env-')).toBe('team=shop')
    expect(await closed).toBe(1008)
    expect((await caller.call('GET', '/v1/stacks')).body.stacks).toEqual([])
    caller.close()
  })

  test('is given by nobody who may not manage access', async () => {
    const answer = await developer.call('PUT', `/v1/labels/${STACK}/env`, { body: { value: 'test' } })
    expect(answer).toMatchObject({ status: 403, code: 'forbidden' })
    const { code, stderr } = await daemon.ek(['label', STACK, 'env'])
    expect(code).not.toBe(0)
    expect(stderr).toContain('"env" is neither KEY=VALUE nor KEY-')
  })
})

test('who asks too often is told when to come again, and the owner is not', async () => {
  const other = await startHttpsDaemon(ENGINE, 'rates', { more: ['--request-rate', '1'] })
  const caller = new HttpsCaller(other, { token: await tokenFor(other, 'busy', '--role', 'viewer') })
  const answers = await Promise.all(Array.from({ length: 60 }, () => caller.call('GET', '/v1/version')))
  const refused = answers.filter(({ status }) => status !== 200)
  expect(refused.length).toBeGreaterThan(0)
  expect(refused.length).toBeLessThanOrEqual(40)
  expect(refused[0]).toMatchObject({ status: 429, code: 'too-many-requests' })
  for (let times = 0; times < 30; times += 1) await other.must(['version'])
  caller.close()
  await other.remove()
})

test('all that was refused is in the audit, which is intact and has no secret', async () => {
  const { stdout } = await daemon.must(['audit', '--outcome', 'refused', '--tail', '1000', '--format', 'json'])
  const codes = new Set(
    stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { code: string }).code),
  )
  expect([...codes].sort()).toEqual(['forbidden', 'stack-not-found', 'unauthenticated'])
  expect(stdout).not.toMatch(/ek_[0-9A-Za-z]{49}/)
  expect((await daemon.ek(['audit', '--verify'])).code).toBe(0)
})
