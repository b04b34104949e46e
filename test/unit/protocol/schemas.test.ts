import { describe, expect, test } from 'vitest'
import type { z } from 'zod'
import { SCHEMAS } from '../../../protocol/schemas.ts'

const UP = {
  model: { name: 'shop', services: {} },
  source: { workingDir: '/srv', configFiles: ['/srv/compose.yaml'], host: 'laptop' },
  files: [{ kind: 'config', name: 'app', base64: '', delivery: 'inline' }],
  registryAuth: { 'docker.io': { serveraddress: 'docker.io' } },
  options: {},
}

const { registryAuth: _, options: __, ...ADOPT } = UP

/** A body that is valid, for each route that has one. A new route does not pass until it has one here. */
const BODIES: Readonly<Record<string, Record<string, unknown>>> = {
  up: UP,
  plan: UP,
  down: {},
  start: {},
  stop: {},
  restart: {},
  scale: { scale: { web: 1 } },
  build: { model: UP.model, source: UP.source },
  pull: { model: UP.model, source: UP.source },
  push: { model: UP.model, source: UP.source },
  rollback: {},
  promote: {},
  abort: { timeoutSeconds: 1, wait: 'ready' },
  cancel: {},
  planRollback: { revision: 3 },
  kill: {},
  pause: {},
  unpause: {},
  pauseTraffic: {},
  resumeTraffic: {},
  remove: { containers: [] },
  commit: { service: 'web' },
  images: { references: [] },
  adopt: ADOPT,
  planAdopted: ADOPT,
  eject: {},
  pruneImages: {},
  collectGarbage: { images: ['sha256:1'] },
  run: { service: 'web' },
  putUser: { role: 'viewer' },
  putRole: { permissions: ['connect'] },
  putTeam: { role: 'viewer' },
  putLabel: { value: 'test' },
  createInvitation: { name: 'ann', addressee: 'ann@example.com', role: 'viewer', expiresInSeconds: 60 },
  acceptInvitation: { addressee: 'ann@example.com' },
  putSecret: { base64: 'eA==' },
  putCertificate: { certificate: 'PEM', key: 'PEM' },
  createToken: { name: 'ci', role: 'deployer', expiresInSeconds: 3600 },
}

const WITH_BODY = Object.entries(SCHEMAS).flatMap(([name, schemas]) =>
  'body' in schemas ? [[name, schemas.body as z.ZodType] as const] : [],
)
const accepts = (schema: z.ZodType, value: unknown): boolean => schema.safeParse(value).success

describe('the body of every route', () => {
  test.each(WITH_BODY)('%s: what is valid is taken', (name, schema) => {
    expect(accepts(schema, BODIES[name])).toBe(true)
  })

  test.each(WITH_BODY)('%s: a key that nobody knows is refused', (name, schema) => {
    expect(accepts(schema, { ...BODIES[name], nonsense: 1 })).toBe(false)
  })

  test.each(WITH_BODY)('%s: what is no object is refused', (_, schema) => {
    for (const value of [[], 'x', 5, null, undefined]) expect(accepts(schema, value)).toBe(false)
  })

  test.each([
    ['options', { ...UP, options: { nonsense: 1 } }],
    ['source', { ...UP, source: { ...UP.source, nonsense: 1 } }],
    ['files', { ...UP, files: [{ ...UP.files[0], nonsense: 1 }] }],
    ['registryAuth', { ...UP, registryAuth: { 'docker.io': { serveraddress: 'x', nonsense: 1 } } }],
  ])('up: a key that nobody knows is refused in %s too', (_, body) => {
    expect(accepts(SCHEMAS.up.body, body)).toBe(false)
  })
})

describe('values of a body', () => {
  test.each([
    ['a service with a slash in its name', 'down', { services: ['a/b'] }],
    ['an empty name of a service', 'down', { services: [''] }],
    ['a scale below zero', 'scale', { scale: { web: -1 } }],
    ['a scale beyond any engine', 'scale', { scale: { web: 100_000 } }],
    ['a scale that is not whole', 'scale', { scale: { web: 1.5 } }],
    ['a timeout below -1', 'stop', { timeoutSeconds: -2 }],
    ['a word that is no choice', 'down', { volumes: 'burn' }],
    ['a signal that is a path', 'kill', { signal: '../9' }],
    ['a container by name', 'remove', { containers: ['web'] }],
    ['a model without services', 'up', { ...UP, model: { name: 'shop' } }],
  ] as const)('%s is refused', (_, name, body) => {
    expect(accepts(SCHEMAS[name].body, body)).toBe(false)
  })

  test('that are left out are Compose’s defaults', () => {
    expect(SCHEMAS.up.body.parse({ model: UP.model, source: UP.source }).options).toEqual({
      services: [],
      dependencies: 'include',
      purpose: 'services',
      recreate: 'changed',
      start: 'start',
      build: 'missing',
      scale: {},
      orphans: 'keep',
      anonymousVolumes: 'keep',
      wait: 'started',
      takeOver: false,
    })
    expect(SCHEMAS.down.body.parse({})).toEqual({ services: [], volumes: 'keep', orphans: 'keep', images: 'keep' })
  })
})

test('the limit of a list is a number between 1 and 1000', () => {
  const { query } = SCHEMAS.revisions
  expect(query.parse({})).toEqual({ limit: 100 })
  expect(query.parse({ limit: '7' })).toEqual({ limit: 7 })
  for (const limit of ['0', '1001', '1.5', 'x']) expect(accepts(query, { limit })).toBe(false)
})
