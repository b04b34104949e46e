import { describe, expect, it } from 'vitest'
import { dueAt, renewalAt, waitMs } from '../../../daemon/certificates/schedule.ts'

const DAY_MS = 24 * 3_600_000
const ninetyDays = {
  issuer: 'Lab',
  notBefore: new Date('2026-01-01T00:00:00Z'),
  notAfter: new Date(Date.parse('2026-01-01T00:00:00Z') + 90 * DAY_MS),
}
const dayOf = (date: Date): number => (date.getTime() - ninetyDays.notBefore.getTime()) / DAY_MS

describe('a certificate', () => {
  it('is renewed at two thirds of its lifetime, or up to a twentieth of it earlier', () => {
    const days = Array.from({ length: 200 }, (_, index) => dayOf(renewalAt(`h${index}.test`, ninetyDays)))
    expect(Math.max(...days)).toBeLessThanOrEqual(60)
    expect(Math.min(...days)).toBeGreaterThanOrEqual(55.5)
    expect(Math.max(...days) - Math.min(...days)).toBeGreaterThan(4)
  })

  it('is renewed at the same time however often that is asked', () => {
    expect(renewalAt('a.test', ninetyDays)).toEqual(renewalAt('a.test', ninetyDays))
  })

  it('is due at once where there is none, and not before its time after a failure', () => {
    expect(dueAt('a.test', undefined, undefined).getTime()).toBe(0)
    const nextAt = '2026-01-01T00:01:00.000Z'
    expect(dueAt('a.test', undefined, { nextAt }).toISOString()).toBe(nextAt)
    expect(dueAt('a.test', { facts: ninetyDays }, { nextAt })).toEqual(renewalAt('a.test', ninetyDays))
    const late = '2026-03-30T00:00:00.000Z'
    expect(dueAt('a.test', { facts: ninetyDays }, { nextAt: late }).toISOString()).toBe(late)
  })
})

it('keeps what an authority gave for a third of its lifetime, though the clocks say that it is old', () => {
  const givenAt = new Date(ninetyDays.notAfter.getTime() - DAY_MS)
  expect(dueAt('a.test', { facts: ninetyDays, givenAt }, undefined).getTime()).toBe(givenAt.getTime() + 30 * DAY_MS)
})

describe('the wait after failures', () => {
  it('is a minute, doubles, and is never more than twelve hours', () => {
    expect([1, 2, 3, 4].map((failures) => waitMs(failures) / 60_000)).toEqual([1, 2, 4, 8])
    expect([11, 50, 10_000].map((failures) => waitMs(failures) / 3_600_000)).toEqual([12, 12, 12])
  })

  it('is as long as the authority says, where that is longer, and a week at most', () => {
    expect(waitMs(1, 30_000)).toBe(60_000)
    expect(waitMs(1, 3_600_000)).toBe(3_600_000)
    expect(waitMs(1, 365 * DAY_MS)).toBe(7 * DAY_MS)
  })
})
