import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { StackPlan } from '../../../daemon/stack/actions.ts'
import { carryOut, Unfulfilled, type World } from '../support/engine-model.ts'
import { aSituation, type RandomSituation } from '../support/situations.ts'
import { planOf } from '../support/stack-builders.ts'

const RUNS = { numRuns: 500 }
const choices = fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 40 })

const planFor = ({ desired, policy }: RandomSituation, { observed, memory }: World): StackPlan =>
  planOf({ desired, observed, memory, policy })

/** Undefined where this world lets the plan fail, which is nothing about the plan. */
function worldAfter(situation: RandomSituation, plan: StackPlan, world: World, order: readonly number[]) {
  try {
    return carryOut(plan, situation.desired, world, order)
  } catch (error) {
    if (error instanceof Unfulfilled) return undefined
    throw error
  }
}

const asks = (plan: StackPlan): string[] => plan.actions.map((action) => action.id)

describe('for random desired and observed states', () => {
  test('a plan that was carried out, in whatever order it allows, leaves nothing to do', () => {
    fc.assert(
      fc.property(aSituation('settled'), choices, (situation, order) => {
        const after = worldAfter(situation, planFor(situation, situation.world), situation.world, order)
        fc.pre(after !== undefined)
        expect(asks(planFor(situation, after))).toEqual([])
      }),
      RUNS,
    )
  })

  test('a few plans in a row leave nothing to do, also where a pause or a restart takes more than one', () => {
    fc.assert(
      fc.property(aSituation('any'), choices, (situation, order) => {
        let { world } = situation
        for (let round = 0; round < 4; round += 1) {
          const after = worldAfter(situation, planFor(situation, world), world, order)
          fc.pre(after !== undefined)
          world = after
        }
        expect(asks(planFor(situation, world))).toEqual([])
      }),
      RUNS,
    )
  })

  test('a plan cut short at any point is taken up by the next one', () => {
    fc.assert(
      fc.property(aSituation('settled'), choices, fc.nat(), (situation, order, at) => {
        const plan = planFor(situation, situation.world)
        const cut = plan.actions.slice(0, at % (plan.actions.length + 1))
        const crashed = worldAfter(situation, { ...plan, actions: cut }, situation.world, [0])
        fc.pre(crashed !== undefined)
        let world = crashed
        for (let round = 0; round < 2; round += 1) {
          const after = worldAfter(situation, planFor(situation, world), world, order)
          fc.pre(after !== undefined)
          world = after
        }
        expect(asks(planFor(situation, world))).toEqual([])
      }),
      RUNS,
    )
  })

  test('what a stack is taken down to stays down', () => {
    fc.assert(
      fc.property(aSituation('any'), choices, fc.boolean(), (situation, order, withVolumes) => {
        const down = { ...situation, desired: { ...situation.desired, presence: 'absent' as const } }
        const removal = { volumes: withVolumes ? 'remove' : 'keep', orphans: 'keep', images: [] } as const
        const { observed, memory } = situation.world
        const plan = planOf({ desired: down.desired, observed, memory, policy: situation.policy, removal })
        const after = carryOut(plan, down.desired, situation.world, order)
        expect(after.observed.containers.filter((container) => container.ownership === 'ours')).toEqual([])
        expect(after.observed.networks.filter((network) => network.ownership === 'ours')).toEqual([])
        expect(after.observed.volumes).toEqual(withVolumes ? [] : observed.volumes)
        expect(asks(planFor(down, after))).toEqual([])
      }),
      RUNS,
    )
  })

  test('no plan touches what is not ours unless that was asked for', () => {
    fc.assert(
      fc.property(aSituation('any'), fc.constantFrom('present', 'absent'), (situation, presence) => {
        const { observed, memory } = situation.world
        const desired = { ...situation.desired, presence } as const
        const foreign = new Set(
          [
            ...observed.containers.filter((container) => container.ownership === 'foreign'),
            ...observed.networks.filter((network) => network.ownership === 'foreign'),
          ].map((object) => object.id),
        )
        const plan = planOf({ desired, observed, memory, policy: situation.policy })
        const touched = plan.actions.filter(({ body }) => 'id' in body && body.id !== undefined && foreign.has(body.id))
        expect(touched).toEqual([])
      }),
      RUNS,
    )
  })

  test('no plan removes a volume unless that was asked for', () => {
    fc.assert(
      fc.property(aSituation('any'), fc.constantFrom('present', 'absent'), (situation, presence) => {
        const { observed, memory } = situation.world
        const desired = { ...situation.desired, presence } as const
        const { actions } = planOf({ desired, observed, memory, policy: situation.policy })
        expect(actions.filter((action) => action.body.kind === 'remove-volume')).toEqual([])
      }),
      RUNS,
    )
  })

  test('actions are listed once each, after all that they wait for, which is in the plan', () => {
    fc.assert(
      fc.property(aSituation('any'), (situation) => {
        const seen = new Set<string>()
        for (const action of planFor(situation, situation.world).actions) {
          expect(seen.has(action.id)).toBe(false)
          expect(action.after.filter((id) => !seen.has(id))).toEqual([])
          expect(action.tolerates.filter((id) => !action.after.includes(id))).toEqual([])
          seen.add(action.id)
        }
      }),
      RUNS,
    )
  })

  test('the same situation gives the same plan', () => {
    fc.assert(
      fc.property(aSituation('any'), (situation) => {
        expect(planFor(situation, situation.world)).toEqual(planFor(situation, situation.world))
      }),
      { numRuns: 100 },
    )
  })

  test('a stack that is blocked has nothing begun', () => {
    fc.assert(
      fc.property(aSituation('any'), (situation) => {
        const plan = planFor(situation, situation.world)
        fc.pre(plan.blocked !== undefined)
        expect(plan.actions).toEqual([])
      }),
      { numRuns: 50 },
    )
  })
})
