/** What may be done to containers that are there, beyond bringing them to what is declared. */
export type Operation =
  | {
      readonly kind: 'kill'
      readonly signal: string
      readonly orphans: 'leave' | 'kill'
      /** Services that the signal stops for good; to the others it is only delivered. */
      readonly stops: readonly string[] | 'all'
    }
  | { readonly kind: 'pause' | 'unpause' }
  | {
      readonly kind: 'remove'
      /** Ids. Those of them that run by now stay. */
      readonly containers: readonly string[]
      readonly anonymousVolumes: 'keep' | 'remove'
    }

/** How memory names a replica. */
export const replicaKey = (service: string, replica: number): string => `${service} ${replica}`
