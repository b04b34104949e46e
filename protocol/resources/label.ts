import { z } from 'zod'
import { StackName } from './common.ts'

/** Given to a stack by whoever rules over access, never by its file: grants reach stacks by it (`KEY=VALUE`). */
export const LabelName = z
  .string()
  .max(63)
  .regex(
    /^[a-z0-9][a-z0-9._-]*$/,
    'a label has lower-case letters, digits, `.`, `_` and `-`, and begins with a letter or digit',
  )

export const LabelRequest = z.strictObject({
  value: z
    .string()
    .max(63)
    .regex(/^[A-Za-z0-9._-]+$/, 'the value of a label has letters, digits, `.`, `_` and `-`'),
})
export type LabelRequest = z.infer<typeof LabelRequest>

export const StackLabels = z.object({ stack: StackName, labels: z.record(z.string(), z.string()) })
export type StackLabels = z.infer<typeof StackLabels>
