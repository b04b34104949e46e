import { describe, expect, test } from 'vitest'
import { checkModel } from '../../../daemon/reconcile/check-model.ts'
import { oneOffModel } from '../../../daemon/stack/one-off.ts'
import { RunRequest } from '../../../protocol/resources/run.ts'
import type { Model, Service } from '../../../protocol/stackfile/model.ts'
import { problemOf } from '../support/problems.ts'
import {
  aContainer,
  aForeign,
  aService,
  aStack,
  asDeclared,
  idsOf,
  NOTHING,
  needs,
  planOf,
} from '../support/stack-builders.ts'

const SERVICE: Service = {
  image: 'web:1',
  command: ['serve'],
  entrypoint: ['/start'],
  container_name: 'fixed',
  restart: 'always',
  environment: { A: '1', B: '2' },
  labels: { x: 'y' },
  ports: [{ target: 80, published: '8080', protocol: 'tcp', mode: 'ingress' }],
  volumes: [{ type: 'volume', source: 'data', target: '/data', volume: {} }],
  cap_add: ['NET_ADMIN', 'SYS_TIME'],
  deploy: { replicas: 3, restart_policy: { condition: 'any' }, resources: { limits: { memory: '1000' } } },
}
const MODEL: Model = {
  name: 'shop',
  services: { web: SERVICE, db: { image: 'db:1' } },
  volumes: { data: { name: 'shop_data' } },
}
const changed = (overrides: object = {}, more: object = {}) => {
  const request = RunRequest.parse({ service: 'web', overrides, ...more })
  const model = checkModel(oneOffModel(MODEL, request), '/srv')
  return { model, web: model.services.web! }
}

describe('a service as a one-off', () => {
  test('has no fixed name, no restart policy, no ports and no scale', () => {
    const { web } = changed()
    expect(web).not.toHaveProperty('container_name')
    expect(web).not.toHaveProperty('restart')
    expect(web).not.toHaveProperty('ports')
    expect(web.deploy).toEqual({ resources: { limits: { memory: '1000' } }, placement: {} })
  })

  test('is else as it was', () => {
    expect(changed().web).toMatchObject({
      command: ['serve'],
      entrypoint: ['/start'],
      environment: { A: '1', B: '2' },
      labels: { x: 'y' },
      cap_add: ['NET_ADMIN', 'SYS_TIME'],
    })
    expect(changed().model.services.db).toMatchObject({ image: 'db:1' })
  })

  test('takes another command', () => {
    expect(changed({ command: ['migrate', '$HOME'] }).web).toMatchObject({
      command: ['migrate', '$HOME'],
      entrypoint: ['/start'],
    })
  })

  test('loses its command with its entrypoint', () => {
    expect(changed({ entrypoint: ['sh'] }).web).toMatchObject({ entrypoint: ['sh'], command: [] })
    expect(changed({ entrypoint: ['sh'], command: ['-l'] }).web).toMatchObject({ entrypoint: ['sh'], command: ['-l'] })
  })

  test('gets variables and labels beside its own', () => {
    const { web } = changed({ environment: { B: 'other', C: '3' }, labels: { z: '' } })
    expect(web.environment).toEqual({ A: '1', B: 'other', C: '3' })
    expect(web.labels).toEqual({ x: 'y', z: '' })
  })

  test('publishes what it is told to, and its own where wanted', () => {
    expect(changed({ ports: ['9090:90'] }).web.ports).toMatchObject([{ target: 90, published: '9090' }])
    expect(changed({}, { servicePorts: 'publish' }).web.ports).toMatchObject([{ target: 80, published: '8080' }])
  })

  test('mounts volumes beside its own: one that the file does not declare is the Engine’s', () => {
    const { web, model } = changed({ volumes: ['/host:/inside:ro', 'other:/other', 'data:/again'] })
    expect(web.volumes).toMatchObject([
      { source: 'data', target: '/data' },
      { type: 'bind', source: '/host', target: '/inside', read_only: true },
      { type: 'volume', source: 'other', target: '/other' },
      { type: 'volume', source: 'data', target: '/again' },
    ])
    expect(model.volumes).toMatchObject({ data: { name: 'shop_data' }, other: { name: 'other', external: true } })
  })

  test('moves capabilities from one list to the other', () => {
    const { web } = changed({ capDrop: ['NET_ADMIN'], capAdd: ['SYS_PTRACE'] })
    expect(web.cap_add).toEqual(['SYS_TIME', 'SYS_PTRACE'])
    expect(web.cap_drop).toEqual(['NET_ADMIN'])
  })

  test.each([
    ['a port that is none', { ports: ['x:y'] }],
    ['a volume that is none', { volumes: ['aa:bb:cc:dd'] }],
  ])('is refused with %s', (_, overrides) => {
    expect(() => changed(overrides)).toThrow()
  })

  test('that the file does not have is refused', () => {
    const request = RunRequest.parse({ service: 'nope' })
    expect(problemOf(() => oneOffModel(MODEL, request)).code).toBe('service-not-found')
  })
})

describe('the plan for a one-off', () => {
  const db = aService('db')
  const web = aService('web', {
    dependsOn: { db: needs('service_healthy') },
    networks: ['shop_back'],
    volumes: ['shop_data'],
  })
  const desired = {
    ...aStack([db, web]),
    services: aStack([db]).services,
    oneOffs: [web],
  }
  const policy = { scope: new Set(['db']) }

  test('makes its networks and volumes, brings up what it depends on, waits for that, and makes no replica', () => {
    const ids = idsOf(planOf({ desired, observed: NOTHING, policy }))
    expect(ids).toEqual(
      expect.arrayContaining([
        'create-network shop_back',
        'create-volume shop_data',
        'start-container db 1',
        'await-service db healthy',
      ]),
    )
    expect(ids.filter((id) => id.includes(' web'))).toEqual([])
  })

  test('with nothing to wait for is empty', () => {
    const there = asDeclared(desired, { containers: [aContainer(db, { health: 'healthy' })] })
    expect(idsOf(planOf({ desired, observed: there, policy }))).toEqual([])
  })

  test('does not wait for a dependency that was left out (--no-deps)', () => {
    const there = asDeclared(desired, { containers: [aContainer(db, { health: 'starting' })] })
    expect(idsOf(planOf({ desired, observed: there, policy: { scope: new Set() } }))).toEqual([])
  })
})

describe('a one-off container', () => {
  const web = aService('web')
  const desired = aStack([web])
  const oneOff = (make: typeof aContainer, state: 'running' | 'exited' | 'created') =>
    make(web, { id: 'one-off', name: 'shop-web-run-1', oneOff: true, state, replica: 0, specHash: undefined })
  const planWith = (container: ReturnType<typeof aContainer>, policy = {}) =>
    planOf({ desired, observed: asDeclared(desired, { containers: [aContainer(web), container] }), policy })

  test.each([
    ['ours', aContainer],
    ['Compose’s', aForeign],
  ])('of %s that runs is left alone, with and without --remove-orphans', (_, make) => {
    for (const policy of [{}, { orphans: 'remove' as const }, { mode: 'heal' as const }]) {
      const plan = planWith(oneOff(make, 'running'), policy)
      expect(idsOf(plan)).toEqual([])
      expect(plan.warnings).toEqual([])
    }
  })

  test.each([
    ['ours', aContainer],
    ['Compose’s', aForeign],
  ])('of %s that has ended is an orphan: reported, and removed only where that was asked for', (_, make) => {
    const plan = planWith(oneOff(make, 'exited'))
    expect(idsOf(plan)).toEqual([])
    expect(plan.warnings).toEqual([
      'container shop-web-run-1 of this project is an orphan: --remove-orphans removes it',
    ])
    expect(idsOf(planWith(oneOff(make, 'exited'), { orphans: 'remove' }))).toEqual(['remove-container one-off'])
  })

  test('that is about to start is left alone', () => {
    expect(idsOf(planWith(oneOff(aContainer, 'created'), { orphans: 'remove' }))).toEqual([])
  })
})

test('a service that a provider stands for has no container to be one', () => {
  const model: Model = { name: 'shop', services: { db: { provider: { type: 'x' } } } }
  const request = RunRequest.parse({ service: 'db', overrides: {} })
  expect(problemOf(() => oneOffModel(model, request))).toMatchObject({ code: 'unsupported' })
})
