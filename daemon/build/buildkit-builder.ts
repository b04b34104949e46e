/**
 * Builds with the Engine's BuildKit as buildx's docker driver does: `Solve` and `Status` on `POST /grpc`, while BuildKit
 * fetches files, secrets and credentials on `POST /session`. Where `/grpc` is refused (a proxy in between), `POST /build`
 * with `version=2` starts the same build with what it can express.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { neededAgents } from '../../protocol/build.ts'
import { Problem } from '../../protocol/problems.ts'
import type { BuildCheck } from '../../protocol/resources/job.ts'
import { splitReference } from '../engine/images.ts'
import type { Engine } from '../engine/types.ts'
import { buildCheckOf, NO_CHECKS } from './build-check.ts'
import { BuildLog } from './build-log.ts'
import type { BuildOrder } from './build-order.ts'
import { type BuildSources, openSources } from './build-sources.ts'
import { GrpcClient, GrpcError } from './buildkit/grpc.ts'
import {
  BRIDGE,
  BridgeReturnRequest,
  BridgeSolveRequest,
  BridgeSolveResponse,
  BUILD_ID,
  CONTROL,
  ListWorkersRequest,
  ListWorkersResponse,
  SolveRequest,
  SolveResponse,
  StatusRequest,
  StatusResponse,
} from './buildkit/messages.ts'
import { type MessageType, message } from './buildkit/protobuf.ts'
import { openSession, type Session } from './buildkit/session.ts'
import { type BuilderFacts, refusal, type SolveOptions, solveOptions } from './buildkit/solve-options.ts'
import type { ContextStore } from './context-store.ts'

const FACTS_MS = 30_000
/** After the result, how long the rest of the output may take. */
const LAST_OUTPUT_MS = 3000
/** The same for a build that has said nothing yet: BuildKit refused it before it began. */
const FIRST_OUTPUT_MS = 300
/** Engine 23, whose Dockerfile frontend knows named contexts. */
const CONTEXTS_API = '1.42'

export class BuildKitBuilder {
  readonly #engine: Engine
  readonly #contexts: ContextStore

  constructor(engine: Engine, contexts: ContextStore) {
    this.#engine = engine
    this.#contexts = contexts
  }

  /** Answers `no-buildkit`, having done nothing, where the Engine has none. */
  async build(
    order: BuildOrder,
    report: (detail: string) => void,
    signal: AbortSignal,
  ): Promise<'built' | 'no-buildkit'> {
    return this.#connected(order, report, signal, async (client, sources, session, log) => {
      if (client === undefined) await this.#buildBySession(order, sources, session, log, signal)
      else await this.#solve(client, order, sources, session, log, signal)
      return 'built' as const
    })
  }

  /** Builds nothing: answers what the frontend says of the Dockerfile. */
  async check(
    order: BuildOrder,
    report: (detail: string) => void,
    signal: AbortSignal,
  ): Promise<BuildCheck | 'no-buildkit'> {
    return this.#connected(order, report, signal, async (client, sources, session, log) => {
      if (client === undefined) {
        throw new Problem('unsupported', `this Engine refuses POST /grpc, by which a Dockerfile is checked`, {
          hint: 'have the proxy before the Engine let it through',
        })
      }
      return this.#lint(client, order, sources, session, log, signal)
    })
  }

  async #connected<T>(
    order: BuildOrder,
    report: (detail: string) => void,
    signal: AbortSignal,
    work: (client: GrpcClient | undefined, sources: BuildSources, session: Session, log: BuildLog) => Promise<T>,
  ): Promise<T | 'no-buildkit'> {
    const { os } = await this.#engine.version({ signal })
    if (os === 'windows') return 'no-buildkit'
    const control = await unlessRefused(this.#engine.upgrade('/grpc', {}, { signal }))
    const client = control === undefined ? undefined : new GrpcClient(control)
    const log = new BuildLog(report, order.output)
    try {
      return await this.#withSession(order, control, signal, (sources, session) => work(client, sources, session, log))
    } catch (error) {
      throw signal.aborted ? signal.reason : explain(error, order.service, log)
    } finally {
      client?.close()
    }
  }

  async #withSession<T>(
    order: BuildOrder,
    control: Duplex | undefined,
    signal: AbortSignal,
    work: (sources: BuildSources, session: Session) => Promise<T>,
  ): Promise<T | 'no-buildkit'> {
    checkSecrets(order)
    checkAgents(order)
    const sources = await openSources(order, this.#contexts)
    try {
      const opening = openSession(
        this.#engine,
        {
          sharedKey: createHash('sha256').update(`${order.stack}\0${order.service}`).digest('hex').slice(0, 32),
          folders: sources.folders,
          registryAuth: order.registryAuth,
          secrets: order.secrets,
          agents: order.agents,
        },
        signal,
      )
      const session = control === undefined ? await unlessRefused(opening) : await opening
      if (session === undefined) return 'no-buildkit'
      try {
        return await work(sources, session)
      } finally {
        session.close()
      }
    } finally {
      await sources.close()
    }
  }

  async #solve(
    client: GrpcClient,
    order: BuildOrder,
    sources: BuildSources,
    session: Session,
    log: BuildLog,
    signal: AbortSignal,
  ): Promise<void> {
    const options = this.#options(order, sources, await this.#facts(client, sources, signal))
    const ref = randomBytes(16).toString('hex')
    const exporter = { Type: 'moby', Attrs: { name: options.names.join(',') } }
    const solving = client.unary(
      CONTROL.solve,
      {
        type: SolveRequest,
        value: {
          Ref: ref,
          Exporter: exporter.Type,
          ExporterAttrs: exporter.Attrs,
          Exporters: [exporter],
          Session: session.id,
          Frontend: options.frontend,
          FrontendAttrs: options.attributes,
          Entitlements: options.entitlements,
          Cache: { Imports: [...options.cacheImports], Exports: [...options.cacheExports] },
        },
      },
      SolveResponse,
      signal,
    )
    const ended = new AbortController()
    const watching = this.#watch(client, ref, log, AbortSignal.any([signal, ended.signal]))
    try {
      await solving
    } finally {
      // The last output may come after the result.
      const timer = setTimeout(() => ended.abort(), log.isEmpty ? FIRST_OUTPUT_MS : LAST_OUTPUT_MS)
      await watching
      clearTimeout(timer)
    }
  }

  /**
   * A subrequest to the frontend. Its answer does not pass through `Solve`: the build is steered from here, over the bridge
   * that BuildKit opens for a `Solve` that names no frontend.
   */
  async #lint(
    client: GrpcClient,
    order: BuildOrder,
    sources: BuildSources,
    session: Session,
    log: BuildLog,
    signal: AbortSignal,
  ): Promise<BuildCheck> {
    const { frontend, attributes } = this.#options(order, sources, await this.#facts(client, sources, signal))
    const ref = randomBytes(16).toString('hex')
    const ended = new AbortController()
    const both = AbortSignal.any([signal, ended.signal])
    const bridge = <Q, A>(method: string, type: MessageType<Q>, value: Partial<Q>, answer: MessageType<A>) =>
      client.unary(method, { type, value }, answer, both, { [BUILD_ID]: ref })
    const steer = async (): Promise<Readonly<Record<string, string>>> => {
      await bridge(BRIDGE.ping, message({}), {}, message({}))
      const caps = [attributes['frontend.caps'], 'moby.buildkit.frontend.subrequests+forward'].filter(Boolean)
      const FrontendOpt = { ...attributes, requestid: 'frontend.lint', 'frontend.caps': caps.join(',') }
      const { result } = await bridge(
        BRIDGE.solve,
        BridgeSolveRequest,
        { Frontend: frontend, FrontendOpt, allowResultReturn: true, allowResultArrayRef: true },
        BridgeSolveResponse,
      )
      await bridge(BRIDGE.return, BridgeReturnRequest, { result: {} }, message({}))
      return result?.metadata ?? {}
    }
    const request = { type: SolveRequest, value: { Ref: ref, Session: session.id, Entitlements: [] } }
    const solving = client.unary(CONTROL.solve, request, SolveResponse, both)
    const watching = this.#watch(client, ref, log, both)
    try {
      // Where BuildKit does not take the build, the bridge waits for nothing.
      const [metadata] = await Promise.all([steer(), solving])
      return buildCheckOf(order.service, metadata)
    } catch (error) {
      if (error instanceof GrpcError && NO_CHECKS.test(error.message)) throw tooOldToCheck(order.service, error)
      throw error
    } finally {
      ended.abort()
      await watching
    }
  }

  async #watch(client: GrpcClient, ref: string, log: BuildLog, signal: AbortSignal): Promise<void> {
    const request = { type: StatusRequest, value: { Ref: ref } }
    try {
      for await (const status of client.stream(CONTROL.status, request, StatusResponse, signal)) log.status(status)
    } catch {
      // Output only: whether the build succeeded, and why not, is what Solve answers.
    }
  }

  async #facts(client: GrpcClient, sources: BuildSources, signal: AbortSignal): Promise<BuilderFacts> {
    const { record } = await client.unary(
      CONTROL.listWorkers,
      { type: ListWorkersRequest, value: {} },
      ListWorkersResponse,
      AbortSignal.any([signal, AbortSignal.timeout(FACTS_MS)]),
    )
    const labels = record[0]?.Labels ?? {}
    return {
      frontend: await this.#frontend(sources),
      imageStore: labels['org.mobyproject.buildkit.worker.snapshotter'] === undefined ? 'graph-driver' : 'containerd',
      hostGatewayIp: labels['org.mobyproject.buildkit.worker.moby.host-gateway-ip'],
    }
  }

  /** A frontend that the Dockerfile names decides for itself what it knows. */
  async #frontend(sources: BuildSources): Promise<BuilderFacts['frontend']> {
    return sources.hasSyntaxLine || (await this.#engine.atLeast(CONTEXTS_API)) ? 'contexts' : 'basic'
  }

  #options(order: BuildOrder, sources: BuildSources, facts: BuilderFacts): SolveOptions {
    return solveOptions({
      service: order.service,
      build: order.build,
      imageName: order.imageName,
      platform: order.platform,
      facts,
      dockerfile: sources.dockerfile,
      dockerfileFrom: sources.dockerfileFrom,
      imageOf: order.imageOf,
    })
  }

  async #buildBySession(
    order: BuildOrder,
    sources: BuildSources,
    session: Session,
    log: BuildLog,
    signal: AbortSignal,
  ): Promise<void> {
    const facts: BuilderFacts = {
      frontend: await this.#frontend(sources),
      imageStore: 'graph-driver',
      hostGatewayIp: undefined,
    }
    const { build, service } = order
    for (const key of [
      'additional_contexts',
      'cache_to',
      'entitlements',
      'privileged',
      'shm_size',
      'ulimits',
    ] as const) {
      if (build[key] !== undefined) {
        throw refusal(service, key, 'this Engine refuses POST /grpc, and POST /build cannot express it')
      }
    }
    const hosts = build.extra_hosts?.map((host) => host.replace('=', ':'))
    const options = this.#options({ ...order, build: { ...build, extra_hosts: [] } }, sources, facts)
    const query = {
      version: '2' as const,
      session: session.id,
      buildId: randomBytes(16).toString('hex'),
      remote: options.attributes.context ?? 'client-session',
      dockerfile: sources.dockerfile,
      tags: [order.imageName],
      ...(build.args === undefined ? {} : { buildArgs: build.args }),
      ...(build.target === undefined ? {} : { target: build.target }),
      ...(build.labels === undefined ? {} : { labels: build.labels }),
      ...(build.no_cache === undefined ? {} : { noCache: build.no_cache }),
      ...(build.pull === undefined ? {} : { pull: build.pull }),
      ...(build.network === undefined ? {} : { networkMode: build.network }),
      ...(hosts === undefined ? {} : { extraHosts: hosts }),
      ...(options.attributes.platform === undefined ? {} : { platform: options.attributes.platform }),
      ...(options.cacheImports.length === 0
        ? {}
        : { cacheFrom: options.cacheImports.map(({ Attrs }) => Attrs.ref ?? '') }),
    }
    for await (const message of this.#engine.images.build(query, undefined, { signal })) {
      if (message.id !== 'moby.buildkit.trace' || typeof message.aux !== 'string') continue
      log.status(StatusResponse.decode(Buffer.from(message.aux, 'base64')))
    }
    for (const tag of build.tags ?? []) await this.#engine.images.tag(order.imageName, splitReference(tag), { signal })
  }
}

/** Undefined where the Engine answers that it has no such thing. */
async function unlessRefused<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof Problem && error.code === 'engine-error') return undefined
    throw error
  }
}

function checkSecrets({ build, service, secrets }: BuildOrder): void {
  for (const { source, target } of build.secrets ?? []) {
    if (secrets.has(target ?? source)) continue
    throw new Problem('build-failed', `services.${service}.build.secrets: the value of secret ${source} was not sent`, {
      hint: `make its file, or set its environment variable, and bring the stack up again with --build`,
    })
  }
}

function checkAgents({ build, service, agents }: BuildOrder): void {
  for (const id of neededAgents(build).keys()) {
    if (agents.has(id)) continue
    throw new Problem('build-failed', `services.${service}.build.ssh: no SSH agent was lent for ${id}`, {
      hint: 'bring the stack up with --build, or run build, from where the agent or the key is',
    })
  }
}

const tooOldToCheck = (service: string, cause: Error): Problem =>
  new Problem(
    'engine-too-old',
    `the Dockerfile of service ${service} cannot be checked: this Engine's frontend has no checks`,
    {
      hint: 'update to Engine 27 or newer, or begin the Dockerfile with: # syntax=docker/dockerfile:1',
      cause,
    },
  )

function hintFor(message: string, tail: string): string | undefined {
  // BuildKit before 0.9 does not ask a repository for its default branch.
  if (message.includes('does not contain ref master')) return 'name the branch in the context: URL#BRANCH'
  return tail === '' ? undefined : 'the lines above are the last that the build wrote'
}

function explain(error: unknown, service: string, log: BuildLog): unknown {
  const isBuild =
    error instanceof GrpcError ||
    (error instanceof Problem && error.code === 'build-failed' && error.engine !== undefined)
  if (!isBuild) return error
  const message = (error as Error).message
  const options = { engine: { call: 'POST /grpc Solve' }, cause: error }
  if (
    /unauthorized|authentication required|insufficient_scope|no basic auth|pull access denied|\bdenied:/i.test(message)
  ) {
    return new Problem('registry-denied', `building service ${service} failed: a registry refused: ${message}`, {
      ...options,
      hint: 'log in on this machine (docker login REGISTRY), or check the names of the images that the Dockerfile uses',
    })
  }
  const entitlement = /(?:granting entitlement )?([a-z]+\.[a-z]+) is not allowed/.exec(message)?.[1]
  if (entitlement !== undefined) {
    return new Problem('unsupported', `services.${service}.build: this Engine does not grant ${entitlement}`, {
      ...options,
      hint: `allow it in its daemon.json: "builder": { "entitlements": { "${entitlement.replace('.', '-')}": true } }`,
    })
  }
  const tail = log.tail()
  const step = log.failedStep === undefined ? '' : ` at ${log.failedStep}`
  return new Problem(
    'build-failed',
    `building service ${service} failed${step}: ${message}${tail === '' ? '' : `\n${tail}`}`,
    { ...options, hint: hintFor(message, tail) },
  )
}
