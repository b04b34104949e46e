/**
 * Images that nothing is made of any more but revisions of long ago. What any container has, whoever made it, what a service
 * is at, what the last revisions of a stack need, and what somebody gave a name of their own stays.
 */
import { Problem } from '../../protocol/problems.ts'
import type { Collected, GarbageImage } from '../../protocol/resources/garbage.ts'
import { splitReference } from '../engine/images.ts'
import type { ImageInspect } from '../engine/types.ts'
import type { Core } from '../reconcile/core.ts'
import { deadline } from '../reconcile/deadline.ts'
import { withRegistry } from '../stack/policy-images.ts'
import type { Store } from '../store/store.ts'

type GarbageCore = Pick<Core, 'engine' | 'store'>

interface Found extends GarbageImage {
  /** What the Engine is to be asked to remove: each of its names, or its id. */
  readonly handles: readonly string[]
}

export class ImageGarbage {
  readonly #core: GarbageCore

  constructor(core: GarbageCore) {
    this.#core = core
  }

  /** The largest first. `keep`: how many revisions of each stack keep their images. */
  async find(keep: number): Promise<GarbageImage[]> {
    return (await this.#find(keep)).map(({ handles: _, ...image }) => image)
  }

  /** Removes those of `ids` that are garbage still. */
  async collect(ids: readonly string[], keep: number): Promise<Collected> {
    const garbage = new Map((await this.#find(keep)).map((image) => [image.id, image]))
    const removed: string[] = []
    const left: Collected['left'] = []
    for (const id of ids) {
      const image = garbage.get(id)
      if (image === undefined) left.push({ id, why: 'it is in use, or needed, or gone' })
      else {
        const why = await this.#remove(image)
        if (why === undefined) removed.push(id)
        else left.push({ id, why })
      }
    }
    return { removed, left }
  }

  async #find(keep: number): Promise<Found[]> {
    const { engine, store } = this.#core
    const signal = deadline()
    const pinned = store.revisions.pinnedImages()
    const needed = neededImages(store, keep)
    for (const { ImageID } of await engine.containers.list({ all: true }, { signal })) needed.add(ImageID)
    const found: Found[] = []
    for (const [id, { references, revisions }] of pinned) {
      if (needed.has(id)) continue
      const image = await engine.images.inspect(id, { signal })
      if (image === undefined) continue
      const handles = handlesOf(id, image, references)
      if (handles === undefined) continue
      found.push({ id, names: [...(image.RepoTags ?? [])], sizeBytes: image.Size ?? 0, revisions, handles })
    }
    return found.sort((a, b) => b.sizeBytes - a.sizeBytes || (a.id < b.id ? -1 : 1))
  }

  /** Why it could not be; undefined: it is gone. */
  async #remove({ handles }: Found): Promise<string | undefined> {
    try {
      for (const handle of handles) await this.#core.engine.images.remove(handle, {}, { signal: deadline() })
      return undefined
    } catch (error) {
      if (!(error instanceof Problem) || error.engine === undefined) throw error
      return error.engine.status === 404 ? undefined : error.message
    }
  }
}

/** Undefined where it has a name that no revision knows it by. */
function handlesOf(
  id: string,
  { RepoTags, RepoDigests }: ImageInspect,
  references: ReadonlySet<string>,
): readonly string[] | undefined {
  const tags = RepoTags ?? []
  const known = new Set([...references].map(nameOf))
  if (tags.some((tag) => !known.has(nameOf(tag)))) return undefined
  if (tags.length > 0) return tags
  // Pulled by digest: whoever did so from another place as well may want it.
  return (RepoDigests ?? []).length > 1 ? undefined : [id]
}

/** In full: what the Engine calls `nginx:latest` a file may call `docker.io/library/nginx`. */
function nameOf(reference: string): string {
  const { repo, tag } = splitReference(reference)
  return withRegistry(`${repo}:${tag}`)
}

function neededImages(store: Store, keep: number): Set<string> {
  const needed = new Set<string>()
  const add = (stack: string, revision: number): void => {
    for (const { imageId } of store.revisions.pins(stack, revision)) needed.add(imageId)
  }
  for (const stack of store.revisions.stacks()) {
    const latest = store.revisions.latestNumber(stack)
    for (let number = latest; number > 0 && number > latest - keep; number -= 1) add(stack, number)
    for (const { revision } of store.stacks.services(stack)) add(stack, revision)
    // What a deployment is bringing up, or would go back to, has its pins; it may not have its containers yet.
    for (const { revision } of store.deployments.open(stack)) if (revision !== undefined) add(stack, revision)
  }
  return needed
}
