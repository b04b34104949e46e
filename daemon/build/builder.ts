/** Builds the image of a service with the Engine's classic builder from an uploaded context, or from a URL. */
import { INLINE_DOCKERFILE } from '../../protocol/build.ts'
import { Problem } from '../../protocol/problems.ts'
import type { Build } from '../../protocol/stackfile/model.ts'
import type { BuildQuery, Engine, RegistryAuth } from '../engine/types.ts'
import { ulimitsOf } from '../stack/mapping/resources.ts'
import type { ContextStore } from './context-store.ts'

export interface BuildOrder {
  readonly stack: string
  readonly service: string
  readonly build: Build
  /** The name that the image gets, beside `build.tags`. */
  readonly imageName: string
  readonly platform: string | undefined
  /** An uploaded context. Undefined: the Engine fetches `build.context` itself, which must be a URL then. */
  readonly contextId: string | undefined
  readonly registryAuth: Readonly<Record<string, RegistryAuth>>
}

/** Keys that need BuildKit, which a session must serve; the classic builder would leave them out in silence. */
const NEEDS_BUILDKIT = [
  'secrets',
  'ssh',
  'additional_contexts',
  'cache_to',
  'platforms',
  'entitlements',
  'provenance',
  'sbom',
  'dockerfile_inline',
] as const

const OUTPUT_LIMIT = 4000

export class ImageBuilder {
  readonly #engine: Engine
  readonly #contexts: ContextStore

  constructor(engine: Engine, contexts: ContextStore) {
    this.#engine = engine
    this.#contexts = contexts
  }

  async build(order: BuildOrder, report: (detail: string) => void, signal: AbortSignal): Promise<void> {
    const { build, service, contextId } = order
    for (const key of NEEDS_BUILDKIT) {
      // The client packs an inline Dockerfile into the context, so that it arrives as a file.
      if (key === 'dockerfile_inline' && contextId !== undefined) continue
      if (build[key] !== undefined) {
        throw new Problem(
          'unsupported',
          `services.${service}.build.${key} needs BuildKit, which is not supported yet`,
          {
            hint: `build the image with docker buildx and name it in services.${service}.image`,
          },
        )
      }
    }
    if (contextId === undefined && !/^(https?|git|ssh):\/\/|^git@|\.git(#|$)/.test(build.context ?? '')) {
      throw new Problem('build-failed', `the build context of service ${service} was not sent`, {
        hint: 'bring the stack up with --build: the client sends it then',
      })
    }
    const context = contextId === undefined ? undefined : await this.#contexts.open(contextId)
    let tail = ''
    try {
      for await (const message of this.#engine.images.build(this.#query(order), context, { signal })) {
        if (message.stream === undefined) continue
        tail = (tail + message.stream).slice(-OUTPUT_LIMIT)
        const line = message.stream.trim()
        if (line !== '') report(line.slice(0, 200))
      }
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'build-failed') throw error
      const last = tail.trimEnd().split('\n').slice(-10).join('\n')
      throw new Problem(
        'build-failed',
        `building service ${service} failed: ${error.message}${last === '' ? '' : `\n${last}`}`,
        {
          hint: 'the lines above are the last that the build wrote',
          engine: error.engine,
          cause: error,
        },
      )
    } finally {
      context?.destroy()
    }
  }

  #query({ build, imageName, platform, contextId, registryAuth }: BuildOrder): BuildQuery {
    return {
      version: '1',
      tags: [imageName, ...(build.tags ?? [])],
      registryConfig: registryAuth,
      ...(contextId === undefined ? { remote: build.context ?? '' } : {}),
      ...(build.dockerfile_inline !== undefined ||
      (contextId !== undefined && build.dockerfile?.startsWith('/') === true)
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
      ...(build.ulimits === undefined ? {} : { ulimits: ulimitsOf(build.ulimits) }),
      ...(build.extra_hosts === undefined
        ? {}
        : { extraHosts: build.extra_hosts.map((host) => host.replace('=', ':')) }),
      ...(platform === undefined ? {} : { platform }),
    }
  }
}
