import { describe, expect, it } from 'vitest'
import { play } from '../../fuzz/play.ts'
import { readSeeds } from '../../fuzz/seeds.ts'

/** `npm run fuzz` plays more. */
const INPUTS = 1_500

describe('any input', () => {
  it('is accepted as a model that loads again, or refused with a place, and never anything else', () => {
    const { accepted, refused, failures } = play(readSeeds(), 3, INPUTS)
    expect(failures).toEqual([])
    expect(accepted + refused).toBe(INPUTS)
    // Neither half is for show.
    expect(Math.min(accepted, refused)).toBeGreaterThan(INPUTS / 20)
  }, 60_000)
})
