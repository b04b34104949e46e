import { z } from 'zod'
import { type CallerFrame, PROXIED_SIGNALS } from '../session.ts'
import { ServiceName } from './common.ts'
import { PathQuery, PutFilesQuery } from './files.ts'

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

/** First frame of a `copyOut` session: a tar of `path` comes on `stdout`, and `exit` after it. */
export const CopyOutOpen = PathQuery.extend({ type: z.literal('copy-out') })
export type CopyOutOpen = z.infer<typeof CopyOutOpen>

/** First frame of a `copyIn` session: a tar goes on `stdin`, and `exit` comes once the Engine has taken all of it. */
export const CopyInOpen = PutFilesQuery.extend({ type: z.literal('copy-in') })
export type CopyInOpen = z.infer<typeof CopyInOpen>

export const CallerFrameSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('resize'), ...TerminalSizeSchema.shape }),
  z.strictObject({ type: z.literal('signal'), signal: z.enum(PROXIED_SIGNALS) }),
  z.strictObject({ type: z.literal('stdin-end') }),
  z.strictObject({ type: z.literal('window'), bytes: z.number().int().min(1) }),
]) satisfies z.ZodType<CallerFrame>
