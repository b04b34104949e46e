import { z } from 'zod'
import { ProblemSchema, ServiceName, StackName, Timestamp } from './common.ts'

export const DeploymentKind = z.enum([
  'up',
  'canary',
  'blue-green',
  'promote',
  'abort',
  'create',
  'down',
  'start',
  'stop',
  'restart',
  'scale',
  'pause',
  'unpause',
  'kill',
  'remove',
  'heal',
  'rollback',
  'adopt',
  'eject',
])
export type DeploymentKind = z.infer<typeof DeploymentKind>

export const DeploymentState = z.enum(['queued', 'running', 'succeeded', 'failed', 'superseded', 'cancelled'])
export type DeploymentState = z.infer<typeof DeploymentState>

export const StepState = z.enum(['waiting', 'running', 'done', 'failed', 'skipped'])
export type StepState = z.infer<typeof StepState>

/** One action of a deployment, timed. */
export const Step = z.object({
  id: z.string(),
  /** Which kind of action: `create-container`, `pull-image`, ... */
  action: z.string(),
  /** What it acts on, as a person names it: `Container shop-web-1`. */
  object: z.string(),
  /** Compose's word for what happens: `Creating`, `Started`, ... according to the state. */
  label: z.string(),
  /** The word for it while it ran, told once it has begun: who looks late says both. */
  doing: z.string().optional(),
  reason: z.string(),
  service: z.string().optional(),
  state: StepState,
  startedAt: Timestamp.optional(),
  endedAt: Timestamp.optional(),
  /** What is happening now, such as `Pulling 12 MB / 40 MB`. */
  detail: z.string().optional(),
  error: ProblemSchema.optional(),
})
export type Step = z.infer<typeof Step>

const Count = z.number().int()

/**
 * What came to a service through the ingress while a deployment was carried out, by the ingress's own counters. Requests
 * that their clients gave up are seen, and have not failed.
 */
export const ServiceTraffic = z.object({
  service: ServiceName,
  protocol: z.enum(['http', 'tcp']),
  /** HTTP: requests. TCP: connections. */
  seen: Count,
  /** HTTP: `status5xx` and `cut`. TCP: `unreached` and `cut`. */
  failed: Count,
  /** HTTP: answers with 5xx, of the service or, where that gave none, of the ingress. */
  status5xx: Count.optional(),
  /** TCP: connections that could be brought to no container. */
  unreached: Count.optional(),
  /** Ended by the container, or by an error on the way to it, before it was complete. */
  cut: Count,
  /** Further tries to connect to a container. Nothing had been sent to one. */
  retries: Count,
  /** HTTP: answers that began later than a second after their request. */
  slow: Count.optional(),
})
export type ServiceTraffic = z.infer<typeof ServiceTraffic>

/** One run towards a desired state: who asked, what it did, how it ended. */
export const Deployment = z.object({
  id: z.string(),
  stack: StackName,
  kind: DeploymentKind,
  revision: z.number().int().optional(),
  state: DeploymentState,
  requestedBy: z.string(),
  createdAt: Timestamp,
  startedAt: Timestamp.optional(),
  endedAt: Timestamp.optional(),
  warnings: z.array(z.string()),
  error: ProblemSchema.optional(),
  steps: z.array(Step),
  /** Present once it has ended, where the ingress had services of the stack meanwhile. */
  traffic: z.array(ServiceTraffic).optional(),
})
export type Deployment = z.infer<typeof Deployment>

export const CancelRequest = z.strictObject({
  /** Its id; undefined: the one that is under way, else the first that waits. */
  deployment: z.uuid().optional(),
})
export type CancelRequest = z.infer<typeof CancelRequest>

/** The answer to each request that changes a stack: it is known to the daemon, and survives its death. */
export const Accepted = z.object({
  deployment: z.string().describe('Id of the deployment; its progress is a WebSocket'),
  revision: z.number().int().optional(),
  /** False where the request is what was declared already. */
  changed: z.boolean(),
})
export type Accepted = z.infer<typeof Accepted>
