/** Images that only revisions of long ago were made of. */
import { z } from 'zod'

/** How many revisions of each stack keep their images, so that `rollback` reaches them. */
const Keep = z.coerce.number().int().min(1).max(10_000).default(10)

export const GarbageQuery = z.strictObject({ keep: Keep })
export type GarbageQuery = z.infer<typeof GarbageQuery>

export const GarbageImage = z.object({
  id: z.string(),
  /** Under which it would no longer be found. Empty: it has none. */
  names: z.array(z.string()),
  sizeBytes: z.number(),
  /** The last revision of each stack that was made of it. */
  revisions: z.array(z.object({ stack: z.string(), revision: z.number().int() })),
})
export type GarbageImage = z.infer<typeof GarbageImage>

export const Garbage = z.object({ images: z.array(GarbageImage) })
export type Garbage = z.infer<typeof Garbage>

/** Those that were shown: what came to be garbage since stays. */
export const CollectRequest = z.strictObject({ keep: Keep, images: z.array(z.string().max(300)).min(1).max(10_000) })
export type CollectRequest = z.infer<typeof CollectRequest>

export const Collected = z.object({
  removed: z.array(z.string()),
  /** What is no garbage any more, or what the Engine did not let go, in its words. */
  left: z.array(z.object({ id: z.string(), why: z.string() })),
})
export type Collected = z.infer<typeof Collected>
