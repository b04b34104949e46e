import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fraction, HEAVIEST, weigh } from '../../../daemon/ingress/weights.ts'
import type { Split } from '../../../daemon/stack/routing.ts'

const OLD = { state: 'ready', revision: 1 } as const
const NEW = { state: 'ready', revision: 2 } as const
const split = (share: number, parts: Partial<Split> = {}): Split => ({ revision: 2, share, sinceMs: 0, ...parts })
const partOfNew = (containers: readonly (typeof OLD | typeof NEW)[], of: Split): number => {
  const weighed = weigh(containers, of).map((one, index) => ({ ...one, isNew: containers[index] === NEW }))
  const sum = (ones: typeof weighed): number =>
    ones.filter(({ state }) => state === 'ready').reduce((total, { weight }) => total + weight, 0)
  return (100 * sum(weighed.filter(({ isNew }) => isNew))) / sum(weighed)
}

describe('how traffic is divided', () => {
  it('is alike for all where nothing is on trial', () => {
    expect(weigh([OLD, NEW, { state: 'draining', revision: 1 }], undefined)).toEqual([
      { state: 'ready', weight: 1 },
      { state: 'ready', weight: 1 },
      { state: 'draining', weight: 1 },
    ])
  })

  it('gives a tenth to one of four, with the smallest weights that say it', () => {
    expect(weigh([OLD, OLD, OLD, NEW], split(10)).map(({ weight }) => weight)).toEqual([3, 3, 3, 1])
  })

  it('comes within a hundredth of the share, whatever the numbers of containers', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 20 }), (share, old) => {
        const tried = Math.max(1, Math.ceil((old * share) / 100))
        const containers = [...Array<typeof OLD>(old).fill(OLD), ...Array<typeof NEW>(tried).fill(NEW)]
        expect(Math.abs(partOfNew(containers, split(share)) - share)).toBeLessThan(0.5)
        for (const { weight } of weigh(containers, split(share))) expect(weight).toBeLessThanOrEqual(HEAVIEST)
      }),
    )
  })

  it('keeps the share while one of the others is not ready', () => {
    const [, , tried] = weigh([OLD, { ...OLD, state: 'draining' }, NEW], split(50))
    expect(tried).toEqual({ state: 'ready', weight: 1 })
  })

  it('has the one side stand by, and then the other', () => {
    expect(weigh([OLD, NEW], split(0)).map(({ state }) => state)).toEqual(['ready', 'standby'])
    expect(weigh([OLD, NEW], split(100)).map(({ state }) => state)).toEqual(['standby', 'ready'])
  })

  it('has what stands by serve where none of the others can', () => {
    expect(weigh([OLD, { ...NEW, state: 'draining' }], split(100)).map(({ state }) => state)).toEqual([
      'ready',
      'draining',
    ])
  })

  it('gives what is promoted no less than its part of the containers', () => {
    const promoted = { isPromoted: true }
    expect(partOfNew([OLD, NEW, NEW, NEW], split(10, promoted))).toBeCloseTo(75)
    expect(partOfNew([OLD, OLD, OLD, NEW], split(50, promoted))).toBeCloseTo(50)
  })

  it('knows the fraction that comes nearest within what HAProxy takes', () => {
    expect(fraction(1)).toEqual([1, 1])
    expect(fraction(1 / 99)).toEqual([1, 99])
    expect(fraction(1000)).toEqual([HEAVIEST, 1])
  })
})
