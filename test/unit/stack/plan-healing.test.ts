import { describe, expect, test } from 'vitest'
import type { DesiredService } from '../../../daemon/stack/desired.ts'
import type { ObservedContainer } from '../../../daemon/stack/observed.ts'
import type { Memory } from '../../../daemon/stack/plan-input.ts'
import {
  aContainer,
  actionOf,
  aService,
  aStack,
  asDeclared,
  idsOf,
  isChain,
  planOf,
} from '../support/stack-builders.ts'

const NOW = Date.parse('2026-01-02T03:04:05Z')
const ID = 'id-of-shop-web-1'

/** What the loop by itself does about one service `web` with one container in this state. */
function healing(
  container: Partial<ObservedContainer>,
  {
    service = {},
    memory = {},
    mode = 'heal',
  }: { service?: Partial<DesiredService>; memory?: Partial<Memory>; mode?: 'heal' | 'request' } = {},
) {
  const web = aService('web', service)
  const desired = aStack([web])
  const observed = asDeclared(desired, { containers: [aContainer(web, container)] })
  return planOf({ desired, observed, memory, policy: { mode }, nowMs: NOW })
}

const UNHEALTHY = { health: 'unhealthy' } as const
const WITH_DATA = { ...UNHEALTHY, writableMounts: ['/data'] }
const cured = (times: number, agoMs: number) => ({ cures: { 'web 1': { times, atMs: NOW - agoMs } } })

describe('a container that the Engine ends again and again by itself', () => {
  const memory = { endedByEngine: [ID] }

  test.each(['running', 'restarting'] as const)('is restarted where it is %s, and told why', (state) => {
    expect(actionOf(healing({ state }, { memory }), 'restart-container web 1')).toMatchObject({
      reason: 'the Engine ends it again and again by itself',
    })
  })

  test('is stopped and no more where that is what is wanted', () => {
    expect(idsOf(healing({}, { memory, service: { run: 'stopped' } }))).toEqual(['stop-container web 1'])
  })
})

describe('an unhealthy container', () => {
  test('is made anew, its successor before it goes, and counted', () => {
    const plan = healing(UNHEALTHY)
    expect(
      isChain(
        plan,
        'create-container web 1',
        `remove-container ${ID}`,
        'rename-container web 1',
        'start-container web 1',
      ),
    ).toBe(true)
    expect(actionOf(plan, 'create-container web 1')).toMatchObject({
      reason: 'it is unhealthy',
      body: { cure: 'unhealthy' },
    })
  })

  test('waits for the room that a successor takes which a crash left behind', () => {
    const web = aService('web')
    const desired = aStack([web])
    const name = actionOf(healing(UNHEALTHY), 'create-container web 1').body as { name: string }
    const left = aContainer(web, { id: 'left', name: name.name, state: 'created', created: 2000 })
    const observed = asDeclared(desired, { containers: [aContainer(web, UNHEALTHY), left] })
    const plan = planOf({ desired, observed, policy: { mode: 'heal' }, nowMs: NOW })
    expect(isChain(plan, 'remove-container left', 'create-container web 1', `remove-container ${ID}`)).toBe(true)
  })

  test.each(['starting', 'healthy', 'none'] as const)('is not one that is %s', (health) => {
    expect(idsOf(healing({ health }))).toEqual([])
  })

  test('is left to the person whose request it is', () => {
    expect(idsOf(healing(UNHEALTHY, { mode: 'request' }))).toEqual([])
  })

  test('is left alone where its service is paused', () => {
    expect(idsOf(healing({ ...UNHEALTHY, state: 'paused' }, { service: { run: 'paused' } }))).toEqual([])
  })

  test('is reported where it can write to a mount, with the way to have it replaced', () => {
    const plan = healing(WITH_DATA)
    expect(idsOf(plan)).toEqual([])
    expect(plan.concerns).toEqual([expect.stringContaining('it can write to /data')])
    expect(plan.concerns[0]).toContain('x-evenkeel: {unhealthy: replace}')
  })

  test('is made anew in spite of its data where the file says so', () => {
    const service = { healing: { unhealthy: 'replace', halted: 'once' } } as const
    expect(idsOf(healing(WITH_DATA, { service }))).toContain('create-container web 1')
  })

  test('is never made anew where the file says so', () => {
    const plan = healing(UNHEALTHY, { service: { healing: { unhealthy: 'report', halted: 'once' } } })
    expect(idsOf(plan)).toEqual([])
    expect(plan.concerns).toHaveLength(1)
  })

  test.each([
    [1, 10_000],
    [2, 20_000],
    [4, 80_000],
    [9, 300_000],
  ])('waits after %i tries until %i ms have passed', (times, waitMs) => {
    const early = healing(UNHEALTHY, { memory: cured(times, waitMs - 1) })
    expect(idsOf(early)).toEqual([])
    expect(early.lookAgainAtMs).toBe(NOW + 1)
    expect(early.concerns[0]).toContain(`it was made anew ${times} time(s)`)
    expect(idsOf(healing(UNHEALTHY, { memory: cured(times, waitMs) }))).toContain('create-container web 1')
  })

  test('begins anew after half an hour', () => {
    expect(idsOf(healing(UNHEALTHY, { memory: cured(20, 31 * 60_000) }))).toContain('create-container web 1')
  })

  test('does not wait for hours because the clock was set back', () => {
    expect(idsOf(healing(UNHEALTHY, { memory: cured(1, -3_600_000) }))).toContain('create-container web 1')
  })
})

describe('a container that was stopped past the daemon', () => {
  const EXITED = { state: 'exited', exitCode: 0 } as const
  const halted = (times: number) => ({ halted: { [ID]: times } })

  test.each(['no', 'always', 'unless-stopped'])('is started once with the policy %s', (restartPolicy) => {
    const plan = healing(EXITED, { service: { restartPolicy }, memory: halted(1) })
    expect(actionOf(plan, 'start-container web 1').reason).toBe('it was stopped past evenkeel')
  })

  test.each(['no', 'always', 'unless-stopped'])('is left alone the second time with the policy %s', (restartPolicy) => {
    const plan = healing(EXITED, { service: { restartPolicy }, memory: halted(2) })
    expect(idsOf(plan)).toEqual([])
    expect(plan.concerns).toEqual([expect.stringContaining('evenkeel start web')])
  })

  test('is started each time where the file says so, and never where it says that', () => {
    const always = { healing: { unhealthy: undefined, halted: 'always' } } as const
    const never = { healing: { unhealthy: undefined, halted: 'never' }, restartPolicy: 'always' } as const
    expect(idsOf(healing(EXITED, { service: always, memory: halted(9) }))).toEqual(['start-container web 1'])
    expect(idsOf(healing(EXITED, { service: never, memory: halted(1) }))).toEqual([])
  })

  test('is started by a request that names it', () => {
    expect(idsOf(healing(EXITED, { memory: halted(5), mode: 'request' }))).toEqual(['start-container web 1'])
  })
})

describe('a container that was taken off a network', () => {
  test.each(['running', 'exited', 'restarting'] as const)('is put back while it is %s', (state) => {
    const plan = healing({ state, networks: {} })
    expect(actionOf(plan, 'connect-network web 1 shop_default').body).toMatchObject({ id: ID, network: 'shop_default' })
  })

  test('is put back before it is started', () => {
    const plan = healing({ state: 'exited', networks: {} }, { service: { restartPolicy: 'always' } })
    expect(isChain(plan, 'connect-network web 1 shop_default', 'start-container web 1')).toBe(true)
  })

  test('is not, where it was made from another definition that is kept', () => {
    const plan = healing({ networks: {}, specHash: 'older' }, { service: { outdated: 'keep' } })
    expect(idsOf(plan)).toEqual([])
  })
})
