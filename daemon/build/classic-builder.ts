/** The Engine's first builder, `POST /build` with the context as its body: for Engines that have no BuildKit. */

import { createReadStream } from 'node:fs'
import { PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { pack } from 'tar-stream'
import { contextSource, INLINE_DOCKERFILE } from '../../protocol/build.ts'
import { Problem } from '../../protocol/problems.ts'
import { splitReference } from '../engine/images.ts'
import type { BuildQuery, Engine } from '../engine/types.ts'
import { ulimitsOf } from '../stack/mapping/resources.ts'
import { BuildLog } from './build-log.ts'
import type { BuildOrder } from './build-order.ts'
import type { ContextStore } from './context-store.ts'
import { find, textOf } from './file-tree.ts'
import { TarTree } from './tar-tree.ts'

/** Keys that need BuildKit; this builder would leave them out in silence. */
const NEEDS_BUILDKIT = [
  'secrets',
  'ssh',
  'additional_contexts',
  'cache_to',
  'entitlements',
  'privileged',
  'provenance',
  'sbom',
] as const

export class ClassicBuilder {
  readonly #engine: Engine
  readonly #contexts: ContextStore

  constructor(engine: Engine, contexts: ContextStore) {
    this.#engine = engine
    this.#contexts = contexts
  }

  async build(order: BuildOrder, report: (detail: string) => void, signal: AbortSignal): Promise<void> {
    const { build, service } = order
    refuseWhatNeedsBuildKit(order)
    const context = await this.#context(order)
    const log = new BuildLog(report, order.output)
    try {
      for await (const { stream } of this.#engine.images.build(queryOf(order), context, { signal })) {
        if (stream !== undefined) log.write(stream)
      }
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'build-failed') throw error
      const tail = log.tail()
      throw new Problem(
        'build-failed',
        `building service ${service} failed: ${error.message}${tail === '' ? '' : `\n${tail}`}`,
        { hint: 'the lines above are the last that the build wrote', engine: error.engine, cause: error },
      )
    } finally {
      context?.destroy()
    }
    // The call takes one name.
    for (const tag of build.tags ?? []) await this.#engine.images.tag(order.imageName, splitReference(tag), { signal })
  }

  async #context({ build, service, contextId }: BuildOrder): Promise<Readable | undefined> {
    if (contextId !== undefined) {
      const path = await this.#contexts.locate(contextId)
      return usesInline(build) ? withHiddenDockerfile(path) : createReadStream(path)
    }
    if (contextSource(build.context ?? '.').kind === 'url') return undefined
    throw new Problem('build-failed', `the build context of service ${service} was not sent`, {
      hint: 'bring the stack up with --build: the client sends it then',
    })
  }
}

function refuseWhatNeedsBuildKit({ build, service, contextId }: BuildOrder): void {
  const isOff = (value: unknown) => value === undefined || value === false || value === 'false'
  const refused: string | undefined =
    NEEDS_BUILDKIT.find((key) => !isOff(build[key])) ??
    ((build.platforms?.length ?? 0) > 1 ? 'platforms' : undefined) ??
    (build.dockerfile_inline !== undefined && contextId === undefined ? 'dockerfile_inline' : undefined)
  if (refused === undefined) return
  throw new Problem(
    'unsupported',
    `services.${service}.build.${refused} needs BuildKit, which this Engine does not offer`,
    {
      hint: `build the image elsewhere and name it in services.${service}.image`,
    },
  )
}

/** The client sends an inline Dockerfile, and one from outside the context, under a name of ours. */
const usesInline = (build: BuildOrder['build']): boolean =>
  build.dockerfile_inline !== undefined || /^(\/|\.\.(\/|$))/.test(build.dockerfile ?? '')

/** Like Docker's own client: the file that is not of the context is named in `.dockerignore`, so that no COPY takes it. */
async function withHiddenDockerfile(path: string): Promise<Readable> {
  const tree = await TarTree.open(path)
  const ignore = find(tree, '.dockerignore')
  const lines = ignore === undefined ? ['.dockerignore'] : [await textOf(tree, ignore)]
  await tree.close()
  const more = pack()
  // The later of two entries of one name counts.
  more.entry({ name: '.dockerignore' }, [...lines, INLINE_DOCKERFILE, ''].join('\n'))
  more.finalize()
  const whole = new PassThrough()
  const write = async (): Promise<void> => {
    if (tree.endOffset > 0) await pipeline(createReadStream(path, { end: tree.endOffset - 1 }), whole, { end: false })
    await pipeline(more, whole)
  }
  write().catch((error: Error) => whole.destroy(error))
  return whole
}

function queryOf({ build, imageName, platform, contextId, registryAuth, memoryBytes }: BuildOrder): BuildQuery {
  const runs = platform ?? build.platforms?.[0]
  return {
    version: '1',
    tags: [imageName],
    registryConfig: registryAuth,
    ...(contextId === undefined ? { remote: build.context ?? '' } : {}),
    ...(contextId !== undefined && usesInline(build)
      ? { dockerfile: INLINE_DOCKERFILE }
      : build.dockerfile === undefined
        ? {}
        : { dockerfile: build.dockerfile }),
    ...(build.args === undefined ? {} : { buildArgs: build.args }),
    ...(build.target === undefined ? {} : { target: build.target }),
    ...(build.cache_from === undefined ? {} : { cacheFrom: build.cache_from }),
    ...(build.no_cache === undefined ? {} : { noCache: build.no_cache }),
    ...(build.pull === undefined ? {} : { pull: build.pull }),
    ...(build.labels === undefined ? {} : { labels: build.labels }),
    ...(build.network === undefined ? {} : { networkMode: build.network }),
    ...(build.shm_size === undefined ? {} : { shmSizeBytes: Number(build.shm_size) }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(build.ulimits === undefined ? {} : { ulimits: ulimitsOf(build.ulimits) }),
    ...(build.extra_hosts === undefined ? {} : { extraHosts: build.extra_hosts.map((host) => host.replace('=', ':')) }),
    ...(runs === undefined ? {} : { platform: runs }),
  }
}
