import { z } from 'zod'
import { ServiceName } from './common.ts'
import { TerminalSizeSchema } from './session.ts'

/** What differs from the service. Lists of ports and volumes are in the short forms of a stack file. */
export const RunOverrides = z.strictObject({
  command: z.array(z.string()).optional(),
  entrypoint: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  labels: z.record(z.string(), z.string()).default({}),
  user: z.string().optional(),
  workingDir: z.string().optional(),
  tty: z.boolean().default(false),
  stdin: z.boolean().default(false),
  /** Beside those of the service. A relative source is none: paths are the caller's. */
  volumes: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  capAdd: z.array(z.string()).default([]),
  capDrop: z.array(z.string()).default([]),
})
export type RunOverrides = z.infer<typeof RunOverrides>

export const RunRequest = z.strictObject({
  service: ServiceName,
  /** Of the container. Default: `STACK-SERVICE-run-HASH`. */
  name: z.string().max(200).optional(),
  /** Remove it once it has ended. */
  remove: z.boolean().default(false),
  /** Whether the ports that the service publishes are published for it as well. */
  servicePorts: z.enum(['none', 'publish']).default('none'),
  /** Whether others find it by the service's name and aliases. */
  aliases: z.enum(['none', 'service']).default('none'),
  /** `later`: an `attach` session starts it. */
  start: z.enum(['now', 'later']).default('now'),
  /** Of its terminal from the start, where it has one. Engines below API 1.42 pass it over. */
  size: TerminalSizeSchema.optional(),
  overrides: RunOverrides.prefault({}),
})
export type RunRequest = z.infer<typeof RunRequest>

export const RunAnswer = z.object({ id: z.string(), name: z.string(), warnings: z.array(z.string()) })
export type RunAnswer = z.infer<typeof RunAnswer>
