import { z } from 'zod'
import { ROTATION_SIGNALS } from '../rotation-signals.ts'
import { Timestamp } from './common.ts'

/** Of a stack: what `secrets.X: {external: true}` means, by its `name` or key. */
export const SecretName = z
  .string()
  .max(100)
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9._-]*$/,
    'a name has letters, digits, `.`, `_` and `-`, and begins with none of the signs',
  )

export const SecretRequest = z.strictObject({
  base64: z.base64().max(1_400_000),
  /** `create`: there may be none of that name. `replace`: there must be one. */
  which: z.enum(['create', 'replace', 'either']).default('either'),
  /** What the services that use it are told once the new value is in their files. */
  afterwards: z.enum(['leave', 'restart', ...ROTATION_SIGNALS]).default('leave'),
})
export type SecretRequest = z.infer<typeof SecretRequest>

/** All that anybody is shown: the value is read by containers alone. */
export const Secret = z.object({
  name: z.string(),
  /** Counts its values. */
  version: z.number().int(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
  updatedBy: z.string(),
  /** Services of the stack as it is meant to be that it is given to. */
  usedBy: z.array(z.string()),
  /** Of these, the ones that have it as a variable: another value takes another container. */
  variableOf: z.array(z.string()),
})
export type Secret = z.infer<typeof Secret>
