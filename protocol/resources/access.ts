import { z } from 'zod'
import { Timestamp } from './common.ts'

/** Of users, teams, roles and tokens. */
export const AccessName = z
  .string()
  .max(64)
  .regex(
    /^[a-z0-9][a-z0-9._-]*$/,
    'a name has lower-case letters, digits, `.`, `_` and `-`, and begins with a letter or digit',
  )

/** Of stack names, or of the value of a label (`KEY=VALUE`). `*` stands for any characters. */
export const StackPattern = z
  .string()
  .max(130)
  .regex(
    /^([a-z0-9_*-]+|[a-z0-9][a-z0-9._-]*=[A-Za-z0-9._*-]+)$/,
    'a pattern of names has lower-case letters, digits, `_`, `-`, and `*` for any characters; one of labels is KEY=VALUE',
  )

export const StackPatterns = z.array(StackPattern).min(1).max(100)

/** A service account has tokens alone: no certificate lets it in, it is invited nowhere, and rules over nobody. */
export const UserKind = z.enum(['person', 'service'])

export const UserRequest = z.strictObject({
  /** One that there is, or one of the daemon's own. Without one the user has what the user's teams have. */
  role: AccessName.optional(),
  stacks: StackPatterns.default(['*']),
  /** Left out: as it was, and a person at first. */
  kind: UserKind.optional(),
})
export type UserRequest = z.infer<typeof UserRequest>

export const User = z.object({
  name: AccessName,
  kind: UserKind,
  role: z.string().optional(),
  stacks: z.array(z.string()),
  /** Whose rights the user has besides. */
  teams: z.array(z.string()),
  createdAt: Timestamp,
  createdBy: z.string(),
})
export type User = z.infer<typeof User>

export const TokenRequest = z
  .strictObject({
    name: AccessName,
    /** Whose it is. It may then do at most what the user may. Without one it is a service's, and has a role of its own. */
    user: AccessName.optional(),
    role: AccessName.optional(),
    stacks: StackPatterns.optional(),
    /** Seconds from now. `null`: it does not expire. */
    expiresInSeconds: z
      .number()
      .int()
      .min(1)
      .max(10 * 366 * 86_400)
      .nullable(),
  })
  .refine(({ user, role }) => user !== undefined || role !== undefined, {
    message: 'a token of no user needs a role',
    path: ['role'],
  })
export type TokenRequest = z.infer<typeof TokenRequest>

export const Token = z.object({
  name: AccessName,
  user: z.string().optional(),
  /** Absent: as its user. */
  role: z.string().optional(),
  stacks: z.array(z.string()).optional(),
  createdAt: Timestamp,
  createdBy: z.string(),
  expiresAt: Timestamp.optional(),
  /** To the minute. */
  lastUsedAt: Timestamp.optional(),
  lastUsedFrom: z.string().optional(),
})
export type Token = z.infer<typeof Token>

/** The only time that the secret is shown. */
export const TokenCreated = Token.extend({ secret: z.string() })
export type TokenCreated = z.infer<typeof TokenCreated>

export const WhoAmI = z.object({
  name: z.string(),
  origin: z.string(),
  /** Of what lets the caller in, and of the user behind it: each list has to allow something, by any of its grants. */
  rights: z.array(z.array(z.object({ role: z.string(), stacks: z.array(z.string()) }))),
  permissions: z.array(z.string()),
  /** Whether what this caller declares is bound by the policy. */
  policy: z.enum(['bound', 'free']),
})
export type WhoAmI = z.infer<typeof WhoAmI>

export const AuditOutcome = z.enum(['done', 'refused', 'failed'])

export const AuditEntry = z.object({
  sequence: z.number().int(),
  at: Timestamp,
  /** Who. `unknown` where nobody could be made of what was shown. */
  actor: z.string(),
  /** From where: the path of a socket, or an address. */
  origin: z.string(),
  /** Name of a route, stream or session; or what the daemon itself did. */
  action: z.string(),
  object: z.string(),
  outcome: AuditOutcome,
  /** The code of the problem, where there was one. */
  code: z.string().optional(),
  /** SHA-256 over the hash before it and this entry, in hex. */
  hash: z.string(),
})
export type AuditEntry = z.infer<typeof AuditEntry>

export const AuditQuery = z.strictObject({
  actor: z.string().max(200).optional(),
  action: z.string().max(100).optional(),
  object: z.string().max(300).optional(),
  outcome: AuditOutcome.optional(),
  /** ISO 8601. */
  since: z.iso.datetime().optional(),
  until: z.iso.datetime().optional(),
  /** Entries older than this one, for the next page. */
  before: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
})
export type AuditQuery = z.infer<typeof AuditQuery>

export const AuditVerification = z.object({
  intact: z.boolean(),
  entries: z.number().int(),
  first: z.number().int().optional(),
  last: z.number().int().optional(),
  /** The hash of the newest entry: noted elsewhere, it proves later that nothing before it was changed or taken away. */
  head: z.string().optional(),
  /** The first entry that does not fit. */
  brokenAt: z.number().int().optional(),
})
export type AuditVerification = z.infer<typeof AuditVerification>
