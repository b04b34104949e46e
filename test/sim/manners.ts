/** How Engines of two releases behave, as measured on real ones. */

/** How an Engine of some release behaves where releases differ. */
export interface Manners {
  /** How long dockerd cleans up after the end of a container before its list shows that end. */
  readonly settleMs: readonly number[]
  /** Whether it tells of the end before it cleans up, or after. */
  readonly tellsOfEnd: 'first' | 'last'
  /** Whether a `kill` is answered when the process has ended, or when that is cleaned up as well. A `stop` is only then. */
  readonly answersKill: 'at-once' | 'settled'
  /** How long a removal takes: its name is taken until then. */
  readonly removalMs: readonly number[]
}

const REMOVAL_MS = [1, 4, 9, 15, 30, 30, 30, 1200]
/** Its list may be older than the answer of a kill. */
export const ENGINE_28: Manners = {
  settleMs: [0, 0, 3, 20, 150],
  tellsOfEnd: 'last',
  answersKill: 'at-once',
  removalMs: REMOVAL_MS,
}
/** It tells of an end up to 700 ms before its list shows it. */
export const ENGINE_20: Manners = {
  settleMs: [0, 2, 40, 250, 700],
  tellsOfEnd: 'first',
  answersKill: 'settled',
  removalMs: REMOVAL_MS,
}
