/** Images by their digests, as `config --resolve-image-digests` prints them. */
import { Problem } from '../problems.ts'
import type { Model, Service } from './model.ts'
import { setKey } from './tree.ts'

/** Every image in full, with its digest. Throws where one has none: which it has is for a registry to say. */
export function withPinnedImages(model: Model): Model {
  const services: Record<string, Service> = {}
  for (const [name, service] of Object.entries(model.services)) {
    setKey(services, name, service.image === undefined ? service : { ...service, image: pinned(service.image) })
  }
  return { ...model, services }
}

/** An override file that says the images and nothing else. */
export function imagesAlone(model: Model): Model {
  const services: Record<string, Service> = {}
  for (const [name, { image }] of Object.entries(model.services)) {
    setKey(services, name, { command: null, entrypoint: null, ...(image === undefined ? {} : { image }) })
  }
  return { name: '', services }
}

function pinned(image: string): string {
  const [reference = '', digest] = image.split('@')
  if (digest === undefined) {
    throw new Problem('unsupported', `${image} has no digest, and evenkeel asks no registry for it`, {
      hint: `find it with: docker buildx imagetools inspect ${image}; then write ${image}@sha256:...`,
    })
  }
  const name = reference.replace(/:[^/:]*$/, '')
  const first = name.split('/')[0]!
  const hasHost = name.includes('/') && (/[.:]/.test(first) || first === 'localhost')
  if (hasHost) return `${name}@${digest}`
  return `docker.io/${name.includes('/') ? '' : 'library/'}${name}@${digest}`
}
