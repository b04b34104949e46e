/**
 * A `build:` section as BuildKit's `Solve` takes it from buildx's docker driver (github.com/docker/buildx, build/opt.go).
 * What that driver refuses on this Engine is refused here by its key; nothing is left out in silence.
 */
import { contextSource } from '../../../protocol/build.ts'
import { Problem } from '../../../protocol/problems.ts'
import type { Build } from '../../../protocol/stackfile/model.ts'
import { ulimitsOf } from '../../stack/mapping/resources.ts'

/** What the BuildKit at hand can do. */
export interface BuilderFacts {
  /** `contexts`: it knows named contexts, shm-size and ulimits, which came with Engine 23 (Dockerfile 1.4). */
  readonly frontend: 'contexts' | 'basic'
  readonly imageStore: 'graph-driver' | 'containerd'
  readonly hostGatewayIp: string | undefined
}

export interface SolveInput {
  readonly service: string
  readonly build: Build
  readonly imageName: string
  readonly platform: string | undefined
  readonly facts: BuilderFacts
  /** Name of the Dockerfile in the folder that holds it. */
  readonly dockerfile: string
  /** Where the Dockerfile comes from a folder of its own although the Engine fetches the context. */
  readonly dockerfileFrom: 'default' | 'session'
  readonly imageOf: (service: string) => string
}

export interface SolveOptions {
  readonly frontend: string
  readonly attributes: Readonly<Record<string, string>>
  readonly names: readonly string[]
  readonly entitlements: readonly string[]
  readonly cacheImports: readonly CacheEntry[]
  readonly cacheExports: readonly CacheEntry[]
}

export interface CacheEntry {
  readonly Type: string
  readonly Attrs: Readonly<Record<string, string>>
}

const STORE_HINT = "turn on the Engine's containerd image store, or build it elsewhere and name it in `image`"

export function solveOptions(input: SolveInput): SolveOptions {
  const { build, service } = input
  refuseAlways(service, build)
  const cacheImports = (build.cache_from ?? []).map((entry) => cacheImport(service, entry))
  const cacheExports = cacheExportsOf(input)
  const syntax = build.args?.BUILDKIT_SYNTAX?.trim()
  const { network } = build
  const attributes: Record<string, string> = {
    filename: input.dockerfile,
    ...(input.dockerfileFrom === 'session' ? { dockerfilekey: 'dockerfile' } : {}),
    ...remoteContext(input),
    ...prefixed('build-arg:', build.args ?? {}),
    ...prefixed('label:', build.labels ?? {}),
    ...(build.target === undefined || build.target === '' ? {} : { target: build.target }),
    ...(build.no_cache === true ? { 'no-cache': '' } : {}),
    // The docker driver takes an image that the Engine has, unless it is told to pull.
    'image-resolve-mode': build.pull === true ? 'pull' : 'local',
    ...platformOf(input),
    ...(network === 'host' || network === 'none' ? { 'force-network-mode': network } : {}),
    ...extraHosts(input),
    ...limits(input),
    ...attestations(input),
    ...namedContexts(input),
    ...(cacheImports.length === 0 ? {} : { 'cache-imports': JSON.stringify(cacheImports) }),
    ...(syntax === undefined || syntax === '' ? {} : { source: syntax.split(' ', 1)[0]!, cmdline: syntax }),
  }
  return {
    frontend: syntax === undefined || syntax === '' ? 'dockerfile.v0' : 'gateway.v0',
    attributes,
    names: [input.imageName, ...(build.tags ?? [])],
    entitlements: entitlementsOf(build),
    cacheImports,
    cacheExports,
  }
}

/** Names that a stage may have for another context, as the frontend looks them up: short, without `:latest`. */
export function contextName(name: string): string {
  return name
    .replace(/^docker\.io\//, '')
    .replace(/^library\//, '')
    .replace(/:latest$/, '')
}

/** The name of a local folder in the session; two names are BuildKit's own. */
export const localName = (name: string): string => (name === 'context' || name === 'dockerfile' ? `_${name}` : name)

export function refusal(service: string, key: string, why: string, hint?: string): Problem {
  return new Problem('unsupported', `services.${service}.build.${key}: ${why}`, { hint })
}

function refuseAlways(service: string, build: Build): void {
  const { network } = build
  if (network !== undefined && !['', 'default', 'none', 'host'].includes(network)) {
    throw refusal(service, 'network', `BuildKit builds with default, none or host, not "${network}"`)
  }
  if (build.isolation !== undefined && !['', 'default'].includes(build.isolation)) {
    throw refusal(service, 'isolation', 'this is for Windows containers, and BuildKit does not know it')
  }
}

function remoteContext({ service, build, facts }: SolveInput): Record<string, string> {
  const source = contextSource(build.context ?? '.')
  if (source.kind !== 'url') return {}
  const isNew = source.url.startsWith('ssh://') || /#[^:]*:./.test(source.url)
  if (facts.frontend === 'basic' && isNew) {
    throw refusal(
      service,
      'context',
      `the BuildKit of this Engine knows neither ssh:// nor a folder of a repository: ${source.url}`,
      'update to Engine 23 or newer; over SSH, git@HOST:PATH works here',
    )
  }
  return { context: source.url }
}

function prefixed(prefix: string, values: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) => (value === null ? [] : [[`${prefix}${key}`, value] as const])),
  )
}

/** The platform of the service is the one that will run; without it the file's list counts. */
function platformOf({ service, build, platform, facts }: SolveInput): Record<string, string> {
  const platforms = platform === undefined ? (build.platforms ?? []) : [platform]
  if (platforms.length > 1 && facts.imageStore === 'graph-driver') {
    throw refusal(
      service,
      'platforms',
      'an image for several platforms does not fit into this image store of the Engine',
      `name one platform, or ${STORE_HINT}`,
    )
  }
  return platforms.length === 0 ? {} : { platform: platforms.join(',') }
}

function extraHosts({ service, build, facts }: SolveInput): Record<string, string> {
  const hosts = (build.extra_hosts ?? []).map((entry) => {
    const at = entry.includes('=') ? entry.indexOf('=') : entry.indexOf(':')
    const [name, address] = [entry.slice(0, at), entry.slice(at + 1).replace(/^\[(.*)\]$/, '$1')]
    if (address !== 'host-gateway') return `${name}=${address}`
    if (facts.hostGatewayIp === undefined) {
      throw refusal(service, 'extra_hosts', 'this Engine does not say what host-gateway is', 'write the address')
    }
    return `${name}=${facts.hostGatewayIp}`
  })
  return hosts.length === 0 ? {} : { 'add-hosts': hosts.join(',') }
}

function limits({ service, build, facts }: SolveInput): Record<string, string> {
  const shmBytes = Number(build.shm_size ?? 0)
  const ulimits = ulimitsOf(build.ulimits)
  for (const [key, isGiven] of [
    ['shm_size', shmBytes > 0],
    ['ulimits', ulimits.length > 0],
  ] as const) {
    if (isGiven && facts.frontend === 'basic') throw needsNewerFrontend(service, key)
  }
  return {
    ...(shmBytes > 0 ? { 'shm-size': String(shmBytes) } : {}),
    ...(ulimits.length > 0
      ? { ulimit: ulimits.map(({ Name, Soft, Hard }) => `${Name}=${Soft}:${Hard}`).join(',') }
      : {}),
  }
}

const needsNewerFrontend = (service: string, key: string): Problem =>
  refusal(
    service,
    key,
    "this Engine's Dockerfile frontend does not know it",
    'update to Engine 23 or newer, or begin the Dockerfile with: # syntax=docker/dockerfile:1',
  )

function attestations({ service, build, facts }: SolveInput): Record<string, string> {
  const found: Record<string, string> = {}
  for (const key of ['provenance', 'sbom'] as const) {
    const value = build[key] === undefined ? 'false' : String(build[key])
    if (value === 'false' || value === '') continue
    if (facts.imageStore === 'graph-driver') {
      throw refusal(service, key, 'attestations do not fit into this image store of the Engine', STORE_HINT)
    }
    found[`attest:${key}`] = value === 'true' ? '' : value
  }
  return found
}

function namedContexts({ service, build, facts, imageOf }: SolveInput): Record<string, string> {
  const entries = Object.entries(build.additional_contexts ?? {})
  if (entries.length === 0) return {}
  if (facts.frontend === 'basic') throw needsNewerFrontend(service, 'additional_contexts')
  const found: Record<string, string> = { 'frontend.caps': 'moby.buildkit.frontend.contexts+forward' }
  for (const [key, value] of entries) {
    const name = contextName(key)
    const at = `additional_contexts.${key}`
    const source = contextSource(value)
    if (source.kind === 'folder') {
      found[`context:${name}`] = `local:${localName(name)}`
      found[`sharedkey:localdir:${name}`] = name
    } else if (source.kind === 'image') found[`context:${name}`] = value
    else if (source.kind === 'service') {
      if (build.pull === true) {
        throw refusal(service, 'pull', `with ${at} from service ${source.service}, whose image is in no registry`)
      }
      found[`context:${name}`] = `docker-image://${imageOf(source.service)}`
    } else if (source.kind === 'url') found[`context:${name}`] = source.url
    else {
      throw refusal(service, at, 'an OCI layout lies on the machine of the client', 'load the image into the Engine')
    }
  }
  return found
}

function entitlementsOf(build: Build): string[] {
  const wanted = new Set(build.entitlements ?? [])
  if (build.privileged === true) wanted.add('security.insecure')
  if (build.network === 'host') wanted.add('network.host')
  return [...wanted]
}

/** A reference alone is an image in a registry, or here, that carries its cache. */
function cacheImport(service: string, entry: string): CacheEntry {
  const cache = cacheEntry(entry)
  if (cache.Type !== 'registry') {
    throw refusal(service, 'cache_from', `type=${cache.Type} is nothing that this Engine can read`, 'use type=registry')
  }
  return cache
}

function cacheExportsOf({ service, build, facts }: SolveInput): CacheEntry[] {
  const entries = (build.cache_to ?? []).map(cacheEntry)
  for (const { Type } of entries) {
    if (Type === 'inline' || (Type === 'registry' && facts.imageStore === 'containerd')) continue
    throw refusal(
      service,
      'cache_to',
      `the Engine's builder exports its cache with type=inline, not type=${Type}`,
      'use type=inline, and push the image',
    )
  }
  const inline = /^(1|t|true)$/i.test(build.args?.BUILDKIT_INLINE_CACHE ?? '')
  if (inline && !entries.some(({ Type }) => Type === 'inline')) entries.push({ Type: 'inline', Attrs: {} })
  return entries
}

function cacheEntry(entry: string): CacheEntry {
  if (!entry.includes('=')) return { Type: 'registry', Attrs: { ref: entry } }
  const fields = Object.fromEntries(
    entry.split(',').map((field): [string, string] => {
      const at = field.indexOf('=')
      return at < 0 ? [field.trim(), ''] : [field.slice(0, at).trim(), field.slice(at + 1).trim()]
    }),
  )
  const { type, ...attributes } = fields
  return { Type: type ?? 'registry', Attrs: attributes }
}
