/** Builds as a bake file (https://docs.docker.com/build/bake/reference/), for `docker buildx bake` to build the same. */
import { resolve } from 'node:path'
import { contextSource, declaredAgents } from '../protocol/build.ts'
import { type ProxySettings, proxyArguments } from '../protocol/proxy.ts'
import type { BuildOptions } from '../protocol/resources/job.ts'
import type { FileObject, Model, Service } from '../protocol/stackfile/model.ts'

type Target = Record<string, unknown>

interface BakeOptions extends BuildOptions {
  /** Agents for each build, beside those of the file. */
  readonly ssh: readonly (readonly [id: string, paths: string])[]
  readonly proxy?: ProxySettings | undefined
}

export function bakeFileOf(
  model: Model,
  builds: readonly (readonly [name: string, service: Service])[],
  options: BakeOptions,
): object {
  const names = builds.map(([name]) => targetName(name))
  return {
    group: { default: { targets: names } },
    target: Object.fromEntries(
      builds.map(([name, service]) => [targetName(name), targetOf(model, name, service, options)]),
    ),
  }
}

/** A dot in bake's names of targets has a meaning of its own. */
const targetName = (service: string): string => service.replaceAll('.', '_')

function targetOf(model: Model, name: string, service: Service, options: BakeOptions): Target {
  const build = service.build!
  const args = { ...proxyArguments(options.proxy), ...build.args, ...options.args }
  const { context = '.', dockerfile = 'Dockerfile' } = build
  const isFolder = contextSource(context).kind === 'folder'
  const isPushed = options.images === 'push' && service.image !== undefined
  const target: Target = {
    context,
    contexts: mapped(build.additional_contexts, contextOf),
    ...(build.dockerfile_inline === undefined
      ? { dockerfile: isFolder ? resolve(context, dockerfile) : dockerfile }
      : { 'dockerfile-inline': build.dockerfile_inline }),
    args: Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null)),
    labels: build.labels,
    tags: [...new Set([...(build.tags ?? []), service.image ?? `${model.name}-${name}`])],
    'cache-from': build.cache_from,
    'cache-to': build.cache_to,
    target: build.target,
    secret: (build.secrets ?? []).map(({ source, target: id }) => secretOf(id ?? source, model.secrets?.[source])),
    ssh: [...declaredAgents(build), ...options.ssh].map(([id, paths]) => `${id}=${paths}`),
    platforms: service.platform === undefined ? build.platforms : [service.platform],
    pull: options.bases === 'pull' || build.pull === true ? true : undefined,
    'no-cache': options.cache === 'ignore' || build.no_cache === true ? true : undefined,
    network: build.network,
    'shm-size': build.shm_size === undefined ? undefined : String(build.shm_size),
    ulimits: Object.entries(build.ulimits ?? {}).map(([limit, value]) =>
      typeof value === 'number' ? `${limit}=${value}` : `${limit}=${value.soft}:${value.hard}`,
    ),
    entitlements: [...new Set([...(build.entitlements ?? []), ...(build.privileged ? ['security.insecure'] : [])])],
    'extra-hosts': Object.fromEntries((build.extra_hosts ?? []).map(hostOf)),
    call: options.outcome === 'check' ? 'lint' : undefined,
    output: [isPushed ? 'type=image,push=true' : 'type=docker'],
    attest: attestationsOf(options.provenance ?? build.provenance, options.sbom ?? build.sbom),
  }
  return Object.fromEntries(Object.entries(target).filter(([, value]) => !isNothing(value)))
}

const isNothing = (value: unknown): boolean =>
  value === undefined ||
  value === '' ||
  (typeof value === 'object' && value !== null && Object.keys(value).length === 0)

const mapped = (values: Readonly<Record<string, string>> | undefined, change: (value: string) => string) =>
  Object.fromEntries(Object.entries(values ?? {}).map(([key, value]) => [key, change(value)]))

function contextOf(value: string): string {
  const source = contextSource(value)
  return source.kind === 'service' ? `target:${targetName(source.service)}` : value
}

function secretOf(id: string, object: FileObject | undefined): string {
  return object?.environment === undefined
    ? `id=${id},type=file,src=${object?.file ?? ''}`
    : `id=${id},type=env,env=${object.environment}`
}

function hostOf(entry: string): [string, string] {
  return entry.includes('=') ? splitOnce(entry) : splitOnce(entry, ':')
}

function splitOnce(text: string, by = '='): [string, string] {
  const at = text.indexOf(by)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function attestationsOf(provenance: string | undefined, sbom: string | undefined): string[] {
  return Object.entries({ provenance, sbom }).flatMap(([type, value]) => {
    if (value === undefined || value === '' || value === 'false') return []
    return [value === 'true' ? `type=${type}` : `type=${type},${value}`]
  })
}
