import { expect, test } from 'vitest'
import { countersOf, usedBetween } from '../../../daemon/scaling/meters.ts'

const raw = (usedMs: number, machineMs: number, memory = {}) => ({
  cpu_stats: { cpu_usage: { total_usage: usedMs * 1e6 }, system_cpu_usage: machineMs * 1e6, online_cpus: 4 },
  memory_stats: { usage: 300, limit: 1000, stats: { inactive_file: 100 }, ...memory },
})
const used = (before: object, now: object, spec = {}) =>
  usedBetween(countersOf(before as never), countersOf(now as never), spec)

test('CPU is that of one core, or of the limit that the file gives', () => {
  // 4 cores for a second: 4000 ms of the machine.
  const [before, now] = [raw(1000, 100_000), raw(1500, 104_000)]
  expect(used(before, now).cpu).toBeCloseTo(50)
  expect(used(before, now, { cpus: 2 }).cpu).toBeCloseTo(25)
  expect(used(before, now, { deploy: { resources: { limits: { cpus: '0.5' } } } }).cpu).toBeCloseTo(100)
})

test('memory is without what the kernel would give back', () => {
  expect(used(raw(0, 0), raw(1, 4)).memory).toBeCloseTo(20)
})

test('of a container that began anew in between nothing is known', () => {
  expect(used(raw(1000, 100), raw(10, 200)).cpu).toBeUndefined()
  expect(used(raw(1000, 100), raw(1000, 100)).cpu).toBeUndefined()
})

test('counters that the Engine leaves out are nought', () => {
  expect(used({}, {})).toEqual({ cpu: undefined, memory: undefined })
})
