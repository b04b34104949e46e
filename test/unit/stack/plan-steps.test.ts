import { describe, expect, it } from 'vitest'
import type { DesiredService } from '../../../daemon/stack/desired.ts'
import type { ObservedContainer } from '../../../daemon/stack/observed.ts'
import type { Steps, StepsState } from '../../../daemon/stack/steps.ts'
import {
  aContainer,
  actionOf,
  anOutdated,
  aService,
  aStack,
  asDeclared,
  idsOf,
  isBefore,
  isChain,
  needs,
  planOf,
  temporaryNameOf,
} from '../support/stack-builders.ts'

const STEPS: Steps = { before: [['bin/migrate', '--all']], after: [['bin/warm']], timeoutMs: 1000 }
const due = (revision: number, parts: Partial<StepsState> = {}): StepsState => ({
  revision,
  stage: 'before',
  done: 0,
  ...parts,
})
const stepped = (name: string, parts: Partial<DesiredService> = {}) => aService(name, { steps: STEPS, ...parts })

describe('steps of a service', () => {
  const db = aService('db')
  const web = stepped('web', { dependsOn: { db: needs('service_healthy') } })
  const other = aService('other')
  const desired = aStack([db, web, other])
  const memory = { steps: { web: due(web.revision) } }

  it('of a stack that is new run once what it depends on is there, and before it and others start', () => {
    const plan = planOf({ desired, memory })
    expect(
      isChain(
        plan,
        'start-container db 1',
        'await-service db healthy',
        'run-steps web before',
        'start-container web 1',
      ),
    ).toBe(true)
    expect(isBefore(plan, 'run-steps web before', 'start-container other 1')).toBe(true)
    expect(isChain(plan, 'start-container web 1', 'await-service web ready', 'run-steps web after')).toBe(true)
    expect(actionOf(plan, 'run-steps web before').reason).toBe('bin/migrate --all')
  })

  it('run before anything is taken away, and after the new one has come up', () => {
    const old = [anOutdated(web), anOutdated(other)]
    const plan = planOf({ desired, memory, observed: asDeclared(desired, { containers: old }) })
    for (const { id } of old) expect(isBefore(plan, 'run-steps web before', `stop-container ${id}`)).toBe(true)
    expect(isChain(plan, 'start-container web 1', 'run-steps web after')).toBe(true)
    expect(isBefore(plan, 'run-steps web before', 'create-container web 1')).toBe(false)
  })

  it('run where an earlier round made the new one and did not get to start it', () => {
    const next = aContainer(web, { id: 'next', name: temporaryNameOf(web, 1), state: 'created', created: 2000 })
    const old = anOutdated(web)
    const plan = planOf({ desired, memory, observed: asDeclared(desired, { containers: [old, next] }) })
    expect(isChain(plan, 'run-steps web before', `stop-container ${old.id}`, 'start-container web 1')).toBe(true)
  })

  it('do not run where nothing of the service is made anew', () => {
    const plan = planOf({ desired, memory, observed: asDeclared(desired) })
    expect(idsOf(plan)).toEqual([])
  })

  it('do not run for a revision that they have run for, nor for none that a request brought', () => {
    const observed = asDeclared(desired, { containers: [anOutdated(web)] })
    for (const steps of [{}, { web: due(web.revision - 1) }])
      expect(
        idsOf(planOf({ desired, memory: { steps }, observed })).filter((id) => id.startsWith('run-steps')),
      ).toEqual([])
  })

  it('that come after run where only they are left', () => {
    const plan = planOf({
      desired,
      memory: { steps: { web: due(web.revision, { stage: 'after' }) } },
      observed: asDeclared(desired),
    })
    expect(idsOf(plan)).toContain('run-steps web after')
    expect(idsOf(plan)).not.toContain('run-steps web before')
  })

  it('that have failed keep the loop by itself from switching, and not a request', () => {
    const observed = asDeclared(desired, { containers: [anOutdated(web)] })
    const failed = { steps: { web: due(web.revision, { hasFailed: true }) } }
    const healing = planOf({ desired, observed, memory: failed, policy: { mode: 'heal' } })
    expect(idsOf(healing).filter((id) => id.includes('web'))).toEqual([])
    expect(healing.concerns).toEqual([expect.stringContaining('a step before revision 1 of web has failed')])
    expect(idsOf(planOf({ desired, observed, memory: failed }))).toContain('run-steps web before')
  })

  it('that have failed leave what an earlier run made unstarted, and keep what was there before it up', () => {
    const next = aContainer(web, { id: 'next', name: temporaryNameOf(web, 1), state: 'created', created: 2000 })
    const memory = { steps: { web: due(web.revision, { hasFailed: true }) } }
    const kept = aStack([{ ...web, restartPolicy: 'always' }])
    const planWith = (old: Partial<ObservedContainer>) =>
      planOf({
        desired: kept,
        memory,
        observed: asDeclared(kept, { containers: [{ ...anOutdated(web), ...old }, next] }),
        policy: { mode: 'heal' },
      })
    expect(idsOf(planWith({}))).toEqual([])
    expect(idsOf(planWith({ state: 'exited', exitCode: 137 }))).toEqual(['start-container web 1'])
  })

  it('that come after and have failed are not run again by the loop itself', () => {
    const steps = { web: due(web.revision, { stage: 'after', hasFailed: true }) }
    const plan = planOf({ desired, memory: { steps }, observed: asDeclared(desired), policy: { mode: 'heal' } })
    expect(idsOf(plan)).toEqual([])
    expect(plan.concerns).toEqual([expect.stringContaining('a step after revision 1 of web has failed')])
  })

  it('of services that know nothing of each other hold both back, and make no circle', () => {
    const two = aStack([stepped('api'), stepped('web'), aService('db')])
    const observed = asDeclared(two, { containers: Object.values(two.services).map((service) => anOutdated(service)) })
    const plan = planOf({ desired: two, observed, memory: { steps: { api: due(1), web: due(1) } } })
    for (const step of ['run-steps api before', 'run-steps web before'])
      for (const service of ['api', 'web', 'db'])
        expect(isBefore(plan, step, `start-container ${service} 1`)).toBe(true)
  })

  it('of a service and of one that it depends on follow each other', () => {
    const chain = aStack([stepped('api'), stepped('web', { dependsOn: { api: needs() } })])
    const observed = asDeclared(chain, {
      containers: Object.values(chain.services).map((service) => anOutdated(service)),
    })
    const plan = planOf({ desired: chain, observed, memory: { steps: { api: due(1), web: due(1) } } })
    expect(
      isChain(plan, 'run-steps api before', 'start-container api 1', 'run-steps web before', 'start-container web 1'),
    ).toBe(true)
  })
})
