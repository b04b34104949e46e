import { z } from 'zod'
import { Timestamp } from './common.ts'

export const Publisher = z.object({
  url: z.string(),
  targetPort: z.number().int(),
  publishedPort: z.number().int(),
  protocol: z.string(),
})

/** A container of a stack, as `ps` shows it. */
export const Container = z.object({
  id: z.string(),
  name: z.string(),
  stack: z.string(),
  service: z.string(),
  /** Number of the replica, from 1; 0 for a one-off (`run`) container. */
  replica: z.number().int(),
  revision: z.number().int().optional(),
  image: z.string(),
  imageId: z.string(),
  command: z.string(),
  createdAt: Timestamp,
  state: z.enum(['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead']),
  /** The Engine's words: `Up 5 minutes (healthy)`. */
  status: z.string(),
  health: z.enum(['none', 'starting', 'healthy', 'unhealthy']),
  exitCode: z.number().int().optional(),
  publishers: z.array(Publisher),
  mounts: z.array(z.string()),
  networks: z.array(z.string()),
  labels: z.record(z.string(), z.string()),
  oneOff: z.boolean(),
  /** True for a container of the stack that the present revision does not have. */
  orphan: z.boolean(),
})
export type Container = z.infer<typeof Container>
