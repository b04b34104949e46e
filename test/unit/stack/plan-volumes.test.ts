import { describe, expect, test } from 'vitest'
import { problemOf } from '../support/problems.ts'
import {
  actionOf,
  aNetwork,
  aService,
  aStack,
  asDeclared,
  aVolume,
  idsOf,
  NOTHING,
  planOf,
} from '../support/stack-builders.ts'

const db = aService('db', { volumes: ['shop_data'] })
const desired = aStack([db])
const withoutVolume = asDeclared(desired, { volumes: [] })

describe('a named volume that is missing', () => {
  test('is made', () => {
    expect(actionOf(planOf({ desired }), 'create-volume shop_data')).toMatchObject({
      effect: 'create',
      reason: 'it is not there',
    })
  })

  test('is not made while no service that is wanted uses it', () => {
    const removed = aStack([aService('db', { volumes: ['shop_data'], run: 'removed' })])
    expect(idsOf(planOf({ desired: removed }))).toEqual([])
  })

  test('and external is refused, with what to do', () => {
    const external = aStack([db], { volumes: [{ key: 'data', name: 'shop_data', external: true, specHash: '' }] })
    expect(problemOf(() => planOf({ desired: external }))).toMatchObject({
      code: 'conflict',
      message: 'volume shop_data declared as external, but could not be found',
    })
  })
})

describe('a named volume that was there once and is gone', () => {
  const memory = { volumes: ['shop_data'] }

  test('blocks the loop: it is never silently made again', () => {
    const plan = planOf({ desired, observed: withoutVolume, memory, policy: { mode: 'heal' } })
    expect(plan.blocked).toMatchObject({ reason: 'volume shop_data existed and is gone' })
  })

  test('holds back everything else the loop would do', () => {
    const both = aStack([db, aService('web')])
    const plan = planOf({
      desired: both,
      observed: { ...NOTHING, networks: [aNetwork()] },
      memory,
      policy: { mode: 'heal' },
    })
    expect(idsOf(plan)).toEqual([])
  })

  test('is made on request, with a warning', () => {
    const plan = planOf({ desired, observed: withoutVolume, memory })
    expect(idsOf(plan)).toEqual(['create-volume shop_data'])
    expect(plan.warnings).toEqual(['volume shop_data existed and is gone: an empty one is made'])
  })
})

describe('a named volume that is there', () => {
  const planWith = (parts: Parameters<typeof aVolume>[1]) =>
    planOf({ desired, observed: asDeclared(desired, { volumes: [aVolume('shop_data', parts)] }) })

  test('is never dropped because its definition changed: the stack is blocked, with what to do', () => {
    const plan = planWith({ specHash: 'an older definition' })
    expect(idsOf(plan)).toEqual([])
    expect(plan.blocked?.reason).toContain('the definition of volume shop_data changed')
    expect(plan.blocked?.hint).toContain('evenkeel volume export shop_data')
  })

  test('and was made by Compose for this project is taken over without a word', () => {
    expect(planWith({ ownership: 'foreign', specHash: undefined })).toMatchObject({ actions: [], warnings: [] })
  })

  test('and was made for something else is used, with a word', () => {
    const plan = planWith({ ownership: 'foreign', project: undefined, key: undefined, specHash: undefined })
    expect(idsOf(plan)).toEqual([])
    expect(plan.warnings[0]).toContain('volume shop_data exists and was not made for this stack')
  })

  test('and belongs to another stack is refused by that name: its data is not this stack’s to mount', () => {
    const others = { ownership: 'foreign', project: 'shop_eu', key: undefined, specHash: undefined } as const
    expect(problemOf(() => planWith(others))).toMatchObject({
      code: 'conflict',
      message: 'volume shop_data belongs to stack shop_eu',
      hint: expect.stringContaining('external: true'),
    })
  })

  test('and belongs to another stack is used where the file says that it is external', () => {
    const external = aStack([db], { volumes: [{ key: 'data', name: 'shop_data', external: true, specHash: '' }] })
    const volumes = [aVolume('shop_data', { ownership: 'foreign', project: 'shop_eu', key: undefined })]
    expect(planOf({ desired: external, observed: asDeclared(external, { volumes }) })).toMatchObject({ actions: [] })
  })

  test('and external is left as it is, without a word', () => {
    const external = aStack([db], { volumes: [{ key: 'data', name: 'shop_data', external: true, specHash: '' }] })
    const volumes = [aVolume('shop_data', { ownership: 'foreign', key: undefined, specHash: undefined })]
    const plan = planOf({ desired: external, observed: asDeclared(external, { volumes }) })
    expect(plan).toMatchObject({ actions: [], warnings: [] })
  })
})
