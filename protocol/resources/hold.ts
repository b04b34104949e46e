import { z } from 'zod'
import { StackName, Timestamp } from './common.ts'

/** Held: observed, planned and shown, and not touched. `daemon`: all of its stacks are. */
export const Hold = z.object({ scope: z.enum(['stack', 'daemon']), since: Timestamp, by: z.string() })
export type Hold = z.infer<typeof Hold>

/** All that is held. */
export const Holds = z.object({ daemon: Hold.optional(), stacks: z.record(StackName, Hold) })
export type Holds = z.infer<typeof Holds>
