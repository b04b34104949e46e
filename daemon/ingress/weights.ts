/**
 * How what is new for a service is divided between the containers of a revision on trial and the others, in HAProxy's words:
 * weights, and standing by. Pure.
 */
import type { Routed, Split } from '../stack/routing.ts'

export interface Weighed {
  /** `standby`: it could serve, and gets nothing new. */
  readonly state: Routed['state'] | 'standby'
  /** 1 to {@link HEAVIEST}: its part is this one of the sum of all that are ready. */
  readonly weight: number
}

interface Candidate {
  readonly state: Routed['state']
  readonly revision: number | undefined
}

/** HAProxy's own bound. */
export const HEAVIEST = 256

/** In the order of the containers. Where one side has nobody that is ready, the other serves, whatever its part was to be. */
export function weigh(containers: readonly Candidate[], split: Split | undefined): Weighed[] {
  if (split === undefined) return containers.map(({ state }) => ({ state, weight: 1 }))
  const isTried = ({ revision }: Candidate): boolean => revision === split.revision
  const ready = containers.filter(({ state }) => state === 'ready')
  const tried = ready.filter(isTried).length
  const others = ready.length - tried
  const share = split.isPromoted ? Math.max(split.share, (100 * tried) / Math.max(ready.length, 1)) : split.share
  const isWhole = tried === 0 || others === 0
  const [ofTried, ofOthers] =
    isWhole || share <= 0 || share >= 100 ? [1, 1] : fraction((share * others) / ((100 - share) * tried))
  return containers.map((container) => {
    const standsBy = !isWhole && (isTried(container) ? share <= 0 : share >= 100)
    const state = container.state === 'ready' && standsBy ? 'standby' : container.state
    return { state, weight: isTried(container) ? ofTried : ofOthers }
  })
}

/** The two whole numbers that come nearest to a ratio, the smallest of those that come as near. */
export function fraction(ratio: number): readonly [number, number] {
  let best: readonly [number, number] = [1, 1]
  let off = Number.POSITIVE_INFINITY
  for (let below = 1; below <= HEAVIEST; below += 1) {
    const above = Math.min(Math.max(Math.round(ratio * below), 1), HEAVIEST)
    const away = Math.abs(Math.log(above / below / ratio))
    if (away < off - 1e-12) [best, off] = [[above, below], away]
  }
  return best
}
