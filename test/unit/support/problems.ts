/** Catches what code throws on purpose, so that a test can speak of its code, words and hint. */
import { Problem } from '../../../protocol/problems.ts'

export function problemOf(work: () => unknown): Problem {
  try {
    work()
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

export async function rejectionOf(work: Promise<unknown>): Promise<Problem> {
  return work.then(
    () => {
      throw new Error('nothing was thrown')
    },
    (error: unknown) => {
      if (error instanceof Problem) return error
      throw error
    },
  )
}
