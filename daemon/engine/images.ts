import type { Readable } from 'node:stream'
import { Problem } from '../../protocol/problems.ts'
import { filtersOf } from './filters.ts'
import { jsonLines } from './json-lines.ts'
import { type Call, segment, type Transport } from './transport.ts'
import type { BuildQuery, Engine, ImageInspect, JsonMessage, RegistryAuth } from './types.ts'

const LONG_MS = 10 * 60_000

export function imagesOf(http: Transport): Engine['images'] {
  // A reference has slashes that belong to the route; each of its parts is encoded by itself.
  const at = (reference: string) => `/images/${reference.split('/').map(segment).join('/')}`
  return {
    list: ({ filters }, options) =>
      http.json({ method: 'GET', path: '/images/json', query: { filters: filtersOf(filters) }, ...options }),
    inspect: async (reference, options) => {
      try {
        return await http.json<ImageInspect>({ method: 'GET', path: `${at(reference)}/json`, ...options })
      } catch (error) {
        if (error instanceof Problem && error.engine?.status === 404) return undefined
        throw error
      }
    },
    async *pull({ reference, platform, auth }, options) {
      const { repo, tag } = splitReference(reference)
      const call: Call = {
        method: 'POST',
        path: '/images/create',
        query: { fromImage: repo, tag, platform },
        headers: authHeader(auth),
        ...options,
      }
      try {
        yield* messages(http, call)
      } catch (error) {
        throw explainRegistry(error, reference)
      }
    },
    async *push({ reference, auth }, options) {
      const { repo, tag } = splitReference(reference)
      const call: Call = {
        method: 'POST',
        path: `${at(repo)}/push`,
        query: { tag },
        headers: authHeader(auth ?? { serveraddress: '' }),
        ...options,
      }
      try {
        yield* messages(http, call)
      } catch (error) {
        throw explainPush(error, reference)
      }
    },
    tag: async (source, { repo, tag }, options) => {
      await http.status({ method: 'POST', path: `${at(source)}/tag`, query: { repo, tag }, ...options })
    },
    remove: async (reference, { force, noPrune }, options) => {
      await http.status({
        method: 'DELETE',
        path: at(reference),
        query: { force, noprune: noPrune },
        timeoutMs: LONG_MS,
        ...options,
      })
    },
    async *build(query, context, options) {
      try {
        yield* messages(http, {
          method: 'POST',
          path: '/build',
          query: buildQuery(query),
          headers: {
            'content-type': 'application/x-tar',
            ...(query.registryConfig === undefined ? {} : { 'x-registry-config': base64url(query.registryConfig) }),
          },
          ...(context === undefined ? {} : { rawBody: context }),
          ...options,
        })
      } catch (error) {
        if (!(error instanceof Problem) || error.code !== 'engine-error') throw error
        throw new Problem('build-failed', error.message, { engine: error.engine, cause: error })
      }
    },
    load: (tar, options) =>
      messages(http, {
        method: 'POST',
        path: '/images/load',
        headers: { 'content-type': 'application/x-tar' },
        rawBody: tar,
        ...options,
      }),
    importRootfs: async ({ repo, tag, changes }, tar, options) => {
      let id = ''
      const query = { fromSrc: '-', repo, tag, changes }
      const headers = { 'content-type': 'application/x-tar' }
      const call: Call = { method: 'POST', path: '/images/create', query, headers, rawBody: tar, ...options }
      for await (const message of messages(http, call)) {
        if (message.status?.startsWith('sha256:')) id = message.status
      }
      return id
    },
  }
}

/** Lines of a long work. An `error` line ends it: the status was 200 long before. */
async function* messages(http: Transport, call: Call): AsyncGenerator<JsonMessage> {
  for await (const { value } of jsonLines<JsonMessage>(http.bytes(call))) {
    if (value.error !== undefined) {
      throw new Problem('engine-error', value.errorDetail?.message ?? value.error, {
        engine: { call: `${call.method} ${call.path}` },
      })
    }
    yield value
  }
}

function explainPush(error: unknown, reference: string): unknown {
  const isOurs = error instanceof Problem && error.code === 'engine-error'
  if (!isOurs || !/does not exist locally|tag does not exist|no such image/i.test(error.message)) {
    return explainRegistry(error, reference)
  }
  return new Problem('image-missing', `there is no image ${reference} here to push`, {
    hint: 'build it first, or give it that name (docker tag)',
    engine: error.engine,
    cause: error,
  })
}

function explainRegistry(error: unknown, reference: string): unknown {
  if (!(error instanceof Problem) || error.code !== 'engine-error') return error
  const options = { engine: error.engine, cause: error }
  if (/unauthorized|authentication required|denied|no basic auth/i.test(error.message)) {
    return new Problem('registry-denied', `the registry refused ${reference}: ${error.message}`, {
      ...options,
      hint: `log in on this machine (docker login${registryArgument(reference)}), or check the image's name`,
    })
  }
  if (/not found|manifest unknown|does not exist/i.test(error.message)) {
    return new Problem('image-missing', `the registry has no ${reference}: ${error.message}`, options)
  }
  return error
}

/** Docker Hub is what `docker login` means without a name. */
function registryArgument(reference: string): string {
  const first = reference.split('/')[0]!
  return reference.includes('/') && (/[.:]/.test(first) || first === 'localhost') ? ` ${first}` : ''
}

/** `repo[:tag][@digest]`: a digest goes where the Engine takes a tag. Without both, `latest`. */
export function splitReference(reference: string): { repo: string; tag: string } {
  const at = reference.indexOf('@')
  if (at >= 0) return { repo: reference.slice(0, at).replace(/:[^/:]*$/, ''), tag: reference.slice(at + 1) }
  const colon = reference.lastIndexOf(':')
  if (colon > reference.lastIndexOf('/')) return { repo: reference.slice(0, colon), tag: reference.slice(colon + 1) }
  return { repo: reference, tag: 'latest' }
}

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

function authHeader(auth: RegistryAuth | undefined): Record<string, string> {
  return auth === undefined ? {} : { 'x-registry-auth': base64url(auth) }
}

function buildQuery(query: BuildQuery): NonNullable<Call['query']> {
  const json = (value: unknown) => (value === undefined ? undefined : JSON.stringify(value))
  return {
    dockerfile: query.dockerfile,
    buildargs: json(query.buildArgs),
    target: query.target,
    cachefrom: json(query.cacheFrom),
    nocache: query.noCache,
    pull: query.pull === true ? '1' : undefined,
    labels: json(query.labels),
    networkmode: query.networkMode,
    shmsize: query.shmSizeBytes,
    memory: query.memoryBytes,
    ulimits: json(query.ulimits),
    extrahosts: query.extraHosts,
    platform: query.platform,
    remote: query.remote,
    version: query.version,
    session: query.session,
    buildid: query.buildId,
    t: query.tags,
    rm: true,
    forcerm: true,
  }
}

export type BuildContext = Readable
