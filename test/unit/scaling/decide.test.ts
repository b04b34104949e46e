import { describe, expect, test } from 'vitest'
import { decide, type Load, type Look } from '../../../daemon/scaling/decide.ts'
import type { Autoscale } from '../../../protocol/stackfile/autoscale.ts'

const POLICY: Autoscale = { min: 1, max: 6, target: { cpu: 50 }, cooldownMs: 60_000 }
const wanted = (current: number, load: Load, policy: Partial<Autoscale> = {}) =>
  decide({ ...POLICY, ...policy }, current, load, [], 0)

describe('more replicas', () => {
  test.each([
    [1, 100, 2],
    [2, 75, 3],
    [3, 90, 6],
    [4, 100, 6],
  ])('of %i at %i percent become %i', (current, cpu, replicas) =>
    expect(wanted(current, { cpu }).replicas).toBe(replicas),
  )

  test('are not had for a load near its target', () => {
    expect(wanted(3, { cpu: 54 }).replicas).toBe(3)
  })

  test('are as many as the meter needs that needs most, which is told', () => {
    const both = wanted(2, { cpu: 60, memory: 90 }, { target: { cpu: 50, memory: 30 } })
    expect(both).toMatchObject({ replicas: 6, why: 'memory 90 % of a target of 30 %' })
  })

  test('are as many as the requests of a second need', () => {
    const asked = wanted(2, { requests: 31.456 }, { target: { requests: 20 } })
    expect(asked).toMatchObject({ replicas: 4, why: 'requests 31.46/s of a target of 20/s' })
  })

  test('are not had for what is not known', () => {
    expect(wanted(2, { cpu: undefined }).replicas).toBe(2)
  })
})

test('bounds hold whatever the load is', () => {
  expect(wanted(9, { cpu: 90 }).replicas).toBe(6)
  expect(wanted(1, { cpu: 1 }, { min: 3 }).replicas).toBe(3)
})

describe('fewer replicas', () => {
  /** Looks every fifteen seconds, at what was used then. */
  function play(loads: readonly number[], current: number): number[] {
    let looks: readonly Look[] = []
    let replicas = current
    return loads.map((cpu, index) => {
      const decision = decide(POLICY, replicas, { cpu }, looks, index * 15_000)
      looks = decision.looks
      replicas = decision.replicas
      return replicas
    })
  }

  test('come once fewer were enough for the whole cooldown', () => {
    expect(play([10, 10, 10, 10, 10, 10], 4)).toEqual([4, 4, 4, 4, 1, 1])
  })

  test('are as many as the greatest need within it', () => {
    expect(play([10, 10, 30, 10, 10, 10, 10], 4)).toEqual([4, 4, 4, 4, 3, 3, 3])
  })

  test('wait for a new cooldown after there were more', () => {
    expect(play([10, 10, 10, 10, 90, 10, 10, 10, 10, 10], 4)).toEqual([4, 4, 4, 4, 6, 6, 6, 6, 6, 2])
  })

  test('are not had after the clock was set back, before it has looked long enough again', () => {
    const looks = [{ atMs: 3_600_000, wanted: 1 }]
    expect(decide(POLICY, 4, { cpu: 1 }, looks, 0)).toEqual({
      replicas: 4,
      why: 'cpu 1 % of a target of 50 %',
      looks: [{ atMs: 0, wanted: 1 }],
    })
  })

  test('look back no further than they have to', () => {
    let looks: readonly Look[] = []
    for (let at = 0; at < 1000; at += 1) looks = decide(POLICY, 1, { cpu: 50 }, looks, at * 15_000).looks
    expect(looks.length).toBeLessThanOrEqual(6)
  })
})
