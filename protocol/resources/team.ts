import { z } from 'zod'
import { AccessName, StackPatterns } from './access.ts'
import { Timestamp } from './common.ts'

export const TeamRequest = z.strictObject({ role: AccessName, stacks: StackPatterns.default(['*']) })
export type TeamRequest = z.infer<typeof TeamRequest>

/** Its members have its role on its stacks, besides what they have themselves. */
export const Team = z.object({
  name: AccessName,
  role: z.string(),
  stacks: z.array(z.string()),
  members: z.array(z.string()),
  createdAt: Timestamp,
  createdBy: z.string(),
})
export type Team = z.infer<typeof Team>
