import { z } from 'zod'

/** A name by which containers on a network find each other, and whom it means now. */
export const ResolvedName = z.object({
  name: z.string(),
  /** Name of the network on the Engine: elsewhere it means nothing. */
  network: z.string(),
  /** Containers that run, with their addresses there. A name that means several is answered with all of them. */
  targets: z.array(z.object({ container: z.string(), address: z.string() })),
  /** Containers that are given this answer: on networks of several releases each asks in those of the older ones first. */
  askers: z.array(z.string()),
})
export type ResolvedName = z.infer<typeof ResolvedName>
