/** What came from outside, as its schema has it. */
import type { z } from 'zod'
import { Problem } from '../../protocol/problems.ts'

const FINDINGS_LIMIT = 20

export function checked<T extends z.ZodType>(schema: T, value: unknown, what: string): z.output<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const findings = result.error.issues.slice(0, FINDINGS_LIMIT).map((issue) => ({
    message: issue.message,
    path: issue.path.join('.'),
  }))
  const first = findings[0]!
  throw new Problem(
    'bad-request',
    `${what} is not valid: ${first.path === '' ? '' : `${first.path}: `}${first.message}`,
    {
      findings,
    },
  )
}
