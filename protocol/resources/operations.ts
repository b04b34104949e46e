/** What is done to the containers that a stack has, and what is read of them. */
import { z } from 'zod'
import { LONGEST_PAUSE_SECONDS } from '../traffic.ts'
import { ServiceName, Timestamp } from './common.ts'

const Services = z.array(ServiceName).default([])

/** The Engine decides whether there is such a signal: the set is its machine's. */
const Signal = z.string().regex(/^[A-Za-z0-9+-]{1,20}$/, 'a signal is a name such as SIGHUP or a number')

/** No services: all that the stack has. */
export const KillOptions = z.strictObject({
  services: Services,
  signal: Signal.default('SIGKILL'),
  /** `kill`: containers of the project that belong to no service of the stack get the signal too. */
  orphans: z.enum(['leave', 'kill']).default('leave'),
})
export type KillOptions = z.infer<typeof KillOptions>

/** The body of pause and unpause. */
export const PauseOptions = z.strictObject({ services: Services })
export type PauseOptions = z.infer<typeof PauseOptions>

/** No services: all that the ingress has of the stack. */
export const TrafficPauseRequest = z.strictObject({
  services: Services,
  /** After which it goes on by itself. */
  seconds: z.number().int().min(1).max(LONGEST_PAUSE_SECONDS).default(30),
})
export type TrafficPauseRequest = z.infer<typeof TrafficPauseRequest>

export const TrafficPause = z.object({ services: z.array(ServiceName), until: Timestamp })
export type TrafficPause = z.infer<typeof TrafficPause>

export const TrafficResumed = z.object({ services: z.array(ServiceName).describe('Those whose traffic had waited') })
export type TrafficResumed = z.infer<typeof TrafficResumed>

export const RemoveOptions = z.strictObject({
  services: Services,
  /** Ids: what was shown to whoever asked, so that no other one goes. */
  containers: z.array(z.string().regex(/^[0-9a-f]{64}$/, 'the id of a container has 64 hex digits')).max(20_000),
  anonymousVolumes: z.enum(['keep', 'remove']).default('keep'),
})
export type RemoveOptions = z.infer<typeof RemoveOptions>

/** One container of a service; without index the first that runs. */
const Index = z.coerce.number().int().min(0).max(10_000).default(0)

/** A query that names services, separated by commas. None: all. */
export const ServicesQuery = z.strictObject({
  services: z
    .string()
    .max(100_000)
    .default('')
    .transform((text) => text.split(',').filter((name) => name !== '')),
})

export const ContainerQuery = z.strictObject({ service: ServiceName, index: Index })

export const CommitRequest = z.strictObject({
  service: ServiceName,
  index: Index,
  /** `REPOSITORY[:TAG]`; without it the image has only an id. */
  reference: z.string().min(1).max(1000).optional(),
  author: z.string().max(1000).optional(),
  message: z.string().max(10_000).optional(),
  /** Dockerfile instructions, such as `ENV A=1`. */
  changes: z.array(z.string().max(10_000)).max(200).default([]),
  /** `pause`: the container rests while its files are read. */
  during: z.enum(['pause', 'run']).default('pause'),
})
export type CommitRequest = z.infer<typeof CommitRequest>

export const Committed = z.object({ container: z.string(), id: z.string() })

/** The processes of a container that runs, as `ps` on its machine names their columns. */
export const ContainerProcesses = z.object({
  container: z.string(),
  service: z.string(),
  replica: z.number().int(),
  titles: z.array(z.string()),
  processes: z.array(z.array(z.string())),
})
export type ContainerProcesses = z.infer<typeof ContainerProcesses>

/** The image that a container was made from. Empty repository and tag: it has no name. */
export const ContainerImage = z.object({
  container: z.string(),
  service: z.string(),
  id: z.string(),
  repository: z.string(),
  tag: z.string(),
  platform: z.string(),
  sizeBytes: z.number(),
  createdAt: Timestamp.optional(),
  lastTagTime: Timestamp.optional(),
})
export type ContainerImage = z.infer<typeof ContainerImage>

/** A volume that carries the stack's label. */
export const StackVolume = z.object({
  name: z.string(),
  driver: z.string(),
  scope: z.string(),
  mountpoint: z.string(),
  labels: z.record(z.string(), z.string()),
})
export type StackVolume = z.infer<typeof StackVolume>
