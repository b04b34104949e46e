import { z } from 'zod'
import { Timestamp } from './common.ts'

export const Publisher = z.object({
  url: z.string(),
  targetPort: z.number().int(),
  publishedPort: z.number().int(),
  protocol: z.string(),
})

/** One thing that somebody changed past the daemon, or that means something else by now, in words for a person. */
export const DriftField = z.object({
  /** As in a Compose file, where that has a key for it: `mem_limit`. */
  field: z.string(),
  declared: z.string(),
  actual: z.string(),
})
export type DriftField = z.infer<typeof DriftField>

/** `drift: show` compares each container with what is declared, which takes an inspect of each. */
export const ContainersQuery = z.strictObject({ drift: z.enum(['show', 'omit']).default('omit') })

/** A container that has ended by itself again and again. */
export const CrashLoop = z.object({
  times: z.number().int(),
  exitCode: z.number().int(),
  outOfMemory: z.boolean(),
  /** When it ended last. */
  lastAt: Timestamp,
  /** Its last lines, as far as they could be read; none for who may not read its log. */
  lastLines: z.array(z.string()),
})
export type CrashLoop = z.infer<typeof CrashLoop>

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
  crashLoop: CrashLoop.optional(),
  drift: z.array(DriftField).optional(),
  /** True for a container of the stack that the present revision does not have. */
  orphan: z.boolean(),
})
export type Container = z.infer<typeof Container>
