import { describe, expect, test } from 'vitest'
import { buildWith } from '../../../daemon/jobs/build.ts'
import { pullDecisions } from '../../../daemon/jobs/pull.ts'
import { pushDecisions } from '../../../daemon/jobs/push.ts'
import { builtServices } from '../../../protocol/build.ts'
import { BuildOptions, PullOptions, PushOptions } from '../../../protocol/resources/job.ts'
import type { Service } from '../../../protocol/stackfile/model.ts'
import { aModel } from '../support/core.ts'
import { problemOf } from '../support/problems.ts'

const BUILD = { build: { context: '/srv/web' } }
const LOCAL = { ...BUILD, image: undefined as unknown as string }
const modelOf = (services: Record<string, Partial<Service>>) => {
  const model = aModel(services)
  for (const service of Object.values(model.services)) if (service.image === undefined) delete service.image
  return model
}

/** `web pull`, or `web skip WHY`. */
function pulls(services: Record<string, Partial<Service>>, options: object = {}, present: readonly string[] = []) {
  return pullDecisions(modelOf(services), PullOptions.parse(options), (name) => present.includes(name)).map(
    (decision) =>
      decision.kind === 'pull' ? `${decision.service} pull` : `${decision.service} skip ${decision.why}`.trim(),
  )
}

describe('pull', () => {
  test('pulls what has an image, whether or not it is here', () => {
    expect(pulls({ web: {}, local: LOCAL }, {}, ['web:1'])).toEqual(['web pull', 'local skip No image to be pulled'])
  })

  test.each(['never', 'build'])('leaves a service alone whose policy is %s', (pull_policy) => {
    expect(pulls({ web: { ...BUILD, pull_policy } })).toEqual(['web skip'])
  })

  test('takes what is here where only missing images are wanted', () => {
    const services = { web: {}, db: {} }
    expect(pulls(services, { policy: 'missing' }, ['web:1'])).toEqual([
      'web skip Image is already present locally',
      'db pull',
    ])
    expect(pulls({ web: { pull_policy: 'missing' } }, {}, ['web:1'])).toEqual([
      'web skip Image is already present locally',
    ])
  })

  test.each(['web', 'web:latest'])('asks again for %s, whose meaning moves', (image) => {
    expect(pulls({ web: { image } }, { policy: 'missing' }, [image])).toEqual(['web pull'])
  })

  test('a policy of the request wins over that of the file', () => {
    expect(pulls({ web: { pull_policy: 'never' } }, { policy: 'always' })).toEqual(['web pull'])
  })

  test('leaves out what can be built where that is wanted', () => {
    expect(pulls({ web: BUILD }, { buildable: 'skip' })).toEqual(['web skip Image can be built'])
    expect(pulls({ web: BUILD })).toEqual(['web pull'])
  })

  test('pulls an image that two services have once', () => {
    expect(pulls({ a: { image: 'x:1' }, b: { image: 'x:1' } })).toEqual([
      'a pull',
      'b skip Image is already being pulled by a',
    ])
  })

  test('is about the named services, and their dependencies only on demand', () => {
    const services = { web: { depends_on: { db: { condition: 'service_started', required: true } as const } }, db: {} }
    expect(pulls(services, { services: ['web'] })).toEqual(['web pull'])
    expect(pulls(services, { services: ['web'], dependencies: 'include' })).toEqual(['web pull', 'db pull'])
  })

  test('of a service that the file has not is refused', () => {
    expect(problemOf(() => pulls({ web: {} }, { services: ['nope'] }))).toMatchObject({
      code: 'service-not-found',
      message: 'no such service: nope',
    })
  })
})

describe('push', () => {
  test('pushes what is built here and has a name of its own, with its tags', () => {
    const model = modelOf({
      web: { build: { context: '/srv', tags: ['r/web:2', 'web:1'] } },
      local: LOCAL,
      db: {},
    })
    expect(pushDecisions(model, PushOptions.parse({}))).toEqual([
      { kind: 'push', service: 'web', references: ['web:1', 'r/web:2'] },
      { kind: 'skip', service: 'local' },
      { kind: 'skip', service: 'db' },
    ])
  })
})

describe('build', () => {
  const withFlags = (options: object) =>
    buildWith({ context: '/srv', args: { A: '1', B: '2' } }, BuildOptions.parse(options))

  test('without flags is what the file says', () => {
    expect(withFlags({})).toEqual({ context: '/srv', args: { A: '1', B: '2' } })
  })

  test('takes arguments over those of the file, and away with no value', () => {
    expect(withFlags({ args: { B: '3', C: '4', A: null } }).args).toEqual({ A: null, B: '3', C: '4' })
  })

  test.each([
    [{ cache: 'ignore' }, { no_cache: true }],
    [{ bases: 'pull' }, { pull: true }],
    [{ provenance: 'mode=max' }, { provenance: 'mode=max' }],
    [{ sbom: 'true' }, { sbom: 'true' }],
  ])('%o', (options, expected) => {
    expect(withFlags(options)).toMatchObject(expected)
  })
})

describe('the services that are built', () => {
  const services = {
    app: { build: { additional_contexts: { base: 'service:base' } } },
    base: { build: {} },
    db: {},
  }

  test('come after those whose images they take, named or not', () => {
    expect(builtServices(services, ['app', 'db'])).toEqual(['base', 'app'])
  })

  test('may not wait for each other', () => {
    const circle = { ...services, base: { build: { additional_contexts: { app: 'service:app' } } } }
    expect(problemOf(() => builtServices(circle, ['app'])).message).toBe(
      'builds wait for each other: app -> base -> app',
    )
  })
})
