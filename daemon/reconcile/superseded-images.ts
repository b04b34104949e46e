/** Images that earlier revisions of a stack were pinned to, that have no name any more and that nothing uses. */
import type { Core } from './core.ts'
import { deadline } from './deadline.ts'
import { isStatus } from './perform/engine-answers.ts'

/** How far back is looked: who prunes after each build finds one. */
const REVISIONS = 100

/**
 * Removes them, and answers which. Going back to a revision whose image is gone takes a build: what another stack may go back
 * to, or is about to make a container of, is not this one's to remove.
 */
export async function removeSupersededImages({ store, engine }: Core, stack: string): Promise<string[]> {
  const current = new Set(
    store.stacks.services(stack).map(({ service, revision }) => pinOf(store, stack, service, revision)),
  )
  const ofOthers = new Set(store.revisions.imagesOfOthers(stack))
  const earlier = [...pinnedBy(store, stack)].filter((id) => !current.has(id) && !ofOthers.has(id))
  const signal = deadline()
  const removed: string[] = []
  for (const id of earlier) {
    const image = await engine.images.inspect(id, { signal })
    if (image === undefined || (image.RepoTags ?? []).length > 0 || (image.RepoDigests ?? []).length > 0) continue
    try {
      await engine.images.remove(id, {}, { signal })
      removed.push(id)
    } catch (error) {
      // A container has it still, or another image is made of it; or somebody else was quicker.
      if (!isStatus(error, 409) && !isStatus(error, 404)) throw error
    }
  }
  return removed
}

/** Ids of the images of a stack's revisions. */
function pinnedBy({ revisions }: Core['store'], stack: string): ReadonlySet<string> {
  const latest = revisions.latestNumber(stack)
  const ids = new Set<string>()
  for (let number = latest; number > 0 && number > latest - REVISIONS; number -= 1)
    for (const { imageId } of revisions.pins(stack, number)) ids.add(imageId)
  return ids
}

/** A service may be at an earlier revision than others, which is pinned to images of theirs as well. */
function pinOf(store: Core['store'], stack: string, service: string, revision: number): string | undefined {
  return store.revisions.pins(stack, revision).find((pin) => pin.service === service)?.imageId
}
