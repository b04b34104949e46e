import { z } from 'zod'
import { ServiceName, Timestamp } from './common.ts'

/** A revision on trial: replicas of it beside those that serve, until somebody decides. */
export const Trial = z.object({
  strategy: z.enum(['canary', 'blue-green']),
  revision: z.number().int(),
  /** Percent of what is new that it gets once all of its replicas count. */
  share: z.number().int(),
  services: z.array(ServiceName),
  /** Services that change as well, and are as they were until the promotion. */
  waiting: z.array(ServiceName),
  begunAt: Timestamp,
  begunBy: z.string(),
  /** When it is promoted by itself. */
  promotedAt: Timestamp.optional(),
})
export type Trial = z.infer<typeof Trial>
