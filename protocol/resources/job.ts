import { z } from 'zod'
import { ProblemSchema, RegistryAuthSchema, ServiceName, StackName, Timestamp } from './common.ts'
import { Step } from './deployment.ts'
import { ModelSchema, Source } from './revision.ts'
import { FileContent, SshLoan } from './stack.ts'

const Line = z.number().int()

/** What BuildKit finds in a Dockerfile (https://docs.docker.com/reference/build-checks/). */
export const BuildCheck = z.object({
  service: ServiceName,
  warnings: z.array(
    z.object({
      rule: z.string(),
      url: z.string(),
      detail: z.string(),
      /** Index into `sources`; absent where it is about no place. */
      source: z.number().int().optional(),
      /** Lines from 1, both ends included. */
      ranges: z.array(z.object({ start: Line, end: Line })),
    }),
  ),
  /** Why the Dockerfile cannot be built at all. */
  error: z
    .object({
      message: z.string(),
      source: z.number().int().optional(),
      ranges: z.array(z.object({ start: Line, end: Line })),
    })
    .optional(),
  sources: z.array(z.object({ file: z.string(), text: z.string() })),
})
export type BuildCheck = z.infer<typeof BuildCheck>

/** Work on a stack's images that changes no stack. It lives with the daemon, and its record for a while after its end. */
export const Job = z.object({
  id: z.string(),
  stack: StackName,
  kind: z.enum(['build', 'pull', 'push']),
  state: z.enum(['running', 'succeeded', 'failed', 'cancelled']),
  requestedBy: z.string(),
  startedAt: Timestamp,
  endedAt: Timestamp.optional(),
  warnings: z.array(z.string()),
  error: ProblemSchema.optional(),
  steps: z.array(Step),
  /** Of a build that was to check: what was found, by service. */
  checks: z.array(BuildCheck).optional(),
})
export type Job = z.infer<typeof Job>

export const JobStarted = z.object({ job: z.string().describe('Id of the job; what it does is a WebSocket') })
export type JobStarted = z.infer<typeof JobStarted>

/** Services that a job is about. Empty: all of the model. */
const Selection = {
  services: z.array(ServiceName).default([]),
  /** Whether what these depend on is meant as well. */
  dependencies: z.enum(['include', 'ignore']).default('ignore'),
}

export const BuildOptions = z.strictObject({
  ...Selection,
  /** Over those of the file, for each of the builds. `null` takes one away. */
  args: z.record(z.string(), z.string().nullable()).default({}),
  cache: z.enum(['use', 'ignore']).default('use'),
  /** `missing`: base images that the Engine has are taken as they are. */
  bases: z.enum(['missing', 'pull']).default('missing'),
  /** `check`: nothing is built; the job says what is to be said of each Dockerfile. */
  outcome: z.enum(['image', 'check']).default('image'),
  /** `push`: those with a name of their own go to their registries then. */
  images: z.enum(['keep', 'push']).default('keep'),
  /** For the containers of the classic builder; BuildKit has no such limit. */
  memoryBytes: z.number().int().positive().optional(),
  provenance: z.string().max(1000).optional(),
  sbom: z.string().max(1000).optional(),
})
export type BuildOptions = z.infer<typeof BuildOptions>

export const PullOptions = z.strictObject({
  ...Selection,
  buildable: z.enum(['pull', 'skip']).default('pull'),
  /** Over `pull_policy` of the file. */
  policy: z.enum(['missing', 'always']).optional(),
  failures: z.enum(['fail', 'ignore']).default('fail'),
})
export type PullOptions = z.infer<typeof PullOptions>

export const PushOptions = z.strictObject({
  ...Selection,
  failures: z.enum(['fail', 'ignore']).default('fail'),
})
export type PushOptions = z.infer<typeof PushOptions>

/** A model of which only what concerns images is read: `image`, `build`, `platform`, `pull_policy`, `depends_on`. */
const OfStack = {
  model: ModelSchema,
  source: Source,
  /** By registry host. For this job only. */
  registryAuth: z.record(z.string(), RegistryAuthSchema).default({}),
}

export const BuildRequest = z.strictObject({
  ...OfStack,
  /** Values of `build.secrets`, kept in memory for as long as the job runs. */
  files: z.array(FileContent).max(2000).default([]),
  /** As in a request to bring the stack up. */
  contexts: z.record(z.string().max(1000), z.string()).default({}),
  ssh: SshLoan.optional(),
  options: BuildOptions.prefault({}),
})
export type BuildRequest = z.infer<typeof BuildRequest>
export type BuildRequestInput = z.input<typeof BuildRequest>

export const PullRequest = z.strictObject({ ...OfStack, options: PullOptions.prefault({}) })
export type PullRequest = z.infer<typeof PullRequest>

export const PushRequest = z.strictObject({ ...OfStack, options: PushOptions.prefault({}) })
export type PushRequest = z.infer<typeof PushRequest>
