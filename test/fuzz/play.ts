/** A run of inputs from one seed; the same seed gives the same inputs. */
import fc from 'fast-check'
import { type Input, inputs } from './inputs.ts'
import { judge } from './judge.ts'
import type { Seeds } from './seeds.ts'
import { shrink } from './shrink.ts'

export interface Failure {
  readonly seed: number
  readonly broken: string
  readonly input: Input
}

export interface Played {
  readonly accepted: number
  readonly refused: number
  readonly failures: readonly Failure[]
}

const SHRINK_MS = 20_000

/** Ends at the first failure, which it makes small. */
export function play(seeds: Seeds, seed: number, count: number): Played {
  const sum = { accepted: 0, refused: 0 }
  let failed: Input | undefined
  fc.check(
    fc.property(inputs(seeds), (input) => {
      const { outcome, broken } = judge(input)
      sum[outcome] += 1
      if (broken === undefined) return true
      failed = input
      return false
    }),
    // Its own shrinking knows nothing of lines; ours comes after.
    { seed, numRuns: count, endOnFailure: true },
  )
  if (failed === undefined) return { ...sum, failures: [] }
  const rule = ruleOf(judge(failed).broken)
  const smallest = shrink(failed, (input) => ruleOf(judge(input).broken) === rule, SHRINK_MS)
  return { ...sum, failures: [{ seed, broken: judge(smallest).broken ?? rule, input: smallest }] }
}

/** The rule that is broken, without the input's own words. */
const ruleOf = (broken: string | undefined): string => (broken ?? '').slice(0, 40)
