import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import type { AccessControl } from '../../../daemon/access/access-control.ts'
import type { Admitted } from '../../../daemon/access/gate.ts'
import type { ContextStore } from '../../../daemon/build/context-store.ts'
import { type Api, createServer } from '../../../daemon/http/server.ts'
import type { JobControl } from '../../../daemon/jobs/job-control.ts'
import type { ContainerFiles } from '../../../daemon/reconcile/container-files.ts'
import type { Control } from '../../../daemon/reconcile/control.ts'
import type { HoldControl } from '../../../daemon/reconcile/hold-control.ts'
import type { OneOffs } from '../../../daemon/reconcile/one-offs.ts'
import type { SecretControl } from '../../../daemon/reconcile/secret-control.ts'
import type { StackContainers } from '../../../daemon/reconcile/stack-containers.ts'
import type { VolumeControl } from '../../../daemon/storage/volume-control.ts'
import { allows, grantOf } from '../../../protocol/access.ts'
import { Problem } from '../../../protocol/problems.ts'
import type { Holds } from '../../../protocol/resources/hold.ts'
import type { Info } from '../../../protocol/resources/stack.ts'
import { pathOf, ROUTES, type RouteName } from '../../../protocol/routes.ts'
import { SCHEMAS } from '../../../protocol/schemas.ts'
import { aModel, SOURCE, upRequest } from '../support/core.ts'
import { FakeEngine } from '../support/fake-engine.ts'

const BODIES: Partial<Record<RouteName, object>> = {
  up: upRequest(aModel({ web: {} })),
  plan: upRequest(aModel({ web: {} })),
  adopt: upRequest(aModel({ web: {} })),
  planAdopted: upRequest(aModel({ web: {} })),
  scale: { scale: { web: 2 } },
  run: { service: 'web' },
  images: { references: ['web:1'] },
  build: { model: aModel({ web: {} }), source: SOURCE },
  pull: { model: aModel({ web: {} }), source: SOURCE },
  push: { model: aModel({ web: {} }), source: SOURCE },
  remove: { containers: [] },
  commit: { service: 'web' },
  putUser: { role: 'viewer' },
  putRole: { permissions: ['connect'] },
  putTeam: { role: 'viewer' },
  collectGarbage: { images: ['sha256:1'] },
  putLabel: { value: 'test' },
  createInvitation: { name: 'ann', addressee: 'ann@example.com', role: 'viewer', expiresInSeconds: 60 },
  acceptInvitation: { addressee: 'ann@example.com' },
  putSecret: { base64: 'eA==' },
  putCertificate: { certificate: 'PEM', key: 'PEM' },
  createToken: { name: 'ci', role: 'deployer', expiresInSeconds: null },
}

const since = '2026-01-02T03:04:05.000Z'
const HELD: Holds = {
  stacks: { shop: { scope: 'stack', since, by: 'ann' }, blog: { scope: 'stack', since, by: 'ben' } },
}

const TESTER: Admitted = {
  name: 'tester',
  origin: 'unix:///test',
  chain: [[grantOf('owner', ['*'])]],
  may: () => true,
}

const SENDS_TAR: readonly RouteName[] = ['putContext', 'putFiles', 'importVolume']

/** A server over a control that answers its own method's name, or fails as it is told. */
function aServer(parts: Partial<Api> = {}, failure?: unknown) {
  const calls: { method: string; args: unknown[] }[] = []
  const errors: object[] = []
  const control = new Proxy({} as Control & HoldControl, {
    get:
      (_, method: string) =>
      (...args: unknown[]) => {
        calls.push({ method, args })
        if (failure !== undefined) throw failure
        return method === 'stacks' ? [] : { method }
      },
  })
  const server = createServer({
    control,
    jobs: control as unknown as JobControl,
    containers: Object.assign(Object.create(control), {
      fileSystem: async () => Readable.from(['{}']),
    }) as StackContainers,
    holds: {
      hold: async (...args) => {
        calls.push({ method: 'hold', args })
        return HELD
      },
      resume: (...args) => {
        calls.push({ method: 'resume', args })
        return HELD
      },
      heldBy: () => undefined,
    },
    traffic: control as unknown as Api['traffic'],
    volumes: {
      list: async () => [],
      inspect: async () => ({}),
      remove: async () => {},
      protect: async () => ({}),
      unprotect: async () => ({}),
      export: async () => Readable.from([Buffer.from('tar')]),
      import: async () => ({}),
    } as unknown as VolumeControl,
    garbage: { find: async () => [], collect: async () => ({ removed: [], left: [] }) },
    backup: async () => Readable.from([Buffer.from('tar')]),
    contexts: {
      put: async () => ({ bytes: 3 }),
      has: async () => true,
      receivedBytes: async () => 0,
    } as unknown as ContextStore,
    bundles: { has: async () => true },
    secrets: control as unknown as SecretControl,
    certificates: Object.assign(Object.create(control), {
      list: () => [],
      concernsOf: () => [],
    }) as Api['certificates'],
    redact: (text) => text.replaceAll('s3cret', '[secret]'),
    files: control as unknown as ContainerFiles,
    oneOffs: control as unknown as OneOffs,
    engine: new FakeEngine().asEngine(),
    info: async () => ({}) as Info,
    version: '1.2.3',
    apiVersion: '1',
    admit: async () => TESTER,
    watch: () => () => {},
    note: () => {},
    access: control as unknown as AccessControl,
    roles: control as unknown as Api['roles'],
    teams: control as unknown as Api['teams'],
    invitations: control as unknown as Api['invitations'],
    labels: control as unknown as Api['labels'],
    audit: { find: () => [], verify: async () => ({ intact: true, entries: 0 }) },
    log: { error: (fields) => errors.push(fields) },
    ...parts,
  })
  const call = async (
    name: RouteName,
    more: { body?: object; params?: Record<string, string>; query?: string } = {},
  ) => {
    const route = ROUTES[name]
    const query = more.query ?? (name === 'export' ? '?service=web' : '')
    const body = more.body ?? BODIES[name] ?? (route.method === 'GET' ? undefined : {})
    const path = pathOf(route.path, {
      stack: 'shop',
      number: '1',
      id: 'a'.repeat(64),
      volume: 'shop_data',
      user: 'ann',
      token: 'ci',
      host: 'shop.example',
      secret: 'db_password',
      ...more.params,
    })
    const answer = await server.inject({
      method: route.method,
      url: `${path}${query}`,
      ...(SENDS_TAR.includes(name)
        ? { payload: Readable.from([Buffer.from('tar')]), headers: { 'content-type': 'application/x-tar' } }
        : body === undefined
          ? {}
          : { payload: body }),
    })
    return {
      status: answer.statusCode,
      type: answer.headers['content-type'],
      body: (answer.body === 'tar' ? {} : answer.json()) as Record<string, unknown>,
    }
  }
  return { server, call, calls, errors }
}

const ACCEPTED: readonly RouteName[] = [
  'up',
  'down',
  'start',
  'stop',
  'restart',
  'scale',
  'rollback',
  'promote',
  'abort',
  'cancel',
  'build',
  'pull',
  'push',
  'kill',
  'pause',
  'unpause',
  'remove',
  'adopt',
  'eject',
]
const NAMES = Object.keys(ROUTES) as RouteName[]

describe('the server', () => {
  test.each(NAMES)('serves %s', async (name) => {
    const { status, type } = await aServer().call(name)
    expect(status).toBe(ACCEPTED.includes(name) ? 202 : 200)
    expect(type).toContain((SCHEMAS[name] as { media?: string }).media ?? 'application/json')
  })

  test.each(NAMES)('asks whether the caller may %s', async (name) => {
    const asked: unknown[] = []
    const admit: Api['admit'] = async (_, route) => {
      asked.push(route)
      throw new Problem('registry-denied', 'no')
    }
    const { call, calls } = aServer({ admit })
    expect((await call(name)).status).toBe(403)
    expect(asked).toEqual([{ name, permission: ROUTES[name].permission }])
    expect(calls).toEqual([])
  })

  test('hands defaults of a body on', async () => {
    const { call, calls } = aServer()
    await call('down', { body: {} })
    expect(calls).toEqual([
      {
        method: 'down',
        args: ['shop', { services: [], volumes: 'keep', orphans: 'keep', images: 'keep' }, TESTER],
      },
    ])
  })

  test('takes no body for an empty one', async () => {
    const { server } = aServer()
    expect((await server.inject({ method: 'DELETE', url: '/v1/stacks/shop' })).statusCode).toBe(202)
  })

  test('gives lists a limit', async () => {
    const { call, calls } = aServer()
    await call('revisions')
    await call('revisions', { query: '?limit=5' })
    expect(calls.map(({ args }) => args[1])).toEqual([100, 5])
  })
})

describe('who may see one stack', () => {
  const admit: Api['admit'] = async () => ({ ...TESTER, may: (_, stack) => stack === 'shop' })

  test.each(['hold', 'resume', 'holdAll', 'resumeAll'] as const)(
    'is told by %s of no other that is held',
    async (name) => {
      const { body } = await aServer({ admit }).call(name)
      expect(Object.keys(body.stacks as object)).toEqual(['shop'])
    },
  )
})

test.each([
  ['deployer', 'omit'],
  ['viewer', 'show'],
] as const)('what a container said last is for who may read its log: %s', async (role, lastLines) => {
  const chain = [[grantOf(role, ['*'])]]
  const { call, calls } = aServer({
    admit: async () => ({
      ...TESTER,
      chain,
      may: (permission, stack) =>
        allows(chain, permission, stack === undefined ? undefined : { name: stack, labels: {} }),
    }),
  })
  await call('containers')
  expect(calls[0]).toMatchObject({ method: 'containers', args: ['shop', { drift: 'omit', lastLines }] })
})

describe('a request that is not valid', () => {
  test.each(ACCEPTED)('is refused for a key of %s that nobody knows', async (name) => {
    const { call, calls } = aServer()
    const answer = await call(name, { body: { ...BODIES[name], nonsense: 1 } })
    expect(answer).toMatchObject({ status: 400, body: { code: 'bad-request' } })
    expect(answer.type).toContain('application/problem+json')
    expect(calls).toEqual([])
  })

  test('is told with the path of what is wrong', async () => {
    const { body } = await aServer().call('down', { body: { volumes: 'burn' } })
    expect(body.findings).toMatchObject([{ path: 'volumes' }])
  })

  test.each(['UPPER', '-x', 'a.b', 'a b', 'a/../b'])('is refused for a stack called "%s"', async (stack) => {
    expect((await aServer().call('stack', { params: { stack } })).status).toBe(400)
  })

  test.each(['x', '-1', '1.5', ''])('is refused for a revision "%s"', async (number) => {
    expect((await aServer().call('revision', { params: { number } })).status).toBe(400)
  })

  test.each(['?limit=0', '?limit=x', '?limit=100000', '?other=1'])('is refused for a query %s', async (query) => {
    expect((await aServer().call('deployments', { query })).status).toBe(400)
  })

  test('is refused for a body that is no JSON', async () => {
    const answer = await aServer().server.inject({
      method: 'DELETE',
      url: '/v1/stacks/shop',
      headers: { 'content-type': 'application/json' },
      payload: '{',
    })
    expect(answer.json()).toMatchObject({ code: 'bad-request' })
  })

  test('is refused for a body of another kind', async () => {
    const answer = await aServer().server.inject({
      method: 'DELETE',
      url: '/v1/stacks/shop',
      headers: { 'content-type': 'application/xml' },
      payload: '<x/>',
    })
    expect(answer.json()).toMatchObject({ code: 'unsupported-media-type', status: 415 })
  })

  test.each(SENDS_TAR)('is refused for %s without a tar', async (name) => {
    const path = pathOf(ROUTES[name].path, { stack: 'shop', container: 'x', volume: 'v', id: 'a'.repeat(64) })
    const query = name === 'putFiles' ? '?path=/tmp' : ''
    const answer = await aServer().server.inject({ method: 'PUT', url: `${path}${query}` })
    expect(answer.json()).toMatchObject({ code: 'unsupported-media-type', status: 415 })
  })

  test('is refused where there is no such route', async () => {
    const answer = await aServer().server.inject({ method: 'GET', url: '/v1/nothing?secret=1' })
    expect(answer.statusCode).toBe(404)
    expect(answer.json()).toMatchObject({ code: 'not-found', detail: 'there is no GET /v1/nothing' })
  })
})

describe('an error', () => {
  test('that is meant is told as it is, with its status', async () => {
    const problem = new Problem('stack-not-found', 'there is no stack shop', { hint: 'see: evenkeel ls' })
    expect(await aServer({}, problem).call('stack')).toMatchObject({
      status: 404,
      body: {
        type: 'https://evenkeel.dev/problems/stack-not-found',
        detail: 'there is no stack shop',
        hint: 'see: evenkeel ls',
      },
    })
  })

  test('that is not meant is logged, and told without its words', async () => {
    const { call, errors } = aServer({}, new TypeError('s3cret of undefined'))
    const { status, body } = await call('stack')
    expect(status).toBe(500)
    expect(body).toMatchObject({ code: 'internal', hint: 'its log says more' })
    expect(JSON.stringify(body)).not.toContain('s3cret')
    expect(errors).toHaveLength(1)
  })
})
