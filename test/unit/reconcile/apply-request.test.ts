import { describe, expect, test } from 'vitest'
import { applyRequest, scopeOf } from '../../../daemon/reconcile/apply-request.ts'
import type { ChangeRequest } from '../../../daemon/reconcile/requests.ts'
import type { StackState } from '../../../daemon/reconcile/stack-state.ts'
import type { ServiceState } from '../../../daemon/stack/desired.ts'
import type { StackRow } from '../../../daemon/store/stacks.ts'
import { AT, aModel, down, scale, services, up } from '../support/core.ts'
import { problemOf } from '../support/problems.ts'
import { needs } from '../support/stack-builders.ts'

const MODEL = aModel({
  db: {},
  api: { depends_on: { db: needs() } },
  web: { depends_on: { api: needs() } },
})

const state = (service: string, parts: Partial<ServiceState> = {}): ServiceState => ({
  service,
  revision: 1,
  run: 'running',
  scale: undefined,
  recreate: 0,
  restart: 0,
  outdated: 'replace',
  ...parts,
})

const row = (parts: Partial<StackRow> = {}): StackRow => ({
  name: 'shop',
  presence: 'present',
  revision: 1,
  disabled: [],
  condition: 'failed',
  reason: 'something old',
  updatedAt: 'before',
  ...parts,
})

const UP: StackState = { stack: row(), services: [state('db'), state('api'), state('web')] }
const apply = (request: ChangeRequest, before: StackState | undefined = UP, model = MODEL) =>
  applyRequest('shop', before, request, () => model, AT)
const applyToNothing = (request: ChangeRequest) => applyRequest('shop', undefined, request, () => MODEL, AT)
const byName = (applied: { services: readonly ServiceState[] }) =>
  Object.fromEntries(applied.services.map((service) => [service.service, service]))

describe('up', () => {
  test('of a new stack declares every service of the file, running', () => {
    const applied = applyToNothing(up(1))
    expect(applied.services).toEqual([state('db'), state('api'), state('web')])
    expect(applied.scope).toBe('all')
  })

  test('makes the stack present, at its revision, and converging', () => {
    expect(apply(up(2, {}, ['debug'])).stack).toEqual({
      name: 'shop',
      presence: 'present',
      revision: 2,
      disabled: ['debug'],
      condition: 'converging',
      reason: undefined,
      updatedAt: AT,
    })
  })

  test('drops services that left the file', () => {
    const before = { ...UP, services: [...UP.services, state('old')] }
    expect(Object.keys(byName(apply(up(2), before)))).toEqual(['db', 'api', 'web'])
  })

  test('starts services that were stopped', () => {
    const before = { ...UP, services: [state('web', { run: 'stopped' })] }
    expect(byName(apply(up(2), before)).web?.run).toBe('running')
  })

  test('--no-start leaves what runs running, and makes the rest without starting it', () => {
    const before = { ...UP, services: [state('db'), state('api', { run: 'removed' })] }
    const after = byName(apply(up(2, { start: 'create-only' }), before))
    expect([after.db?.run, after.api?.run, after.web?.run]).toEqual(['running', 'stopped', 'stopped'])
  })

  test('takes the scale of the file again, unless one is given', () => {
    const before = { ...UP, services: [state('web', { scale: 5 }), state('api', { scale: 5 })] }
    const after = byName(apply(up(2, { scale: { web: 3 } }), before))
    expect([after.web?.scale, after.api?.scale]).toEqual([3, undefined])
  })

  test('keeps the counters of restarts and recreates', () => {
    const before = { ...UP, services: [state('web', { restart: 4, recreate: 2 })] }
    expect(byName(apply(up(2), before)).web).toMatchObject({ restart: 4, recreate: 2 })
  })

  test('--no-recreate accepts outdated containers, until the next up', () => {
    const accepted = apply(up(2, { recreate: 'never' }))
    expect(byName(accepted).web?.outdated).toBe('keep')
    expect(byName(apply(up(3), accepted)).web?.outdated).toBe('replace')
  })

  test('of a service that the file does not have is refused, with those it has', () => {
    expect(problemOf(() => apply(up(2, { services: ['wbe'] })))).toMatchObject({
      code: 'service-not-found',
      message: 'no such service: wbe',
      hint: 'the file has: db, api, web',
    })
    expect(problemOf(() => apply(up(2, { scale: { wbe: 2 } }))).code).toBe('service-not-found')
  })
})

describe('up --force-recreate', () => {
  const recreated = (request: ChangeRequest) =>
    apply(request)
      .services.filter((service) => service.recreate === 1)
      .map((service) => service.service)

  test('recreates all', () => {
    expect(recreated(up(2, { recreate: 'force' }))).toEqual(['db', 'api', 'web'])
  })

  test('recreates the named ones, and not what they depend on', () => {
    expect(recreated(up(2, { recreate: 'force', services: ['web'] }))).toEqual(['web'])
  })

  test('recreates what they depend on with --always-recreate-deps', () => {
    expect(recreated(up(2, { recreate: 'force-all', services: ['api'] }))).toEqual(['db', 'api'])
  })
})

describe('up of some services', () => {
  test('moves them and what they depend on to the revision, and leaves the others at theirs', () => {
    const after = byName(apply(up(2, { services: ['api'] })))
    expect([after.db?.revision, after.api?.revision, after.web?.revision]).toEqual([2, 2, 1])
  })

  test('moves them alone with --no-deps', () => {
    const after = byName(apply(up(2, { services: ['api'], dependencies: 'ignore' })))
    expect([after.db?.revision, after.api?.revision, after.web?.revision]).toEqual([1, 2, 1])
  })

  test('says nothing about services that left the file', () => {
    const before = { ...UP, services: [...UP.services, state('old')] }
    expect(byName(apply(up(2, { services: ['web'] }), before)).old).toEqual(state('old'))
  })

  test('says nothing about services that were never brought up', () => {
    const applied = applyRequest('shop', undefined, up(1, { services: ['db'] }), () => MODEL, AT)
    expect(Object.keys(byName(applied))).toEqual(['db'])
  })

  test('answers them as its scope', () => {
    expect(apply(up(2, { services: ['api'] })).scope).toEqual(new Set(['api', 'db']))
  })

  test('of a stack that is down brings up them alone', () => {
    const before: StackState = { stack: row({ presence: 'absent', revision: 1 }), services: UP.services }
    expect(Object.keys(byName(apply(up(2, { services: ['db'] }), before)))).toEqual(['db'])
  })

  test('of a stack that is down brings up them alone, also where the file has not changed', () => {
    const before: StackState = { stack: row({ presence: 'absent', revision: 1 }), services: UP.services }
    expect(Object.keys(byName(apply(up(1, { services: ['db'] }), before)))).toEqual(['db'])
  })
})

describe('down', () => {
  test('makes the stack absent and keeps what it was, until it is gone', () => {
    const applied = apply(down())
    expect(applied.stack).toMatchObject({ presence: 'absent', condition: 'converging' })
    expect(applied.services).toEqual(UP.services)
  })

  test('of some services removes them, and the stack stays', () => {
    const applied = apply(down({ services: ['web'] }))
    expect(applied.stack.presence).toBe('present')
    expect(byName(applied).web?.run).toBe('removed')
    expect(byName(applied).db?.run).toBe('running')
    expect(applied.scope).toEqual(new Set(['web']))
  })

  test('may be asked for again', () => {
    const before: StackState = { stack: row({ presence: 'absent' }), services: [] }
    expect(apply(down(), before).stack.presence).toBe('absent')
  })

  test('of a service that the stack does not have is refused', () => {
    expect(problemOf(() => apply(down({ services: ['wbe'] }))).code).toBe('service-not-found')
  })
})

describe('start, stop, restart, scale', () => {
  test('start makes services run, also those that were removed', () => {
    const before = { ...UP, services: [state('db', { run: 'stopped' }), state('web', { run: 'removed' })] }
    expect(apply(services('start'), before).services.map((service) => service.run)).toEqual(['running', 'running'])
  })

  test('start of a service starts what it depends on', () => {
    const before = { ...UP, services: ['db', 'api', 'web'].map((name) => state(name, { run: 'stopped' })) }
    const after = byName(apply(services('start', { services: ['api'], dependencies: 'include' }), before))
    expect([after.db?.run, after.api?.run, after.web?.run]).toEqual(['running', 'running', 'stopped'])
  })

  test('stop stops, and leaves what was removed removed', () => {
    const before = { ...UP, services: [state('db'), state('web', { run: 'removed' })] }
    expect(apply(services('stop'), before).services.map((service) => service.run)).toEqual(['stopped', 'removed'])
  })

  test('stop of a service without its dependencies stops it alone', () => {
    const after = byName(apply(services('stop', { services: ['api'], dependencies: 'ignore' })))
    expect([after.db?.run, after.api?.run]).toEqual(['running', 'stopped'])
  })

  test('restart raises the counter, and makes run what was stopped', () => {
    const before = { ...UP, services: [state('web', { run: 'stopped', restart: 1 })] }
    expect(byName(apply(services('restart'), before)).web).toMatchObject({ run: 'running', restart: 2 })
  })

  test('scale sets the count of the named, makes their dependencies run, and leaves the others', () => {
    const before = { ...UP, services: [state('db', { run: 'stopped' }), state('api'), state('web', { scale: 4 })] }
    const after = byName(apply(scale({ api: 3 }), before))
    expect(after.api?.scale).toBe(3)
    expect(after.db).toMatchObject({ run: 'running', scale: undefined })
    expect(after.web).toEqual(state('web', { scale: 4 }))
  })

  test.each([services('start'), services('stop'), services('restart'), scale({ web: 2 })])(
    '$kind of a stack that is not known is refused',
    (request) => {
      expect(problemOf(() => applyToNothing(request)).code).toBe('stack-not-found')
    },
  )

  test.each([services('start'), services('stop'), services('restart'), scale({ web: 2 })])(
    '$kind of a stack that is down is refused, with what to do',
    (request) => {
      const before: StackState = { stack: row({ presence: 'absent' }), services: [] }
      expect(problemOf(() => apply(request, before))).toMatchObject({
        code: 'stack-not-found',
        hint: 'bring it up first: evenkeel up',
      })
    },
  )

  test.each([services('stop', { services: ['wbe'] }), scale({ wbe: 2 })])(
    '$kind of a service that the stack does not have is refused',
    (request) => {
      expect(problemOf(() => apply(request))).toMatchObject({
        code: 'service-not-found',
        hint: 'stack shop has: db, api, web',
      })
    },
  )
})

describe('the scope of a request', () => {
  test('is the whole stack where nothing is named', () => {
    expect(scopeOf(MODEL, [], 'include')).toBe('all')
  })

  test('takes in dependencies of dependencies', () => {
    expect(scopeOf(MODEL, ['web'], 'include')).toEqual(new Set(['web', 'api', 'db']))
  })

  test('passes over dependencies that the file has not (not required, profile off)', () => {
    const model = aModel({ web: { depends_on: { debug: needs('service_started', { required: false }) } } })
    expect(scopeOf(model, ['web'], 'include')).toEqual(new Set(['web']))
  })
})

test('a request does not change what it was given', () => {
  const before = structuredClone(UP)
  for (const request of [up(2), down(), services('restart'), scale({ web: 2 })]) apply(request)
  expect(UP).toEqual(before)
})

describe('up for a one-off of a service', () => {
  const oneOff = (services: string[], options = {}) => up(2, { services, purpose: 'one-off', ...options })

  test('brings up what it depends on, and leaves the service as it is', () => {
    const applied = apply(oneOff(['web']))
    expect(byName(applied).web).toEqual(state('web'))
    expect(byName(applied).api).toEqual(state('api', { revision: 2 }))
    expect(byName(applied).db).toEqual(state('db', { revision: 2 }))
    expect(applied.scope).toEqual(new Set(['api', 'db']))
  })

  test('says what the one-off is to be made of', () => {
    expect(apply(oneOff(['web'])).oneOffs).toEqual([state('web', { revision: 2, scale: 1 })])
  })

  test('declares no replica of a service that was never up', () => {
    const applied = applyToNothing(oneOff(['db']))
    expect(applied.services).toEqual([])
    expect(applied.stack).toMatchObject({ presence: 'present', revision: 2 })
    expect(applied.oneOffs).toHaveLength(1)
  })

  test('touches nothing else with --no-deps', () => {
    const applied = apply(oneOff(['web'], { dependencies: 'ignore' }))
    expect(applied.services).toEqual(UP.services)
    expect(applied.scope).toEqual(new Set())
  })

  test('needs a service', () => {
    expect(problemOf(() => apply(oneOff([]))).code).toBe('bad-request')
  })
})
