/** The API over HTTP: routes from the table, bodies checked by their schemas, errors as problem details. */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Permission } from '../../protocol/access.ts'
import { Problem } from '../../protocol/problems.ts'
import { redactedJson } from '../../protocol/redacted-json.ts'
import type { CancelRequest } from '../../protocol/resources/deployment.ts'
import type { PathQuery, PutFilesQuery } from '../../protocol/resources/files.ts'
import type { CollectRequest } from '../../protocol/resources/garbage.ts'
import type { Holds } from '../../protocol/resources/hold.ts'
import type { BuildRequest, PullRequest, PushRequest } from '../../protocol/resources/job.ts'
import type {
  CommitRequest,
  KillOptions,
  PauseOptions,
  RemoveOptions,
  TrafficPauseRequest,
} from '../../protocol/resources/operations.ts'
import type { RunRequest } from '../../protocol/resources/run.ts'
import { SecretName, type SecretRequest } from '../../protocol/resources/secret.ts'
import type {
  AdoptRequest,
  DownOptions,
  ImageQuery,
  Info,
  RollbackRequest,
  ScaleRequest,
  ServicesRequest,
  TrialDecision,
  UpRequest,
} from '../../protocol/resources/stack.ts'
import type { VolumeImportOptions } from '../../protocol/resources/volume.ts'
import { ROUTES, type RouteName } from '../../protocol/routes.ts'
import { SCHEMAS } from '../../protocol/schemas.ts'
import { type Admitted, lacksPermission, type Target } from '../access/gate.ts'
import type { BundleStore } from '../build/bundle-store.ts'
import type { ContextStore } from '../build/context-store.ts'
import type { CertificateControl } from '../certificates/certificate-control.ts'
import type { Engine } from '../engine/types.ts'
import type { JobControl } from '../jobs/job-control.ts'
import type { ContainerFiles } from '../reconcile/container-files.ts'
import type { Control } from '../reconcile/control.ts'
import type { HoldControl } from '../reconcile/hold-control.ts'
import type { OneOffs } from '../reconcile/one-offs.ts'
import type { SecretControl } from '../reconcile/secret-control.ts'
import type { StackContainers } from '../reconcile/stack-containers.ts'
import type { TrafficControl } from '../reconcile/traffic-control.ts'
import type { ImageGarbage } from '../storage/image-garbage.ts'
import type { VolumeControl } from '../storage/volume-control.ts'
import { unwritable } from '../store/unwritable.ts'
import { type AccessApi, accessRoutes } from './access-routes.ts'
import { certificateRoutes } from './certificate-routes.ts'
import { checked } from './checked.ts'
import { mustBeNames } from './checked-path.ts'
import type { Handler, Input } from './handler.ts'
import { openApiDocument } from './openapi.ts'
import { isAudited, targetOf } from './route-target.ts'
import { SECURITY_HEADERS } from './security-headers.ts'

/** A model with its configs and secrets. */
const BODY_LIMIT_BYTES = 64 * 1024 ** 2

export interface Api extends AccessApi {
  readonly control: Control
  readonly jobs: JobControl
  readonly containers: StackContainers
  readonly holds: Pick<HoldControl, 'hold' | 'resume' | 'heldBy'>
  readonly traffic: Pick<TrafficControl, 'pause' | 'resume'>
  readonly contexts: ContextStore
  readonly bundles: Pick<BundleStore, 'has'>
  readonly files: ContainerFiles
  readonly oneOffs: OneOffs
  readonly volumes: VolumeControl
  readonly garbage: Pick<ImageGarbage, 'find' | 'collect'>
  readonly secrets: Pick<SecretControl, 'list' | 'put' | 'remove'>
  readonly certificates: Pick<CertificateControl, 'list' | 'import' | 'remove' | 'concernsOf'>
  /** Takes values of secrets out of what is answered. */
  readonly redact: (text: string) => string
  /** The daemon's state as a tar. */
  readonly backup: () => Promise<Readable>
  readonly engine: Engine
  readonly info: () => Promise<Info>
  readonly version: string
  readonly apiVersion: string
  /** Who calls; rejects where it may not do this. The one place that decides. */
  readonly admit: (request: IncomingMessage, route: AskedRoute, target: Target) => Promise<Admitted>
  /** Calls `end` once the caller may no longer do it; answers how to stop watching. */
  readonly watch: (caller: Admitted, route: AskedRoute, target: Target, end: () => void) => () => void
  /** What was done, or failed, is in the audit then. */
  readonly note: (caller: Admitted, what: Noted) => void
  readonly log: { error(fields: object, message: string): void }
}

/** What of a route decides who may take it. */
export interface AskedRoute {
  readonly name: string
  readonly permission: Permission
}

export interface Noted {
  readonly action: string
  readonly object: string
  readonly outcome: 'done' | 'failed'
  readonly problem?: Problem | undefined
}

export function createServer(api: Api): FastifyInstance {
  const server = Fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 300 },
  })
  server.addContentTypeParser(
    ['application/x-tar', 'application/octet-stream'],
    { bodyLimit: Number.MAX_SAFE_INTEGER },
    (_request, payload, done) => done(null, payload),
  )
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = toProblem(error, api)
    problems.set(request, problem)
    return answerProblem(reply, problem, api.redact)
  })
  server.setNotFoundHandler((request, reply) =>
    answerProblem(
      reply,
      new Problem('not-found', `there is no ${request.method} ${request.url.split('?')[0]}`, {
        hint: 'the API is described at GET /v1/openapi.json',
      }),
      api.redact,
    ),
  )
  const handlers = handlersOf(api)
  const callers = new WeakMap<FastifyRequest, Admitted>()
  const problems = new WeakMap<FastifyRequest, Problem>()
  /** A body may take hours to come, and a file to go: neither outlives the right to it. */
  const transits = new WeakMap<FastifyRequest, { readonly watch: () => void; readonly hasCome: () => void }>()
  server.addHook('onRequest', async (_request, reply) => {
    reply.headers(SECURITY_HEADERS)
  })
  for (const [name, route] of Object.entries(ROUTES)) {
    const schemas = SCHEMAS[name as RouteName] as {
      body?: z.ZodType
      query?: z.ZodType
      status?: number
      media?: string
    }
    const handle = handlers[name as RouteName]
    server.route({
      method: route.method,
      url: route.path,
      // Before the body is read: who may not do this sends it for nothing.
      onRequest: async (request: FastifyRequest, reply: FastifyReply) => {
        const params = request.params as Record<string, string>
        mustBeNames(params)
        const asked = { name, permission: route.permission }
        const target = targetOf(route.path, params)
        const caller = await api.admit(request.raw, asked, target)
        callers.set(request, caller)
        const watch = () => {
          const unwatch = api.watch(caller, asked, target, () => request.raw.socket.destroy())
          reply.raw.once('close', unwatch)
          return unwatch
        }
        transits.set(request, { watch, hasCome: watch() })
      },
      onResponse: async (request: FastifyRequest) => {
        const caller = callers.get(request)
        if (caller === undefined || !isAudited(route)) return
        const problem = problems.get(request)
        api.note(caller, {
          action: name,
          object: objectOfNote(request),
          outcome: problem === undefined ? 'done' : 'failed',
          problem,
        })
      },
      handler: async (request: FastifyRequest, reply) => {
        const params = request.params as Record<string, string>
        const transit = transits.get(request)!
        // It is all here, and may well be about the caller's own rights.
        if (!(request.body instanceof Readable)) transit.hasCome()
        const answer = await handle({
          params,
          caller: callers.get(request)!,
          body: schemas.body === undefined ? request.body : checked(schemas.body, request.body ?? {}, 'the body'),
          query: (schemas.query === undefined ? {} : checked(schemas.query, request.query, 'the query')) as Record<
            string,
            unknown
          >,
        })
        reply.code(schemas.status ?? 200).header('content-type', schemas.media ?? 'application/json')
        if (answer instanceof Readable) transit.watch()
        if (typeof answer === 'string' || answer instanceof Readable) return reply.send(answer)
        // A model is asked for with its values: a file made of it is to be whole.
        return reply.send(route.permission === 'model' ? JSON.stringify(answer) : redactedJson(answer, api.redact))
      },
    })
  }
  return server
}

function handlersOf(api: Api): Record<RouteName, Handler> {
  const { control, jobs, containers, holds } = api
  /** Made when first asked for: few ask, and it costs megabytes. */
  let document: string | undefined
  const stack = ({ params }: Input) => params.stack!
  const services = ({ query }: Input) => query.services as string[]
  return {
    version: () => ({ version: api.version, apiVersion: api.apiVersion }),
    info: () => api.info(),
    stacks: async ({ caller }) => ({
      stacks: (await control.stacks()).filter(({ name }) => caller.may('read', name)),
    }),
    stack: (input) => control.stack(stack(input)),
    up: (input) => control.up(stack(input), input.body as UpRequest, input.caller),
    plan: (input) => control.plan(stack(input), input.body as UpRequest, input.caller),
    drift: (input) => control.drift(stack(input)),
    down: (input) => {
      // With them goes what they hold.
      const { volumes } = input.body as DownOptions
      if (volumes === 'remove') mustHave('volume.data', input)
      return control.down(stack(input), input.body as DownOptions, input.caller)
    },
    start: (input) => control.start(stack(input), input.body as ServicesRequest, input.caller),
    stop: (input) => control.stop(stack(input), input.body as ServicesRequest, input.caller),
    restart: (input) => control.restart(stack(input), input.body as ServicesRequest, input.caller),
    scale: (input) => control.scale(stack(input), input.body as ScaleRequest, input.caller),
    rollback: (input) => control.rollback(stack(input), input.body as RollbackRequest, input.caller),
    promote: (input) => control.promote(stack(input), input.body as TrialDecision, input.caller),
    abort: (input) => control.abort(stack(input), input.body as TrialDecision, input.caller),
    cancel: async (input) => control.cancel(stack(input), input.body as CancelRequest, input.caller),
    planRollback: (input) => control.planRollback(stack(input), input.body as RollbackRequest, input.caller),
    kill: (input) => control.kill(stack(input), input.body as KillOptions, input.caller),
    pause: (input) => control.pause(stack(input), input.body as PauseOptions, input.caller),
    unpause: (input) => control.unpause(stack(input), input.body as PauseOptions, input.caller),
    pauseTraffic: (input) => api.traffic.pause(stack(input), input.body as TrafficPauseRequest, input.caller),
    resumeTraffic: (input) => api.traffic.resume(stack(input), input.body as PauseOptions, input.caller),
    remove: (input) => control.remove(stack(input), input.body as RemoveOptions, input.caller),
    top: async (input) => ({ containers: await containers.processes(stack(input), services(input)) }),
    stackImages: async (input) => ({ images: await containers.images(stack(input), services(input)) }),
    pruneImages: async (input) => ({ removed: await containers.removeSuperseded(stack(input)) }),
    garbage: async ({ query }) => ({ images: await api.garbage.find(query.keep as number) }),
    collectGarbage: ({ body }) => {
      const { images, keep } = body as CollectRequest
      return api.garbage.collect(images, keep)
    },
    stackVolumes: async (input) => ({ volumes: await containers.volumes(stack(input), services(input)) }),
    export: (input) => containers.fileSystem(stack(input), input.query.service as string, input.query.index as number),
    commit: (input) => {
      const request = input.body as CommitRequest
      if (request.reference !== undefined) input.caller.policy?.checkImage('reference', request.reference)
      return containers.commit(stack(input), request)
    },
    hold: async (input) => seenBy(input.caller, await holds.hold(stack(input), input.caller)),
    resume: (input) => seenBy(input.caller, holds.resume(stack(input))),
    holdAll: async (input) => seenBy(input.caller, await holds.hold(undefined, input.caller)),
    resumeAll: ({ caller }) => seenBy(caller, holds.resume(undefined)),
    adopt: (input) => control.adopt(stack(input), input.body as AdoptRequest, input.caller),
    planAdopted: (input) => control.planAdopted(stack(input), input.body as AdoptRequest, input.caller),
    eject: (input) => control.eject(stack(input), input.caller),
    model: (input) => control.model(stack(input)),
    containers: async (input) => ({
      containers: await control.containers(stack(input), {
        drift: input.query.drift as 'show' | 'omit',
        // They are of the container's log, which not everybody who sees the stack may read.
        lastLines: input.caller.may('logs', stack(input)) ? 'show' : 'omit',
      }),
      held: holds.heldBy(stack(input)),
      trial: control.trial(stack(input)),
      concerns: api.certificates.concernsOf(stack(input)),
    }),
    secrets: (input) => ({ secrets: api.secrets.list(stack(input)) }),
    putSecret: (input) => api.secrets.put(stack(input), secretName(input), input.body as SecretRequest, input.caller),
    removeSecret: (input) => {
      api.secrets.remove(stack(input), secretName(input))
      return { secret: input.params.secret! }
    },
    names: async (input) => ({ names: await control.names(stack(input)) }),
    revisions: (input) => ({ revisions: control.revisions(stack(input), input.query.limit as number) }),
    revision: (input) => control.revision(stack(input), revisionNumber(input.params.number!)),
    deployments: (input) => ({
      deployments: control.deployments(
        stack(input),
        input.query.limit as number,
        input.query.revision as number | undefined,
      ),
    }),
    deployment: (input) => control.deploymentWithin(input.params.id!, input.query.waitMs as number),
    images: (input) => imagesOf(api.engine, input.body as z.infer<typeof ImageQuery>),
    hasContext: async ({ params }) => ({
      id: params.id!,
      present: await api.contexts.has(params.id!),
      receivedBytes: await api.contexts.receivedBytes(params.id!),
    }),
    hasBundle: async ({ params }) => ({ id: params.id!, present: await api.bundles.has(params.id!) }),
    putContext: async (input) => ({
      id: input.params.id!,
      ...(await api.contexts.put(input.params.id!, tarOf(input.body), input.query.offset as number)),
    }),
    build: (input) => jobs.build(stack(input), input.body as BuildRequest, input.caller),
    pull: (input) => jobs.pull(stack(input), input.body as PullRequest, input.caller),
    push: (input) => jobs.push(stack(input), input.body as PushRequest, input.caller),
    job: (input) => jobs.job(input.params.id!),
    cancelJob: (input) => jobs.cancel(input.params.id!),
    run: (input) => api.oneOffs.run(stack(input), input.body as RunRequest, input.caller),
    lookAtPath: (input) =>
      api.files.look(stack(input), input.params.container!, input.query as PathQuery, input.caller),
    getFiles: (input) => api.files.get(stack(input), input.params.container!, input.query as PathQuery, input.caller),
    putFiles: (input) =>
      api.files.put(
        stack(input),
        input.params.container!,
        input.query as PutFilesQuery,
        tarOf(input.body),
        input.caller,
      ),
    volumes: async ({ query, caller }) => ({
      volumes: (await api.volumes.list(query.stack as string | undefined)).filter(({ stack }) =>
        caller.may('volume.read', stack),
      ),
    }),
    volume: (input) => api.volumes.inspect(input.params.volume!),
    removeVolume: async (input) => {
      await api.volumes.remove(input.params.volume!, input.caller)
      return { volume: input.params.volume! }
    },
    protectVolume: (input) => api.volumes.protect(input.params.volume!, input.caller),
    unprotectVolume: (input) => api.volumes.unprotect(input.params.volume!, input.caller),
    exportVolume: (input) => api.volumes.export(input.params.volume!),
    importVolume: (input) =>
      api.volumes.import(
        input.params.volume!,
        tarOf(input.body),
        input.query as unknown as VolumeImportOptions,
        input.caller,
      ),
    backup: () => api.backup(),
    ...accessRoutes(api),
    ...certificateRoutes(api.certificates),
    openapi: () => {
      document ??= JSON.stringify(openApiDocument(api.version))
      return document
    },
  }
}

/** What a request asks for beyond its route. */
function mustHave(permission: Permission, { caller, params }: Input): void {
  if (!caller.may(permission, params.stack)) throw lacksPermission(permission)
}

/** Holds of stacks that the caller may know of. */
function seenBy(caller: Admitted, { stacks, ...daemon }: Holds): Holds {
  return { ...daemon, stacks: Object.fromEntries(Object.entries(stacks).filter(([name]) => caller.may('read', name))) }
}

/** What it was done to: named by the path, or by a body that makes something. */
function objectOfNote({ params, body }: FastifyRequest): string {
  const named = Object.values(params as Record<string, string>)
  const made = (body as { name?: unknown } | undefined)?.name
  return named.length === 0 && typeof made === 'string' ? made : named.join(' ')
}

const secretName = ({ params }: Input): string => checked(SecretName, params.secret, 'the name of the secret')

function tarOf(body: unknown): Readable {
  if (body instanceof Readable) return body
  throw new Problem('unsupported-media-type', 'the body is to be a tar: application/x-tar')
}

async function imagesOf(engine: Engine, { references }: z.infer<typeof ImageQuery>) {
  const found = await Promise.all(
    [...new Set(references)].map(async (reference) => {
      const image = await engine.images.inspect(reference)
      return [reference, image === undefined ? null : { id: image.Id, size: image.Size }] as const
    }),
  )
  return { images: Object.fromEntries(found) }
}

function revisionNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Problem('bad-request', `"${text}" is no number of a revision`)
  return Number(text)
}

function toProblem(error: FastifyError, api: Api): Problem {
  if (error instanceof Problem) return error
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new Problem('payload-too-large', `a request has at most ${BODY_LIMIT_BYTES / 1024 ** 2} MiB`)
  }
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new Problem('unsupported-media-type', 'the body is to be application/json')
  }
  if (error.statusCode !== undefined && error.statusCode < 500) return new Problem('bad-request', error.message)
  const full = unwritable(error)
  if (full !== undefined) return full
  api.log.error({ err: error }, 'a request failed inside')
  return new Problem('internal', 'something went wrong inside the daemon', { hint: 'its log says more' })
}

function answerProblem(reply: FastifyReply, problem: Problem, redact: Api['redact']): FastifyReply {
  return reply
    .code(problem.status)
    .header('content-type', 'application/problem+json')
    .send(redactedJson(problem.toDetails(), redact))
}
