import { z } from 'zod'
import { AccessName, StackPatterns, User } from './access.ts'
import { Timestamp } from './common.ts'

/** How to write to the addressee, such as a mail address. The daemon writes to nobody: it asks for it when one comes. */
const Addressee = z.string().trim().min(3).max(254)

export const InvitationRequest = z
  .strictObject({
    /** Of the user that the addressee is to become. */
    name: AccessName,
    addressee: Addressee,
    role: AccessName.optional(),
    stacks: StackPatterns.default(['*']),
    team: AccessName.optional(),
    /** Seconds from now. There is none that does not expire. */
    expiresInSeconds: z
      .number()
      .int()
      .min(1)
      .max(31 * 86_400),
  })
  .refine(({ role, team }) => role !== undefined || team !== undefined, {
    message: 'an invitation is to a role or a team',
    path: ['role'],
  })
export type InvitationRequest = z.infer<typeof InvitationRequest>

export const Invitation = z.object({
  name: AccessName,
  addressee: z.string(),
  role: z.string().optional(),
  stacks: z.array(z.string()),
  team: z.string().optional(),
  createdAt: Timestamp,
  createdBy: z.string(),
  expiresAt: Timestamp,
})
export type Invitation = z.infer<typeof Invitation>

/** The only time that the secret is shown. */
export const InvitationCreated = Invitation.extend({ secret: z.string() })
export type InvitationCreated = z.infer<typeof InvitationCreated>

export const AcceptRequest = z.strictObject({
  addressee: Addressee,
  /** Name of the token that comes of it. Left out: the user's. */
  token: AccessName.optional(),
})
export type AcceptRequest = z.infer<typeof AcceptRequest>

/** Who one is from now on, and by which token, whose secret is shown this once. */
export const Accepted = z.object({ user: User, token: z.string(), expiresAt: Timestamp, secret: z.string() })
export type Accepted = z.infer<typeof Accepted>
