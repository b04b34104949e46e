import { describe, expect, test } from 'vitest'
import type { DesiredService } from '../../../daemon/stack/desired.ts'
import type { ObservedContainer } from '../../../daemon/stack/observed.ts'
import {
  aContainer,
  actionOf,
  aService,
  aStack,
  asDeclared,
  idsOf,
  isBefore,
  needs,
  planOf,
} from '../support/stack-builders.ts'

const web = aService('web')

/** The plan for one service `web` with one container in this state. */
function planFor(
  service: Partial<DesiredService>,
  container: Partial<ObservedContainer>,
  more: Partial<Parameters<typeof planOf>[0]> = {},
) {
  const desired = aStack([aService('web', service)])
  return planOf({ desired, observed: asDeclared(desired, { containers: [aContainer(web, container)] }), ...more })
}

const ID = 'id-of-shop-web-1'

describe('a service that is to be stopped', () => {
  test.each(['running', 'restarting', 'paused'] as const)('has its %s container stopped, for good', (state) => {
    const plan = planFor({ run: 'stopped' }, { state })
    expect(plan.actions.map((action) => action.body)).toEqual([
      { kind: 'stop-container', service: 'web', id: ID, purpose: 'keep' },
    ])
  })

  test.each(['exited', 'created'] as const)('is as declared with its container %s', (state) => {
    expect(idsOf(planFor({ run: 'stopped' }, { state }))).toEqual([])
  })

  test('stops after the services that depend on it', () => {
    const db = aService('db', { run: 'stopped' })
    const front = aService('web', { run: 'stopped', dependsOn: { db: needs() } })
    const desired = aStack([db, front])
    const plan = planOf({ desired, observed: asDeclared(desired, { containers: [aContainer(db), aContainer(front)] }) })
    expect(isBefore(plan, 'stop-container web 1', 'stop-container db 1')).toBe(true)
  })
})

describe('a container that has exited', () => {
  const exited = { state: 'exited', exitCode: 1 } as const

  test('is started by a request', () => {
    const plan = planFor({}, exited)
    expect(actionOf(plan, 'start-container web 1')).toMatchObject({
      effect: 'change',
      reason: 'it has exited (1)',
      body: { id: ID },
    })
  })

  test('is left alone by a request that is about other services', () => {
    expect(idsOf(planFor({}, exited, { policy: { scope: new Set(['db']) } }))).toEqual([])
  })

  test.each(['no', 'on-failure'])('is left alone by the loop where its policy is %s', (restartPolicy) => {
    expect(idsOf(planFor({ restartPolicy }, exited, { policy: { mode: 'heal' } }))).toEqual([])
  })

  test.each(['always', 'unless-stopped'])('is started by the loop where its policy is %s', (restartPolicy) => {
    expect(idsOf(planFor({ restartPolicy }, exited, { policy: { mode: 'heal' } }))).toEqual(['start-container web 1'])
  })
})

test('a container that was never started is started, also by the loop', () => {
  const plan = planFor({}, { state: 'created' }, { policy: { mode: 'heal' } })
  expect(actionOf(plan, 'start-container web 1').reason).toBe('it was never started')
})

test('a container that the Engine restarts just now is left to it', () => {
  expect(idsOf(planFor({ restartPolicy: 'always' }, { state: 'restarting' }))).toEqual([])
})

test('a container under another name than its own is renamed', () => {
  const plan = planFor({}, { name: 'renamed-by-hand', id: ID })
  expect(plan.actions.map((action) => action.body)).toEqual([
    { kind: 'rename-container', service: 'web', replica: 1, id: ID, name: 'shop-web-1' },
  ])
})

describe('a restart', () => {
  test('that was asked for is done, and carries the number by which it is remembered', () => {
    const plan = planFor({ restart: 3 }, { restart: 1 })
    expect(plan.actions.map((action) => action.body)).toEqual([
      { kind: 'restart-container', service: 'web', replica: 1, id: ID, generation: 3 },
    ])
  })

  test('that has been done is not done again', () => {
    expect(idsOf(planFor({ restart: 3 }, { restart: 1 }, { memory: { restarted: { [ID]: 3 } } }))).toEqual([])
  })

  test('does not concern a container that was made after it was asked for', () => {
    expect(idsOf(planFor({ restart: 3 }, { restart: 3 }))).toEqual([])
  })

  test('is done by the loop as well: a crash does not forget it', () => {
    const plan = planFor({ restart: 1 }, { restart: 0 }, { policy: { mode: 'heal' } })
    expect(idsOf(plan)).toEqual(['restart-container web 1'])
  })

  test('of a container that does not run starts it', () => {
    expect(idsOf(planFor({ restart: 1 }, { restart: 0, state: 'exited', exitCode: 0 }))).toEqual([
      'start-container web 1',
    ])
  })

  test('of a container that does not run is done when that has been started', () => {
    const plan = planFor({ restart: 1 }, { restart: 0, state: 'exited', exitCode: 0 })
    expect(actionOf(plan, 'start-container web 1').body).toMatchObject({ generation: 1 })
  })

  test('of a paused container is part of the plan that unpauses it', () => {
    expect(idsOf(planFor({ restart: 1 }, { restart: 0, state: 'paused' }))).toContain('restart-container web 1')
  })
})

describe('a pause', () => {
  test('is made of a running container', () => {
    expect(idsOf(planFor({ run: 'paused' }, { state: 'running' }))).toEqual(['pause-container web 1'])
  })

  test('that is there is left', () => {
    expect(idsOf(planFor({ run: 'paused' }, { state: 'paused' }))).toEqual([])
  })

  test('that is not meant is ended', () => {
    expect(idsOf(planFor({ run: 'running' }, { state: 'paused' }))).toEqual(['unpause-container web 1'])
  })
})

describe('a service that is removed (down SERVICE)', () => {
  const db = aService('db', { run: 'removed', volumes: ['shop_data'] })
  const desired = aStack([db])

  test('has its containers stopped and removed', () => {
    const observed = asDeclared(desired, { containers: [aContainer(db)] })
    expect(idsOf(planOf({ desired, observed }))).toEqual([
      'stop-container id-of-shop-db-1',
      'remove-container id-of-shop-db-1',
    ])
  })

  test('keeps its networks and volumes', () => {
    expect(idsOf(planOf({ desired, observed: asDeclared(desired) }))).toEqual([])
  })

  test('has none of them made either', () => {
    expect(idsOf(planOf({ desired }))).toEqual([])
  })
})

describe('a job that somebody waits for', () => {
  const job = aService('job')
  const app = aService('app', { dependsOn: { job: needs('service_completed_successfully') } })
  const desired = aStack([job, app])
  const planWhere = (parts: Partial<ObservedContainer>, mode: 'request' | 'heal' = 'request') =>
    planOf({
      desired,
      observed: asDeclared(desired, { containers: [aContainer(job, parts), aContainer(app)] }),
      policy: { mode },
    })

  test('and that ended well is not run again, not even by a request', () => {
    expect(idsOf(planWhere({ state: 'exited', exitCode: 0 }))).toEqual([])
  })

  test('and that failed is run again by a request', () => {
    expect(idsOf(planWhere({ state: 'exited', exitCode: 1 }))).toEqual(['start-container job 1'])
  })

  test('and that failed is not run again by the loop', () => {
    expect(idsOf(planWhere({ state: 'exited', exitCode: 1 }, 'heal'))).toEqual([])
  })

  test('is run again when its definition changed', () => {
    const plan = planWhere({ state: 'exited', exitCode: 0, specHash: 'an older spec' })
    expect(idsOf(plan)).toContain('start-container job 1')
  })

  test('and that ended well is not run again by a policy that keeps containers running', () => {
    const always = aStack([{ ...job, restartPolicy: 'always' }, app])
    const containers = [aContainer(job, { state: 'exited', exitCode: 0 }), aContainer(app)]
    expect(idsOf(planOf({ desired: always, observed: asDeclared(always, { containers }) }))).toEqual([])
  })
})

test('one-off containers are outside the loop', () => {
  const desired = aStack([web])
  const oneOff = aContainer(web, { name: 'shop-web-run-1', oneOff: true, state: 'exited', specHash: 'of its own' })
  const observed = asDeclared(desired, { containers: [aContainer(web), oneOff] })
  expect(idsOf(planOf({ desired, observed }))).toEqual([])
})
