import { z } from 'zod'
import { GRANTABLE } from '../access.ts'
import { AccessName } from './access.ts'
import { Timestamp } from './common.ts'

export const RoleRequest = z.strictObject({ permissions: z.array(z.enum(GRANTABLE)).min(1).max(100) })
export type RoleRequest = z.infer<typeof RoleRequest>

/** Of the daemon itself, or made here, by permission. Those made here are always bound by the policy. */
export const RoleDefinition = z.object({
  name: AccessName,
  permissions: z.array(z.string()),
  /** Absent: it is the daemon's own, and stays as it is. */
  createdAt: Timestamp.optional(),
  createdBy: z.string().optional(),
})
export type RoleDefinition = z.infer<typeof RoleDefinition>
