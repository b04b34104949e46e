import { z } from 'zod'
import { type CallerFrame, PROXIED_SIGNALS } from '../session.ts'
import { ServiceName } from './common.ts'
import { ContainerPath, PutFilesQuery } from './files.ts'

const Side = z.number().int().min(1).max(65_535)
export const TerminalSizeSchema = z.object({ rows: Side, columns: Side })

/** First frame of an `exec` session. */
export const ExecOpen = z.strictObject({
  type: z.literal('exec'),
  service: ServiceName,
  /** Which replica. Default: the one with the lowest number that runs. */
  index: z.number().int().min(1).optional(),
  command: z.array(z.string()).min(1),
  /** `NAME=VALUE`. */
  environment: z.array(z.string()).default([]),
  user: z.string().optional(),
  workingDir: z.string().optional(),
  privileged: z.boolean().default(false),
  /** The session ends at once; the command goes on. */
  detach: z.boolean().default(false),
  tty: z.boolean().default(false),
  stdin: z.boolean().default(false),
  size: TerminalSizeSchema.optional(),
  /** Keys that the terminal driver of the Engine is to swallow as well, such as `ctrl-p,ctrl-q`. */
  detachKeys: z.string().optional(),
})
export type ExecOpen = z.infer<typeof ExecOpen>

/** First frame of an `attach` session: to a service's container, or to the one-off container that `run` made. */
export const AttachOpen = z.strictObject({
  type: z.literal('attach'),
  target: z.union([
    z.strictObject({ service: ServiceName, index: z.number().int().min(1).optional() }),
    z.strictObject({ container: z.string() }),
  ]),
  /** Start it once attached, so that nothing of its output is missed. */
  start: z.boolean().default(false),
  stdin: z.boolean().default(true),
  size: TerminalSizeSchema.optional(),
  detachKeys: z.string().optional(),
})
export type AttachOpen = z.infer<typeof AttachOpen>

/** The containers of a service, whether they run or not, those of `run` among them if `all`; or one of the stack. */
const CopyTarget = z.union([
  z.strictObject({ service: ServiceName, index: z.number().int().min(1).optional(), all: z.boolean().default(false) }),
  z.strictObject({ container: z.string() }),
])
export type CopyTarget = z.infer<typeof CopyTarget>

/**
 * First frame of a `copyOut` session, from the first container of the target. What `path` is comes with `started`, a tar of
 * it on `stdout`, and `exit` after it.
 */
export const CopyOutOpen = z.strictObject({
  type: z.literal('copy-out'),
  target: CopyTarget,
  path: ContainerPath,
  /** `follow`: where `path` is a link, the tar is of what it leads to. */
  links: z.enum(['keep', 'follow']).default('keep'),
})
export type CopyOutOpen = z.infer<typeof CopyOutOpen>

/**
 * First frame of a `copyIn` session, to the first container of the target. What `path` is, or what the link there leads to,
 * comes with `started`; the caller then says which folder its tar is for (`into`), and sends it on `stdin`. `exit` comes
 * once the Engine has taken all of it.
 */
export const CopyInOpen = z.strictObject({
  type: z.literal('copy-in'),
  target: CopyTarget,
  path: ContainerPath,
  owners: PutFilesQuery.shape.owners,
})
export type CopyInOpen = z.infer<typeof CopyInOpen>

export const CallerFrameSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('resize'), ...TerminalSizeSchema.shape }),
  z.strictObject({ type: z.literal('signal'), signal: z.enum(PROXIED_SIGNALS) }),
  z.strictObject({ type: z.literal('stdin-end') }),
  z.strictObject({ type: z.literal('into'), path: ContainerPath }),
  z.strictObject({ type: z.literal('window'), bytes: z.number().int().min(1) }),
]) satisfies z.ZodType<CallerFrame>
