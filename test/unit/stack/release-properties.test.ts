import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DesiredService } from '../../../daemon/stack/desired.ts'
import type { ObservedContainer } from '../../../daemon/stack/observed.ts'
import { releaseNetwork, withEveryRelease } from '../../../daemon/stack/release.ts'
import type { Rollout } from '../../../daemon/stack/rollout.ts'
import { carryOut, Unfulfilled, type World } from '../support/engine-model.ts'
import { aSituation, type RandomSituation } from '../support/situations.ts'
import { aNetwork, planOf } from '../support/stack-builders.ts'

const ROLLOUT: Rollout = {
  order: 'start-first',
  why: 'the stack is released as a whole',
  isWritten: true,
  watched: true,
  parallelism: 1,
  delayMs: 0,
  monitorMs: 0,
  monitor: 'instead',
  maxFailureRatio: 0,
  failureAction: undefined,
}
const RUNS = { numRuns: 500 }
const choices = fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 40 })
const aRelease = fc.constantFrom(undefined, 1, 2, 3)
const drawn = fc.record({
  services: fc.array(fc.record({ release: aRelease, isShared: fc.boolean() }), { minLength: 4, maxLength: 4 }),
  older: fc.array(aRelease, { minLength: 12, maxLength: 12 }),
  switched: fc.constantFrom(undefined, 0, 1, 2, 3),
  leftover: aRelease,
})

/** A random situation as a stack that is released as a whole: containers of several releases, and networks that a crash left. */
const aReleasedSituation = fc
  .tuple(aSituation('settled'), drawn)
  .filter(([{ world }]) => world.observed.networks.every(({ specHash }) => specHash !== 'an older definition'))
  .map(([{ desired, world, policy }, { services, older, switched, leftover }]): RandomSituation => {
    const released = Object.values(desired.services).map((service, index): DesiredService => {
      const { isShared, release } = services[index]!
      const own = isShared ? undefined : release
      return {
        ...service,
        release: own,
        releasing: isShared ? 'shared' : 'atomic',
        releaseNetworks: service.networks,
        networks: service.networks.map((name) => releaseNetwork(name, own)),
        rollouts: { update: ROLLOUT, rollback: ROLLOUT },
      }
    })
    const byName = new Map(released.map((service) => [service.service, service]))
    const releases = [...new Set(released.flatMap(({ release }) => release ?? []))]
    const networks = desired.networks.flatMap((network) => [
      network,
      ...releases
        .filter((release) =>
          released.some((one) => one.release === release && one.releaseNetworks?.includes(network.name)),
        )
        .map((release) => ({ ...network, name: releaseNetwork(network.name, release), release })),
    ])
    const containers = world.observed.containers.map((container, index): ObservedContainer => {
      const service = byName.get(container.service)
      if (service === undefined || container.ownership === 'foreign') return container
      const fits = container.specHash === service.specHash
      const release = fits ? service.release : service.releasing === 'shared' ? undefined : older[index % older.length]
      const names = Object.keys(container.networks).map((name) => releaseNetwork(name, release))
      return { ...container, release, networks: Object.fromEntries(names.map((name) => [name, `id-of-${name}`])) }
    })
    const used = new Map(
      containers.flatMap(({ networks: own, release }) => Object.keys(own).map((name) => [name, release] as const)),
    )
    if (leftover !== undefined) used.set(releaseNetwork('shop_default', leftover), leftover)
    const there = new Set(world.observed.networks.map(({ name }) => name))
    const made = [...used]
      .filter(([name, release]) => release !== undefined && !there.has(name))
      .map(([name, release]) => aNetwork(name, { release, specHash: `${name.replace(/\.r\d+$/, '')}-spec` }))
    return {
      desired: { ...desired, services: Object.fromEntries(byName), networks },
      policy,
      world: {
        observed: { ...world.observed, containers, networks: [...world.observed.networks, ...made] },
        memory: { ...world.memory, switched },
      },
    }
  })

function planFor({ desired, policy }: RandomSituation, { observed, memory }: World) {
  return planOf({ desired: withEveryRelease(desired, observed), observed, memory, policy })
}

/** Undefined where this world lets the plan fail, which is nothing about the plan. */
function worldAfter(
  situation: RandomSituation,
  world: World,
  order: readonly number[],
  cut?: number,
): World | undefined {
  const plan = planFor(situation, world)
  const actions = cut === undefined ? plan.actions : plan.actions.slice(0, cut % (plan.actions.length + 1))
  try {
    return carryOut({ ...plan, actions }, withEveryRelease(situation.desired, world.observed), world, order)
  } catch (error) {
    if (error instanceof Unfulfilled) return undefined
    throw error
  }
}

describe('for random states of a stack that is released as a whole', () => {
  test('a few plans in a row leave nothing to do, and no network of a release that is gone', () => {
    fc.assert(
      fc.property(aReleasedSituation, choices, (situation, order) => {
        let { world } = situation
        for (let round = 0; round < 4; round += 1) {
          const next = worldAfter(situation, world, order)
          fc.pre(next !== undefined)
          world = next
        }
        const plan = planFor(situation, world)
        fc.pre(plan.blocked === undefined)
        expect(plan.actions.map(({ id }) => id)).toEqual([])
        const living = new Set(world.observed.containers.map(({ release }) => release))
        const wanted = Object.values(situation.desired.services).flatMap(({ release }) => release ?? [])
        for (const { release } of world.observed.networks)
          if (release !== undefined) expect(living.has(release) || wanted.includes(release)).toBe(true)
      }),
      RUNS,
    )
  })

  test('a plan cut short at any point is taken up by the next ones', () => {
    fc.assert(
      fc.property(aReleasedSituation, choices, fc.nat(), (situation, order, cut) => {
        let world = worldAfter(situation, situation.world, [0], cut)
        for (let round = 0; round < 4 && world !== undefined; round += 1) world = worldAfter(situation, world, order)
        fc.pre(world !== undefined)
        const plan = planFor(situation, world)
        fc.pre(plan.blocked === undefined)
        expect(plan.actions.map(({ id }) => id)).toEqual([])
      }),
      RUNS,
    )
  })

  test('what a plan lists comes after all that it waits for', () => {
    fc.assert(
      fc.property(aReleasedSituation, (situation) => {
        const seen = new Set<string>()
        for (const { id, after: before, tolerates } of planFor(situation, situation.world).actions) {
          expect(before.filter((one) => !seen.has(one))).toEqual([])
          expect(tolerates.filter((one) => !before.includes(one))).toEqual([])
          seen.add(id)
        }
      }),
      RUNS,
    )
  })
})
