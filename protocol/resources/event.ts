import { z } from 'zod'
import { Timestamp } from './common.ts'

/** Something that happened to a stack: by us (`deployment.started`) or seen on the Engine (`container.die`). */
export const StackEvent = z.object({
  /** Grows by one with each event of this daemon; a follower resumes after it. */
  sequence: z.number().int(),
  at: Timestamp,
  stack: z.string(),
  type: z.string(),
  service: z.string().optional(),
  container: z.string().optional(),
  message: z.string(),
  attributes: z.record(z.string(), z.string()),
})
export type StackEvent = z.infer<typeof StackEvent>
