import type { ServiceState } from '../stack/desired.ts'

/** What is desired of services once their images are known, and the revision that this is. */
export interface Pinned {
  readonly revision: number
  readonly services: readonly ServiceState[]
}
