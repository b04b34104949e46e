import { z } from 'zod'
import { KEEP_SECONDS, LONGEST_KEEP_SECONDS } from '../traffic.ts'
import { RegistryAuthSchema, Seconds, ServiceName, StackName, Timestamp } from './common.ts'
import { Hold } from './hold.ts'
import { ModelSchema, Source } from './revision.ts'
import { Trial } from './trial.ts'

/**
 * `steady`: as declared. `converging`: the loop works on it. `failed`: the last run ended in an error, which `reason`
 * tells. `crash-looping`: containers of it end by themselves again and again. `blocked`: it waits for a person. `absent`: taken down; its history is kept.
 */
export const Condition = z.enum(['steady', 'converging', 'failed', 'crash-looping', 'blocked', 'absent'])

export const StackSummary = z.object({
  name: StackName,
  condition: Condition,
  reason: z.string().optional(),
  revision: z.number().int().optional(),
  services: z.number().int(),
  /** Count of containers by the Engine's state. */
  containers: z.record(z.string(), z.number().int()),
  workingDir: z.string(),
  configFiles: z.array(z.string()),
  /** Present while nothing of it is touched. */
  held: Hold.optional(),
  /** Present while a revision is on trial beside what serves. */
  trial: Trial.optional(),
  updatedAt: Timestamp,
})
export type StackSummary = z.infer<typeof StackSummary>

export const ServiceState = z.object({
  name: ServiceName,
  scale: z.number().int(),
  run: z.enum(['running', 'stopped', 'paused']),
  image: z.string(),
  /** What stands for the service on the client's machine: it has no container. */
  provider: z.string().optional(),
})

export const Stack = StackSummary.extend({
  source: Source.optional(),
  serviceStates: z.array(ServiceState),
})
export type Stack = z.infer<typeof Stack>

/** The bytes of a config or secret. A value read from a file keeps that file's mode and owner. */
export const FileContent = z.strictObject({
  kind: z.enum(['config', 'secret']),
  name: z.string(),
  base64: z.string().max(2_000_000),
  /** How Compose delivers it: a `file` is bound read-only, `inline` (environment, content) is copied in. */
  delivery: z.enum(['file', 'inline']),
  mode: z.number().int().optional(),
  uid: z.number().int().optional(),
  gid: z.number().int().optional(),
})
export type FileContent = z.infer<typeof FileContent>

export const PullPolicy = z.enum(['always', 'missing', 'never', 'build'])
export const BuildPolicy = z.enum(['missing', 'always', 'never'])

/**
 * What changed comes up beside what serves. `canary`: it gets so many percent of what is new, until somebody decides.
 * `blue-green`: all of it comes up, then gets all that is new at once (`flip`: or when somebody promotes it), and what was
 * there before is kept for so long.
 */
export const TrialOptions = z.discriminatedUnion('strategy', [
  z.strictObject({ strategy: z.literal('canary'), share: z.number().int().min(1).max(99) }),
  z.strictObject({
    strategy: z.literal('blue-green'),
    flip: z.enum(['when-ready', 'by-hand']).default('when-ready'),
    keepSeconds: z.number().int().min(1).max(LONGEST_KEEP_SECONDS).default(KEEP_SECONDS),
  }),
])
export type TrialOptions = z.infer<typeof TrialOptions>

/** The flags of `up`, in words. All are optional; the defaults are Compose's. */
export const UpOptions = z.strictObject({
  /** Only these services and, unless `dependencies` is `ignore`, what they depend on. Empty: all. */
  services: z.array(ServiceName).default([]),
  dependencies: z.enum(['include', 'ignore']).default('include'),
  /**
   * `one-off`: for a `run` of the named services. Their images, networks and volumes are made sure of, and what they
   * depend on is brought up as far as they need it; their own replicas are left as they are.
   */
  purpose: z.enum(['services', 'one-off']).default('services'),
  /** `changed`: those that differ. `force`: the named ones. `force-all`: with their dependencies. `never`: none. */
  recreate: z.enum(['changed', 'force', 'force-all', 'never']).default('changed'),
  start: z.enum(['start', 'create-only']).default('start'),
  build: BuildPolicy.default('missing'),
  pull: PullPolicy.optional(),
  scale: z.record(ServiceName, z.number().int().min(0).max(10_000)).default({}),
  orphans: z.enum(['keep', 'remove']).default('keep'),
  anonymousVolumes: z.enum(['keep', 'renew']).default('keep'),
  timeoutSeconds: Seconds.optional(),
  /** `started`: the deployment ends when all is started. `ready`: when all is healthy (or runs, without a check). */
  wait: z.enum(['started', 'ready']).default('started'),
  waitTimeoutSeconds: Seconds.optional(),
  /** A name in use from another source is taken over only on demand. */
  takeOver: z.boolean().default(false),
  trial: TrialOptions.optional(),
})
export type UpOptions = z.infer<typeof UpOptions>

/** SSH agents of the caller (protocol/ssh-loan.ts), and which of them the build of each service may use. */
export const SshLoan = z.strictObject({
  loan: z.string().max(100),
  agents: z.record(ServiceName, z.array(z.string().max(1000)).max(100)),
})
export type SshLoan = z.infer<typeof SshLoan>

/** Bound files of the client's machine, uploaded as contexts are: a folder, or a single file. */
export const Bundle = z.strictObject({ id: z.string().regex(/^[0-9a-f]{64}$/), kind: z.enum(['folder', 'file']) })
export type Bundle = z.infer<typeof Bundle>

export const UpRequest = z.strictObject({
  model: ModelSchema,
  source: Source,
  note: z.string().max(1000).optional(),
  /** Services of the file whose profile is off, so that their containers are no orphans. */
  disabledServices: z.array(ServiceName).default([]),
  files: z.array(FileContent).max(2000).default([]),
  /** By registry host. For this request only. */
  registryAuth: z.record(z.string(), RegistryAuthSchema).default({}),
  /** Build contexts that were uploaded for this request: `service`, and `service/NAME` for an additional one. */
  contexts: z.record(z.string().max(1000), z.string()).default({}),
  /** By the path that the model binds. Containers see them read-only. */
  bundles: z.record(z.string().max(4096), Bundle).default({}),
  ssh: SshLoan.optional(),
  options: UpOptions.prefault({}),
})
export type UpRequest = z.infer<typeof UpRequest>
export type UpRequestInput = z.input<typeof UpRequest>

/** A project that Docker Compose started, with the file that it is to be held against. */
export const AdoptRequest = UpRequest.omit({
  registryAuth: true,
  contexts: true,
  bundles: true,
  ssh: true,
  options: true,
}).extend({
  /** Containers that another evenkeeld made are taken only on demand. */
  takeOver: z.boolean().default(false),
})
export type AdoptRequest = z.infer<typeof AdoptRequest>

export const DownOptions = z.strictObject({
  services: z.array(ServiceName).default([]),
  volumes: z.enum(['keep', 'remove']).default('keep'),
  orphans: z.enum(['keep', 'remove']).default('keep'),
  images: z.enum(['keep', 'local', 'all']).default('keep'),
  timeoutSeconds: Seconds.optional(),
})
export type DownOptions = z.infer<typeof DownOptions>

/** The body of start, stop and restart. No services: all. */
export const ServicesRequest = z.strictObject({
  services: z.array(ServiceName).default([]),
  /** Whether what these depend on is meant as well. */
  dependencies: z.enum(['include', 'ignore']).default('ignore'),
  /** Whether services that depend on these with `restart: true` are restarted as well. */
  dependents: z.enum(['restart', 'leave']).default('restart'),
  timeoutSeconds: Seconds.optional(),
  wait: z.enum(['started', 'ready']).default('started'),
  waitTimeoutSeconds: Seconds.optional(),
})
export type ServicesRequest = z.infer<typeof ServicesRequest>

/** The body of promote and abort. */
export const TrialDecision = z.strictObject({
  timeoutSeconds: Seconds.optional(),
  wait: z.enum(['started', 'ready']).default('started'),
  waitTimeoutSeconds: Seconds.optional(),
})
export type TrialDecision = z.infer<typeof TrialDecision>

/** Going back to an earlier revision. Without one: the last other that came up in full. */
export const RollbackRequest = z.strictObject({
  revision: z.number().int().positive().optional(),
  note: z.string().max(1000).optional(),
  timeoutSeconds: Seconds.optional(),
  wait: z.enum(['started', 'ready']).default('started'),
  waitTimeoutSeconds: Seconds.optional(),
})
export type RollbackRequest = z.infer<typeof RollbackRequest>

export const ScaleRequest = z.strictObject({
  scale: z.record(ServiceName, z.number().int().min(0).max(10_000)),
  dependencies: z.enum(['include', 'ignore']).default('include'),
})
export type ScaleRequest = z.infer<typeof ScaleRequest>

/** A one-off or any other change is planned from the same request that would make it. */
export const ImageQuery = z.strictObject({ references: z.array(z.string().max(1000)).max(2000) })
export const ImageAnswer = z.object({
  images: z.record(z.string(), z.object({ id: z.string(), size: z.number() }).nullable()),
})

export const Info = z.object({
  version: z.string(),
  apiVersion: z.string(),
  instance: z.string(),
  pid: z.number().int(),
  startedAt: Timestamp,
  stateFolder: z.string(),
  stacks: z.number().int(),
  /** Present while the whole daemon is held. */
  held: Hold.optional(),
  residentBytes: z.number().int(),
  engine: z.object({
    address: z.string(),
    reachable: z.boolean(),
    version: z.string().optional(),
    apiVersion: z.string().optional(),
    detail: z.string().optional(),
    /** Known holes of these versions, a line for each. */
    warnings: z.array(z.string()),
  }),
})
export type Info = z.infer<typeof Info>

export const Version = z.object({ version: z.string(), apiVersion: z.string() })
export type Version = z.infer<typeof Version>
