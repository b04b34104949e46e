import { describe, expect, test } from 'vitest'
import { dependencyOrder, jobsOf, withDependencies, withDependents } from '../../../daemon/stack/dependencies.ts'
import type { DesiredService } from '../../../daemon/stack/desired.ts'
import {
  aContainer,
  actionOf,
  aNetwork,
  anOutdated,
  aService,
  aStack,
  asDeclared,
  idsOf,
  isBefore,
  isChain,
  NOTHING,
  needs,
  planOf,
} from '../support/stack-builders.ts'

const withNetwork = { ...NOTHING, networks: [aNetwork()] }

describe('depends_on', () => {
  const db = aService('db')
  const webThatNeeds = (dependency: ReturnType<typeof needs>) => aService('web', { dependsOn: { db: dependency } })

  test('service_started: starts wait for starts', () => {
    const plan = planOf({ desired: aStack([webThatNeeds(needs()), db]), observed: withNetwork })
    expect(actionOf(plan, 'start-container web 1').after).toEqual(['create-container web 1', 'start-container db 1'])
  })

  test('service_started: waits for every replica', () => {
    const desired = aStack([webThatNeeds(needs()), aService('db', { replicas: 2 })])
    const plan = planOf({ desired, observed: withNetwork })
    expect(isBefore(plan, 'start-container db 2', 'start-container web 1')).toBe(true)
  })

  test('service_healthy: a wait for health stands between', () => {
    const plan = planOf({ desired: aStack([webThatNeeds(needs('service_healthy')), db]), observed: withNetwork })
    expect(isChain(plan, 'start-container db 1', 'await-service db healthy', 'start-container web 1')).toBe(true)
  })

  test('service_healthy: nothing to wait for where it is healthy already', () => {
    const desired = aStack([webThatNeeds(needs('service_healthy')), db])
    const observed = asDeclared(desired, { containers: [aContainer(db, { health: 'healthy' })] })
    expect(idsOf(planOf({ desired, observed }))).toEqual(['create-container web 1', 'start-container web 1'])
  })

  test('service_healthy: a dependency that is still starting is waited for', () => {
    const desired = aStack([webThatNeeds(needs('service_healthy')), db])
    const observed = asDeclared(desired, { containers: [aContainer(db, { health: 'starting' })] })
    expect(isBefore(planOf({ desired, observed }), 'await-service db healthy', 'start-container web 1')).toBe(true)
  })

  test('service_completed_successfully: a wait for its end stands between', () => {
    const desired = aStack([webThatNeeds(needs('service_completed_successfully')), db])
    const plan = planOf({ desired, observed: withNetwork })
    expect(isChain(plan, 'start-container db 1', 'await-service db completed', 'start-container web 1')).toBe(true)
  })

  test('service_completed_successfully: nothing to wait for where it has ended well', () => {
    const desired = aStack([webThatNeeds(needs('service_completed_successfully')), db])
    const observed = asDeclared(desired, { containers: [aContainer(db, { state: 'exited', exitCode: 0 })] })
    expect(idsOf(planOf({ desired, observed }))).toEqual(['create-container web 1', 'start-container web 1'])
  })

  test('required: false: the start waits, and tolerates a failure', () => {
    const desired = aStack([webThatNeeds(needs('service_healthy', { required: false })), db])
    const start = actionOf(planOf({ desired, observed: withNetwork }), 'start-container web 1')
    expect(start.after).toContain('await-service db healthy')
    expect(start.tolerates).toEqual(['await-service db healthy'])
  })

  test.each([{ run: 'stopped' }, { run: 'removed' }, { replicas: 0 }] as Partial<DesiredService>[])(
    'on a service that is not meant to run (%o) holds nothing back',
    (parts) => {
      const desired = aStack([webThatNeeds(needs('service_healthy')), aService('db', parts)])
      const plan = planOf({ desired, observed: withNetwork })
      expect(actionOf(plan, 'start-container web 1').after).toEqual(['create-container web 1'])
    },
  )

  test('holds back nothing but starts', () => {
    const desired = aStack([webThatNeeds(needs('service_healthy')), db])
    expect(actionOf(planOf({ desired, observed: withNetwork }), 'create-container web 1').after).toEqual([])
  })

  test('service_healthy: of another revision, whose file has no check any more, waits until it runs', () => {
    const web = { ...webThatNeeds(needs('service_healthy')), revision: 1 }
    const awaits = (parts: Partial<DesiredService>) =>
      idsOf(planOf({ desired: aStack([web, aService('db', parts)]), observed: withNetwork })).filter((id) =>
        id.startsWith('await-service'),
      )
    expect(awaits({ revision: 2 })).toEqual(['await-service db ready'])
    expect(awaits({ revision: 2, healthcheck: 'present' })).toEqual(['await-service db healthy'])
    expect(awaits({ revision: 1 })).toEqual(['await-service db healthy'])
  })

  test('of services at different revisions that need each other is cut where the circle closes', () => {
    const web = aService('web', { dependsOn: { db: needs() }, revision: 1 })
    const both = (run: DesiredService['run']) =>
      aStack([
        { ...web, run },
        { ...db, dependsOn: { web: needs() }, revision: 2, run },
      ])
    expect(isBefore(planOf({ desired: both('running') }), 'start-container db 1', 'start-container web 1')).toBe(true)
    const stopped = planOf({ desired: both('stopped'), observed: asDeclared(both('running')) })
    expect(isBefore(stopped, 'stop-container web 1', 'stop-container db 1')).toBe(true)
  })

  test('of a service that runs already asks for no wait', () => {
    const web = webThatNeeds(needs('service_healthy'))
    const desired = aStack([web, db])
    const observed = asDeclared(desired, { containers: [aContainer(web), anOutdated(db)] })
    expect(idsOf(planOf({ desired, observed }))).not.toContain('await-service db healthy')
  })
})

describe('restart: true', () => {
  const db = aService('db')
  const api = aService('api', { dependsOn: { db: needs('service_started', { restart: true }) } })
  const web = aService('web', { dependsOn: { api: needs('service_started', { restart: true }) } })
  const desired = aStack([web, api, db])
  const observed = asDeclared(desired, { containers: [anOutdated(db), aContainer(api), aContainer(web)] })

  test('restarts a dependent that runs when its dependency is replaced', () => {
    const plan = planOf({ desired, observed })
    expect(isBefore(plan, 'start-container db 1', 'restart-container api 1')).toBe(true)
    expect(actionOf(plan, 'restart-container api 1')).toMatchObject({
      reason: 'it depends on db, which is restarted',
      body: { generation: undefined },
    })
  })

  test('reaches dependents of dependents', () => {
    expect(isBefore(planOf({ desired, observed }), 'restart-container api 1', 'restart-container web 1')).toBe(true)
  })

  test('sets nothing in motion where dependents are to be left (--no-deps)', () => {
    expect(idsOf(planOf({ desired, observed, policy: { dependents: 'leave' } }))).not.toContain(
      'restart-container api 1',
    )
  })

  test('sets nothing in motion when the loop heals by itself', () => {
    expect(idsOf(planOf({ desired, observed, policy: { mode: 'heal' } }))).not.toContain('restart-container api 1')
  })

  test('does not restart a dependent that is replaced anyway', () => {
    const both = asDeclared(desired, { containers: [anOutdated(db), anOutdated(api), aContainer(web)] })
    expect(idsOf(planOf({ desired, observed: both }))).not.toContain('restart-container api 1')
  })

  test('restarts nothing where the dependency is left as it is', () => {
    expect(idsOf(planOf({ desired, observed: asDeclared(desired) }))).toEqual([])
  })
})

describe('--wait', () => {
  const job = aService('job')
  const web = aService('web', { dependsOn: { job: needs('service_completed_successfully') } })
  const desired = aStack([job, web])
  const wait = { wait: 'ready' } as const

  test('waits in the end until services are ready and jobs have ended well', () => {
    const plan = planOf({ desired, observed: withNetwork, policy: wait })
    expect(isBefore(plan, 'start-container web 1', 'await-service web ready')).toBe(true)
    expect(isBefore(plan, 'start-container job 1', 'await-service job completed')).toBe(true)
  })

  test('has nothing to wait for where all is ready', () => {
    const containers = [aContainer(job, { state: 'exited', exitCode: 0 }), aContainer(web, { health: 'healthy' })]
    expect(idsOf(planOf({ desired, observed: asDeclared(desired, { containers }), policy: wait }))).toEqual([])
  })

  test('waits for what is not healthy yet, though nothing else is to be done', () => {
    const containers = [aContainer(job, { state: 'exited', exitCode: 0 }), aContainer(web, { health: 'starting' })]
    expect(idsOf(planOf({ desired, observed: asDeclared(desired, { containers }), policy: wait }))).toEqual([
      'await-service web ready',
    ])
  })

  test('waits only for what the request names', () => {
    const policy = { ...wait, scope: new Set(['job']) }
    expect(idsOf(planOf({ desired, observed: withNetwork, policy }))).not.toContain('await-service web ready')
  })
})

describe('the order among services', () => {
  const dependencies = { web: { api: needs() }, api: { db: needs() }, db: {} }

  test('puts each after what it depends on', () => {
    expect(dependencyOrder(['web', 'api', 'db'], dependencies)).toEqual(['db', 'api', 'web'])
  })

  test('passes over names that are nowhere', () => {
    expect(dependencyOrder(['web', 'db'], dependencies)).toEqual(['web', 'db'])
  })

  test('ends where dependencies go round in a circle', () => {
    expect(dependencyOrder(['a', 'b'], { a: { b: needs() }, b: { a: needs() } })).toHaveLength(2)
  })

  test('knows what a service needs, directly or not', () => {
    expect([...withDependencies(['api'], dependencies)].sort()).toEqual(['api', 'db'])
  })

  test('knows who needs a service, directly or not', () => {
    expect([...withDependents(['api'], dependencies)].sort()).toEqual(['api', 'web'])
  })

  test('calls a service a job when somebody waits for its end', () => {
    const waiting = { web: { job: needs('service_completed_successfully'), db: needs() } }
    expect([...jobsOf(waiting)]).toEqual(['job'])
  })
})
