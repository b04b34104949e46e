import { expect } from 'vitest'
import { Problem } from '../../../protocol/problems.ts'

/** The Problem that the work rejects with; anything else fails the test. */
export async function problemOf(work: Promise<unknown>): Promise<Problem> {
  const error = await work.then(
    (value) => new Error(`it did not fail, but gave ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  )
  if (!(error instanceof Problem)) expect.fail(`not a Problem: ${error instanceof Error ? error.stack : String(error)}`)
  return error
}
