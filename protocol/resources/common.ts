import { z } from 'zod'

/** A stack's name, by Compose's rule for project names. */
export const StackName = z
  .string()
  .max(100)
  .regex(
    /^[a-z0-9][a-z0-9_-]*$/,
    'a stack name has lower-case letters, digits, `-` and `_`, and begins with a letter or digit',
  )
  .describe('Name of a stack (a Compose project)')

export const ServiceName = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[a-zA-Z0-9._-]+$/, 'a service name has letters, digits, `.`, `-` and `_`')

/** ISO 8601 with milliseconds, UTC. */
export const Timestamp = z.string().describe('ISO 8601, UTC')

export const Seconds = z
  .number()
  .int()
  .min(-1)
  .max(86_400 * 365)

/** Credentials for one registry; see protocol/registry-auth.ts. Used for one request and never stored. */
export const RegistryAuthSchema = z.strictObject({
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
  registrytoken: z.string().optional(),
  serveraddress: z.string(),
})

export const ProblemSchema = z.object({
  type: z.string(),
  code: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  hint: z.string().optional(),
  findings: z.array(z.any()).optional(),
  engine: z.object({ call: z.string(), status: z.number().int().optional() }).optional(),
})
