import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonical, differingKeys } from '../../../daemon/stack/explain.ts'
import { networkSpecHash, serviceSpecHash, volumeSpecHash } from '../../../daemon/stack/mapping/spec-hash.ts'
import type { Model, Service } from '../../../protocol/stackfile/model.ts'

const BASE: Service = { image: 'web:1', environment: { A: '1', B: '2' }, networks: { default: null } }
const modelOf = (spec: Service): Model => ({
  name: 'shop',
  services: { web: spec },
  networks: { default: { name: 'shop_default' } },
  volumes: { data: { name: 'shop_data' } },
})
const hashOf = (spec: Partial<Service>, more: Partial<Parameters<typeof serviceSpecHash>[0]> = {}) =>
  serviceSpecHash({
    model: modelOf({ ...BASE, ...spec }),
    service: 'web',
    imageId: 'sha256:a',
    fileDigests: {},
    ...more,
  })

describe('a container is replaced when', () => {
  test.each([
    ['its environment changes', { environment: { A: '1', B: '3' } }],
    ['its command changes', { command: ['x'] }],
    ['its labels change', { labels: { a: 'b' } }],
    ['its resources change', { deploy: { resources: { limits: { memory: '1' } } } }],
    ['its restart policy changes', { restart: 'always' }],
    ['its deploy.restart_policy changes', { deploy: { restart_policy: { condition: 'any' } } }],
    ['its networks change', { networks: {} }],
    ['its volumes change', { volumes: [{ type: 'volume', source: 'data', target: '/d' }] }],
  ] as readonly (readonly [string, Partial<Service>])[])('%s', (_, spec) => {
    expect(hashOf(spec)).not.toBe(hashOf({}))
  })

  test('files that were sent for a path that it binds change', () => {
    const bound = { volumes: [{ type: 'bind' as const, source: '/p/conf', target: '/conf' }] }
    const withFiles = (digest: string) => hashOf(bound, { fileDigests: { 'bundle:/p/conf': digest } })
    expect(withFiles('a')).not.toBe(withFiles('b'))
    expect(withFiles('a')).not.toBe(hashOf(bound))
    expect(hashOf({}, { fileDigests: { 'bundle:/p/conf': 'a' } })).toBe(hashOf({}))
  })

  test('its image is another one', () => {
    expect(hashOf({}, { imageId: 'sha256:b' })).not.toBe(hashOf({}))
  })

  test('a network or volume gets another name on the Engine', () => {
    const model = modelOf(BASE)
    const renamed = { ...model, networks: { default: { name: 'other' } } }
    expect(hashOf({}, { model: renamed })).not.toBe(hashOf({}))
  })

  test('the content of a config or secret changes', () => {
    const spec = { secrets: [{ source: 'key' }] }
    const digests = (digest: string) => ({ fileDigests: { 'secret:key': digest } })
    expect(hashOf(spec, digests('one'))).not.toBe(hashOf(spec, digests('two')))
  })
})

describe('a container stays when', () => {
  test.each([
    ['what it depends on changes', { depends_on: { db: { condition: 'service_started', required: true } } }],
    ['its scale changes', { scale: 3 }],
    ['deploy.replicas changes', { deploy: { replicas: 3 } }],
    ['its build section changes', { build: { context: '.' } }],
    ['its profiles change', { profiles: ['debug'] }],
    ['its pull policy changes', { pull_policy: 'always' }],
    ['its hooks change', { post_start: [{ command: ['x'] }], pre_stop: [{ command: ['y'] }] }],
    ['the name of its image changes and the image does not', { image: 'web:latest' }],
  ] as readonly (readonly [string, Partial<Service>])[])('%s', (_, spec) => {
    expect(hashOf(spec)).toBe(hashOf({}))
  })

  test('the order of keys in the file changes', () => {
    expect(hashOf({ environment: { B: '2', A: '1' } })).toBe(hashOf({}))
  })

  test('the content of a secret changes that it does not use', () => {
    expect(hashOf({}, { fileDigests: { 'secret:other': 'x' } })).toBe(hashOf({}))
  })
})

test('a network is made anew when its definition changes', () => {
  expect(networkSpecHash({ name: 'n', internal: true })).not.toBe(networkSpecHash({ name: 'n' }))
})

test('a volume is the same whatever our own policy for it says', () => {
  expect(volumeSpecHash({ name: 'v', 'x-evenkeel': { protect: true } })).toBe(volumeSpecHash({ name: 'v' }))
  expect(volumeSpecHash({ name: 'v', driver: 'nfs' })).not.toBe(volumeSpecHash({ name: 'v' }))
})

describe('what differs is told', () => {
  test('by names of keys, in order', () => {
    expect(differingKeys(BASE, { ...BASE, image: 'web:2', command: ['x'] })).toEqual(['command', 'image'])
  })

  test('by the part of a key that has named parts', () => {
    expect(differingKeys(BASE, { ...BASE, environment: { A: '2', B: '2', C: '1' } })).toEqual([
      'environment.A',
      'environment.C',
    ])
  })

  test('never by values', () => {
    const words = differingKeys(BASE, { ...BASE, environment: { A: 's3cret' } }).join()
    expect(words).not.toContain('s3cret')
  })

  test('not at all for keys that replace nothing', () => {
    expect(differingKeys(BASE, { ...BASE, scale: 2, profiles: ['x'] })).toEqual([])
  })
})

test('the canonical form does not depend on the order of keys, at any depth', () => {
  const shuffled = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shuffled)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, part]) => [key, shuffled(part)]),
    )
  }
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(canonical(shuffled(value))).toBe(canonical(value))
    }),
  )
})
