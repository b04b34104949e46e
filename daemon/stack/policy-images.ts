/** The strict policy on images: where they come from, what they may be called, and what builds may ask for. Pure. */
import { matchesPattern } from '../../protocol/access.ts'
import { contextSource } from '../../protocol/build.ts'
import { registryOf } from '../../protocol/image-reference.ts'
import type { Service } from '../../protocol/stackfile/model.ts'
import type { PolicyRules, Refuse } from './policy-rules.ts'

export function imagesOf(service: Service, at: string, rules: PolicyRules, refuse: Refuse): void {
  const { build } = service
  const named = [
    ...(service.image === undefined ? [] : [[`${at}.image`, service.image] as const]),
    ...(service.volumes ?? []).flatMap((mount, index) =>
      mount.type === 'image' && mount.source !== undefined ? [[`${at}.volumes[${index}]`, mount.source] as const] : [],
    ),
    ...(build?.tags ?? []).map((tag, index) => [`${at}.build.tags[${index}]`, tag] as const),
    ...(['cache_from', 'cache_to'] as const).flatMap((key) =>
      (build?.[key] ?? []).flatMap((entry, index) => {
        const reference = cacheReference(entry)
        return reference === undefined ? [] : [[`${at}.build.${key}[${index}]`, reference] as const]
      }),
    ),
    ...Object.entries(build?.additional_contexts ?? {}).flatMap(([key, value]) => {
      const source = contextSource(value)
      return source.kind === 'image' ? [[`${at}.build.additional_contexts.${key}`, source.reference] as const] : []
    }),
    ...frontendOf(build?.args ?? {}).map((image) => [`${at}.build.args.BUILDKIT_SYNTAX`, image] as const),
  ]
  for (const [path, image] of named) imageOf(path, image, rules, refuse)
}

export function imageOf(path: string, image: string, { images }: PolicyRules, refuse: Refuse): void {
  if (images.includes('*')) return
  if (ID.test(image)) refuse(path, 'registry', `${image} may be the id of an image of any registry: it is not allowed`)
  else if (!images.some((pattern) => matchesPattern(pattern, withRegistry(image))))
    refuse(path, 'registry', `the image ${withRegistry(image)} is of no registry that is allowed`)
}

/** What the Engine takes for the beginning of an id where no image is called so. */
const ID = /^(sha256:)?[0-9a-f]{1,64}$/

/** As the Engine reads a name. */
export function withRegistry(image: string): string {
  const registry = registryOf(image)
  const path = image.startsWith(`${registry}/`) ? image.slice(registry.length + 1) : image
  const isHub = registry === 'docker.io' || registry === 'index.docker.io'
  return isHub ? `docker.io/${path.includes('/') ? path : `library/${path}`}` : image
}

/** A cache in a registry; none where it lies elsewhere. */
function cacheReference(entry: string): string | undefined {
  if (!entry.includes('=')) return entry
  const fields = entry.split(',').map((field) => field.trim())
  return fields.find((field) => field.startsWith('ref='))?.slice('ref='.length)
}

/** An image that reads the Dockerfile, in the place of the Engine's own way. */
function frontendOf(args: Readonly<Record<string, string | null>>): string[] {
  const image = args.BUILDKIT_SYNTAX?.trim().split(' ', 1)[0]
  return image === undefined || image === '' ? [] : [image]
}

export function buildOf(service: Service, at: string, { buildContexts }: PolicyRules, refuse: Refuse): void {
  const { build } = service
  if (build === undefined) return
  if (build.privileged === true) refuse(`${at}.build.privileged`, 'privileged', 'a privileged build is not allowed')
  for (const [index, entitlement] of (build.entitlements ?? []).entries())
    refuse(`${at}.build.entitlements[${index}]`, 'privileged', `the entitlement ${entitlement} is not allowed`)
  if (build.network !== undefined && !['', 'default', 'none'].includes(build.network))
    refuse(`${at}.build.network`, 'host-namespace', `a build in the network "${build.network}" is not allowed`)
  const contexts = [
    ...(build.context === undefined ? [] : [[`${at}.build.context`, build.context] as const]),
    ...Object.entries(build.additional_contexts ?? {}).map(
      ([key, value]) => [`${at}.build.additional_contexts.${key}`, value] as const,
    ),
  ]
  for (const [path, value] of contexts) {
    // The Engine fetches it, from where only the machine itself may reach: metadata of its cloud, services on loopback.
    if (contextSource(value).kind !== 'url') continue
    if (!buildContexts.some((pattern) => matchesPattern(pattern, value)))
      refuse(path, 'remote-context', 'the Engine is not allowed to fetch what it builds from there')
  }
}
