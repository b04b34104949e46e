import { describe, expect, it } from 'vitest'
import type { DesiredService, DesiredTrial } from '../../../daemon/stack/desired.ts'
import type { Observed, ObservedContainer } from '../../../daemon/stack/observed.ts'
import type { Rollout } from '../../../daemon/stack/rollout.ts'
import type { Routed, Routings, ServiceRouting, Split } from '../../../daemon/stack/routing.ts'
import {
  aContainer,
  actionOf,
  aService,
  aStack,
  asDeclared,
  idsOf,
  isBefore,
  isChain,
  nameOf,
  planOf,
} from '../support/stack-builders.ts'

const ROUTING: ServiceRouting = {
  ports: [],
  routes: [{ host: 'shop.test', path: '/', target: 8080 }],
  balance: 'roundrobin',
  drainMs: 30_000,
}
const rollout: Rollout = {
  order: 'start-first',
  why: 'it has a route',
  isWritten: false,
  watched: true,
  parallelism: 1,
  delayMs: 0,
  monitorMs: 5000,
  monitor: 'instead',
  maxFailureRatio: 0,
  failureAction: undefined,
}
const aWeb = (parts: Partial<DesiredService> = {}): DesiredService =>
  aService('web', { rollouts: { update: rollout, rollback: rollout }, routing: ROUTING, replicas: 2, ...parts })
const old = aWeb()
const tried = (parts: Partial<DesiredService> = {}): DesiredService =>
  aWeb({ revision: 2, specHash: 'web-spec-2', replicas: 1, suffix: '.canary', ...parts })
const aTrial = (parts: Partial<DesiredTrial> = {}, service = tried()): DesiredTrial => ({
  strategy: 'canary',
  revision: 2,
  share: 10,
  services: { web: service },
  ...parts,
})
const canary = (parts: Partial<ObservedContainer> = {}): ObservedContainer =>
  aContainer(tried(), { name: `${nameOf(old, 1)}.canary`, id: 'canary', addresses: { shop_default: '9' }, ...parts })
const serving = [1, 2].map((replica) => aContainer(old, { replica, addresses: { shop_default: String(replica) } }))
const ready = (address: string, revision: number): Routed => ({ service: 'web', address, state: 'ready', revision })
const routings = (parts: { canary?: boolean; split?: Partial<Split> } = {}): Routings => ({
  published: { web: ROUTING },
  routed: {
    [serving[0]!.id]: ready('1', 1),
    [serving[1]!.id]: ready('2', 1),
    ...(parts.canary && { canary: ready('9', 2) }),
  },
  splits: parts.split === undefined ? {} : { web: { revision: 2, share: 10, sinceMs: 0, ...parts.split } },
})
const stack = (trial: DesiredTrial | undefined, service = old) => aStack([service], { trial })
const seen = (containers: readonly ObservedContainer[]): Observed => asDeclared(stack(undefined), { containers })
const heal = { mode: 'heal' as const }

describe('a canary', () => {
  const plan = planOf({ desired: stack(aTrial()), observed: seen(serving), memory: { routings: routings() } })

  it('has a replica beside those that serve, to which nothing is done', () => {
    expect(actionOf(plan, 'create-container web 1 (trial)').body).toMatchObject({ name: 'shop-web-1.canary' })
    expect(idsOf(plan).filter((id) => !id.includes('trial') && !id.startsWith('split'))).toEqual([])
  })

  it('gets nothing until it counts, and then its share', () => {
    expect(
      isChain(
        plan,
        'create-container web 1 (trial)',
        'start-container web 1 (trial)',
        'await-replica web 1 (trial)',
        'admit-replica web 1 (trial)',
        'split-traffic share',
      ),
    ).toBe(true)
    expect(isBefore(plan, 'split-traffic none yet', 'admit-replica web 1 (trial)')).toBe(true)
    expect(actionOf(plan, 'split-traffic share').body).toMatchObject({ services: ['web'], revision: 2, share: 10 })
  })

  it('is as declared once it has its share', () => {
    const memory = { routings: routings({ canary: true, split: {} }) }
    const settled = planOf({ desired: stack(aTrial()), observed: seen([...serving, canary()]), memory, policy: heal })
    expect(idsOf(settled)).toEqual([])
  })

  it('goes on where a crash left it: with what counts not yet, and with the share that is not given yet', () => {
    const counting = planOf({
      desired: stack(aTrial()),
      observed: seen([...serving, canary()]),
      memory: { routings: routings({ split: { share: 0 } }) },
      policy: heal,
    })
    expect(isChain(counting, 'await-replica web 1 (trial)', 'admit-replica web 1 (trial)', 'split-traffic share')).toBe(
      true,
    )
    const dividing = planOf({
      desired: stack(aTrial()),
      observed: seen([...serving, canary()]),
      memory: { routings: routings({ canary: true, split: { share: 0 } }) },
      policy: heal,
    })
    expect(idsOf(dividing)).toEqual(['split-traffic share'])
  })

  it('gets more only once the replicas are there that bear it, and less at once', () => {
    const at = (share: number, replicas: number) =>
      planOf({
        desired: stack(aTrial({ share }, tried({ replicas }))),
        observed: seen([...serving, canary()]),
        memory: { routings: routings({ canary: true, split: { share: 20 } }) },
      })
    expect(isBefore(at(60, 2), 'admit-replica web 2 (trial)', 'split-traffic share')).toBe(true)
    expect(idsOf(at(10, 1))).toEqual(['split-traffic less'])
  })

  it('is taken out of what it had where the service is stopped', () => {
    const stopped = planOf({
      desired: stack(aTrial({}, tried({ run: 'stopped' })), aWeb({ run: 'stopped' })),
      observed: seen([...serving, canary()]),
      memory: { routings: routings({ canary: true, split: {} }) },
    })
    expect(idsOf(stopped)).toContain('stop-container web 1 (trial)')
    expect(idsOf(stopped).some((id) => id.startsWith('split'))).toBe(false)
  })

  it('waits for the container of an earlier one that has its name', () => {
    const left = canary({ id: 'left', specHash: 'of an earlier one' })
    const plan = planOf({
      desired: stack(aTrial()),
      observed: seen([...serving, left]),
      memory: { routings: routings() },
    })
    expect(isBefore(plan, 'remove-container left', 'create-container web 1 (trial)')).toBe(true)
  })
})

describe('what fails on trial', () => {
  const failing = (parts: Partial<ObservedContainer>, service = tried(), crashed: readonly string[] = []) =>
    planOf({
      desired: stack(aTrial({}, service)),
      observed: seen([...serving, canary(parts)]),
      memory: { routings: routings({ canary: true, split: {} }), crashed },
      policy: heal,
    })

  it.each([
    ['is unhealthy', { health: 'unhealthy' }, []],
    ['has exited', { state: 'exited', exitCode: 1 }, []],
    ['has ended by itself, and was started again', {}, ['canary']],
  ] as const)('is taken back: %s', (_, parts, crashed) => {
    expect(failing(parts, tried(), crashed).trial).toMatchObject({ kind: 'failed', service: 'web', remedy: 'abort' })
  })

  it('waits for a person where the file says so, out of the traffic', () => {
    const update = { ...rollout, failureAction: 'pause' } as const
    const plan = failing({ health: 'unhealthy' }, tried({ rollouts: { update, rollback: update } }))
    expect(plan.trial).toMatchObject({ remedy: 'pause' })
    expect(idsOf(plan)).toEqual(['unroute-replica canary (trial)'])
    expect(plan.concerns[0]).toMatch(/web has failed on trial.*evenkeel abort/)
  })

  it('is put up with as far as the file says', () => {
    const update = { ...rollout, failureAction: 'continue' } as const
    expect(failing({}, tried({ rollouts: { update, rollback: update } }), ['canary']).trial).toBeUndefined()
  })

  it('is no failure where what serves is down as well, as after a restart of the Engine', () => {
    const down = { state: 'exited', exitCode: 143 } as const
    const plan = planOf({
      desired: stack(aTrial()),
      observed: seen([...serving.map((one) => ({ ...one, ...down })), canary(down)]),
      memory: { routings: routings({ canary: true, split: {} }) },
      policy: heal,
    })
    expect(plan.trial).toBeUndefined()
  })
})

describe('a promotion', () => {
  const promoted = aWeb({ revision: 2, specHash: 'web-spec-2' })
  const plan = planOf({
    desired: stack(undefined, promoted),
    observed: seen([...serving, canary()]),
    memory: { routings: routings({ canary: true, split: {} }) },
  })

  it('has what was tried take its place, and the others replaced', () => {
    expect(actionOf(plan, 'rename-container web 1').body).toMatchObject({ id: 'canary', name: 'shop-web-1' })
    expect(idsOf(plan)).toContain('create-container web 2')
    expect(idsOf(plan)).not.toContain('create-container web 1')
  })

  it('does not have it counted again', () => {
    expect(actionOf(plan, 'await-replica web 1').body).toMatchObject({ monitorMs: 0 })
  })

  it('has traffic divided until the last of the old ones is gone', () => {
    expect(actionOf(plan, 'split-traffic web').body).toMatchObject({ isPromoted: true, share: 10 })
    for (const { id } of serving) {
      expect(isBefore(plan, 'split-traffic web', `drain-replica ${id}`)).toBe(true)
      expect(isBefore(plan, `remove-container ${id}`, 'merge-traffic web')).toBe(true)
    }
  })
})

describe('an abort', () => {
  const plan = planOf({
    desired: stack(undefined),
    observed: seen([...serving, canary()]),
    memory: { routings: routings({ canary: true, split: { share: 100 } }) },
  })

  it('has everything go to what served before, and then what was tried go', () => {
    expect(actionOf(plan, 'split-traffic web').body).toMatchObject({ share: 0 })
    expect(
      isChain(
        plan,
        'split-traffic web',
        'drain-replica canary',
        'stop-container canary',
        'remove-container canary',
        'merge-traffic web',
      ),
    ).toBe(true)
  })

  it('does nothing to what serves', () => {
    for (const { id } of serving) expect(idsOf(plan)).not.toContain(`stop-container ${id}`)
  })

  it('leaves nothing divided where nothing is left of it', () => {
    const memory = { routings: routings({ split: { share: 0 } }) }
    expect(idsOf(planOf({ desired: stack(undefined), observed: seen(serving), memory, policy: heal }))).toEqual([
      'merge-traffic web',
    ])
  })
})

describe('a blue-green deployment', () => {
  const green = (replica: number) =>
    canary({ id: `green-${replica}`, replica, name: `${nameOf(old, replica)}.green`, addresses: { shop_default: '8' } })
  const trial = (parts: Partial<DesiredTrial> = {}) =>
    aTrial({ strategy: 'blue-green', share: 100, ...parts }, tried({ replicas: 2, suffix: '.green' }))
  const over = (nowMs: number, parts: Partial<DesiredTrial> = {}) => {
    const known = routings({ split: { share: 100, sinceMs: 1000 } })
    const routed = { ...known.routed, 'green-1': ready('8', 2), 'green-2': ready('8', 2) }
    return planOf({
      desired: stack(trial({ keepMs: 5000, ...parts })),
      observed: seen([...serving, green(1), green(2)]),
      memory: { routings: { ...known, routed } },
      policy: heal,
      nowMs,
    })
  }

  it('switches at once, when all of it counts', () => {
    const plan = planOf({ desired: stack(trial()), observed: seen(serving), memory: { routings: routings() } })
    for (const replica of [1, 2])
      expect(isBefore(plan, `admit-replica web ${replica} (trial)`, 'split-traffic share')).toBe(true)
    expect(actionOf(plan, 'split-traffic share').body).toMatchObject({ share: 100 })
  })

  it('stands by until somebody promotes it, where it was asked to', () => {
    const plan = planOf({
      desired: stack(trial({ share: 0 })),
      observed: seen(serving),
      memory: { routings: routings() },
    })
    expect(idsOf(plan)).not.toContain('split-traffic share')
    expect(idsOf(plan)).toContain('admit-replica web 2 (trial)')
  })

  it('is promoted once its time is over, and not before', () => {
    expect(over(5999)).toMatchObject({ lookAgainAtMs: 6000 })
    expect(over(5999).trial).toBeUndefined()
    expect(over(6000).trial).toEqual({ kind: 'over' })
    expect(over(9000, { keepMs: undefined }).trial).toBeUndefined()
  })
})
