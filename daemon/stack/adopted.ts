/**
 * What we took over from Docker Compose. The Engine cannot change the labels of what is there, so that what our labels
 * say of an object of ours is kept for an adopted one by its id.
 */
import type { Observed } from './observed.ts'

export interface Adopted {
  readonly id: string
  readonly kind: 'container' | 'network'
  /** Of a container: its number from 1 without gaps, whatever Compose counted. */
  readonly replica: number | undefined
  /** The revision that it stands for; undefined where it was made from something else. */
  readonly revision: number | undefined
  /** The spec hash that it would carry had we made it; undefined where it was made from something else. */
  readonly specHash: string | undefined
}

/** The same, where the adopted are ours. */
export function withAdopted(observed: Observed, adopted: readonly Adopted[]): Observed {
  if (adopted.length === 0) return observed
  const known = new Map(adopted.map((one) => [one.id, one]))
  return {
    ...observed,
    containers: observed.containers.map((container) => {
      const one = known.get(container.id)
      if (one === undefined) return container
      const { replica, revision, specHash } = one
      return { ...container, ownership: 'ours', replica: replica ?? container.replica, revision, specHash }
    }),
    networks: observed.networks.map((network) => {
      const one = known.get(network.id)
      return one === undefined ? network : { ...network, ownership: 'ours', specHash: one.specHash }
    }),
  }
}
