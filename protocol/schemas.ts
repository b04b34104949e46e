/** Binds bodies, queries and answers to the names of the route table. Loaded by the server; the client uses the types alone. */
import { z } from 'zod'
import {
  AuditEntry,
  AuditQuery,
  AuditVerification,
  Token,
  TokenCreated,
  TokenRequest,
  User,
  UserRequest,
  WhoAmI,
} from './resources/access.ts'
import { Certificate, CertificateRequest } from './resources/certificate.ts'
import { Container, ContainersQuery } from './resources/container.ts'
import { Accepted, CancelRequest, Deployment } from './resources/deployment.ts'
import { PathAnswer, PathQuery, PutFilesQuery } from './resources/files.ts'
import { Collected, CollectRequest, Garbage, GarbageQuery } from './resources/garbage.ts'
import { Hold, Holds } from './resources/hold.ts'
import {
  AcceptRequest,
  Invitation,
  InvitationCreated,
  InvitationRequest,
  Accepted as Joined,
} from './resources/invitation.ts'
import { BuildRequest, Job, JobStarted, PullRequest, PushRequest } from './resources/job.ts'
import { LabelRequest, StackLabels } from './resources/label.ts'
import { ResolvedName } from './resources/name.ts'
import {
  CommitRequest,
  Committed,
  ContainerImage,
  ContainerProcesses,
  ContainerQuery,
  KillOptions,
  PauseOptions,
  RemoveOptions,
  ServicesQuery,
  StackVolume,
  TrafficPause,
  TrafficPauseRequest,
  TrafficResumed,
} from './resources/operations.ts'
import { Plan } from './resources/plan.ts'
import { ModelSchema, Revision } from './resources/revision.ts'
import { RoleDefinition, RoleRequest } from './resources/role.ts'
import { RunAnswer, RunRequest } from './resources/run.ts'
import { Secret, SecretRequest } from './resources/secret.ts'
import {
  AdoptRequest,
  DownOptions,
  ImageAnswer,
  ImageQuery,
  Info,
  RollbackRequest,
  ScaleRequest,
  ServicesRequest,
  Stack,
  StackSummary,
  TrialDecision,
  UpRequest,
  Version,
} from './resources/stack.ts'
import { Team, TeamRequest } from './resources/team.ts'
import { Trial } from './resources/trial.ts'
import { Volume, VolumeImport, VolumeImportOptions } from './resources/volume.ts'
import type { RouteName } from './routes.ts'

/** Answers when the deployment has ended, or after so long: short ones need no stream. */
const Wait = z.strictObject({ waitMs: z.coerce.number().int().min(0).max(30_000).default(0) })

interface RouteSchemas {
  readonly body?: z.ZodType
  readonly query?: z.ZodType
  readonly answer: z.ZodType
  readonly status?: number
  /** Bytes of this media type instead of JSON. */
  readonly media?: string
}

const Nothing = z.strictObject({})
const Removed = z.object({ volume: z.string() })

const ContainersAnswer = z.object({
  containers: z.array(Container),
  held: Hold.optional(),
  trial: Trial.optional(),
  /** What of the stack is not as it is to be and shows on no container, in words. */
  concerns: z.array(z.string()).optional(),
})

const Page = z.strictObject({ limit: z.coerce.number().int().min(1).max(1000).default(100) })

/** `revision`: only those that led to it. */
const DeploymentsQuery = Page.extend({ revision: z.coerce.number().int().min(1).optional() })

export const SCHEMAS = {
  version: { answer: Version },
  info: { answer: Info },
  stacks: { answer: z.object({ stacks: z.array(StackSummary) }) },
  stack: { answer: Stack },
  up: { body: UpRequest, answer: Accepted, status: 202 },
  plan: { body: UpRequest, answer: Plan },
  drift: { answer: Plan },
  down: { body: DownOptions, answer: Accepted, status: 202 },
  start: { body: ServicesRequest, answer: Accepted, status: 202 },
  stop: { body: ServicesRequest, answer: Accepted, status: 202 },
  restart: { body: ServicesRequest, answer: Accepted, status: 202 },
  scale: { body: ScaleRequest, answer: Accepted, status: 202 },
  rollback: { body: RollbackRequest, answer: Accepted, status: 202 },
  promote: { body: TrialDecision, answer: Accepted, status: 202 },
  cancel: { body: CancelRequest, answer: Accepted, status: 202 },
  abort: { body: TrialDecision, answer: Accepted, status: 202 },
  planRollback: { body: RollbackRequest, answer: Plan },
  kill: { body: KillOptions, answer: Accepted, status: 202 },
  pause: { body: PauseOptions, answer: Accepted, status: 202 },
  unpause: { body: PauseOptions, answer: Accepted, status: 202 },
  pauseTraffic: { body: TrafficPauseRequest, answer: TrafficPause },
  resumeTraffic: { body: PauseOptions, answer: TrafficResumed },
  remove: { body: RemoveOptions, answer: Accepted, status: 202 },
  top: { query: ServicesQuery, answer: z.object({ containers: z.array(ContainerProcesses) }) },
  stackImages: { query: ServicesQuery, answer: z.object({ images: z.array(ContainerImage) }) },
  garbage: { query: GarbageQuery, answer: Garbage },
  collectGarbage: { body: CollectRequest, answer: Collected },
  pruneImages: { body: Nothing, answer: z.object({ removed: z.array(z.string()) }) },
  stackVolumes: { query: ServicesQuery, answer: z.object({ volumes: z.array(StackVolume) }) },
  export: { query: ContainerQuery, answer: z.string(), media: 'application/x-tar' },
  commit: { body: CommitRequest, answer: Committed },
  hold: { answer: Holds },
  resume: { answer: Holds },
  holdAll: { answer: Holds },
  resumeAll: { answer: Holds },
  adopt: { body: AdoptRequest, answer: Accepted, status: 202 },
  planAdopted: { body: AdoptRequest, answer: Plan },
  eject: { body: Nothing, answer: Accepted, status: 202 },
  model: { answer: ModelSchema },
  containers: { query: ContainersQuery, answer: ContainersAnswer },
  secrets: { answer: z.object({ secrets: z.array(Secret) }) },
  putSecret: { body: SecretRequest, answer: z.object({ secret: Secret, deployment: z.string().optional() }) },
  removeSecret: { answer: z.object({ secret: z.string() }) },
  certificates: { answer: z.object({ certificates: z.array(Certificate) }) },
  putCertificate: { body: CertificateRequest, answer: Certificate },
  removeCertificate: { answer: z.object({ host: z.string() }) },
  names: { answer: z.object({ names: z.array(ResolvedName) }) },
  revisions: { query: Page, answer: z.object({ revisions: z.array(Revision) }) },
  revision: { answer: Revision },
  deployments: { query: DeploymentsQuery, answer: z.object({ deployments: z.array(Deployment) }) },
  deployment: { query: Wait, answer: Deployment },
  images: { body: ImageQuery, answer: ImageAnswer },
  hasContext: { answer: z.object({ id: z.string(), present: z.boolean(), receivedBytes: z.number().int() }) },
  putContext: {
    query: z.strictObject({ offset: z.coerce.number().int().min(0).default(0) }),
    answer: z.object({ id: z.string(), bytes: z.number().int() }),
  },
  hasBundle: { answer: z.object({ id: z.string(), present: z.boolean() }) },
  build: { body: BuildRequest, answer: JobStarted, status: 202 },
  pull: { body: PullRequest, answer: JobStarted, status: 202 },
  push: { body: PushRequest, answer: JobStarted, status: 202 },
  job: { answer: Job },
  cancelJob: { answer: Job },
  run: { body: RunRequest, answer: RunAnswer },
  lookAtPath: { query: PathQuery, answer: PathAnswer },
  getFiles: { query: PathQuery, answer: z.any(), media: 'application/x-tar' },
  putFiles: { query: PutFilesQuery, answer: PathAnswer },
  volumes: {
    query: z.strictObject({ stack: z.string().max(100).optional() }),
    answer: z.object({ volumes: z.array(Volume) }),
  },
  volume: { answer: Volume },
  removeVolume: { answer: Removed },
  protectVolume: { answer: Volume },
  unprotectVolume: { answer: Volume },
  exportVolume: { answer: z.any(), media: 'application/x-tar' },
  importVolume: { query: VolumeImportOptions, answer: VolumeImport },
  backup: { answer: z.any(), media: 'application/x-tar' },
  whoami: { answer: WhoAmI },
  users: { answer: z.object({ users: z.array(User) }) },
  putUser: { body: UserRequest, answer: User },
  removeUser: { answer: z.object({ user: z.string() }) },
  tokens: { answer: z.object({ tokens: z.array(Token) }) },
  createToken: { body: TokenRequest, answer: TokenCreated },
  removeToken: { answer: z.object({ token: z.string() }) },
  roles: { answer: z.object({ roles: z.array(RoleDefinition) }) },
  putRole: { body: RoleRequest, answer: RoleDefinition },
  removeRole: { answer: z.object({ role: z.string() }) },
  labels: { answer: StackLabels },
  putLabel: { body: LabelRequest, answer: StackLabels },
  removeLabel: { answer: StackLabels },
  teams: { answer: z.object({ teams: z.array(Team) }) },
  putTeam: { body: TeamRequest, answer: Team },
  removeTeam: { answer: z.object({ team: z.string() }) },
  joinTeam: { answer: Team },
  leaveTeam: { answer: Team },
  invitations: { answer: z.object({ invitations: z.array(Invitation) }) },
  createInvitation: { body: InvitationRequest, answer: InvitationCreated },
  removeInvitation: { answer: z.object({ user: z.string() }) },
  acceptInvitation: { body: AcceptRequest, answer: Joined },
  audit: { query: AuditQuery, answer: z.object({ entries: z.array(AuditEntry) }) },
  verifyAudit: { answer: AuditVerification },
  openapi: { answer: z.any() },
} as const satisfies Record<RouteName, RouteSchemas>

type Schemas = typeof SCHEMAS
/** What a caller sends: defaults may be left out. */
export type BodyOf<R extends RouteName> = Schemas[R] extends { body: infer B extends z.ZodType }
  ? z.input<B>
  : undefined
export type QueryOf<R extends RouteName> = Schemas[R] extends { query: infer Q extends z.ZodType }
  ? z.input<Q>
  : undefined
export type AnswerOf<R extends RouteName> = z.output<Schemas[R]['answer']>
