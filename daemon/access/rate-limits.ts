/**
 * Requests of callers with a right credential: each has a bucket that fills evenly, so that no one of them keeps the daemon
 * from the others. The owner's socket has none.
 */
export interface RateRules {
  /** Requests that a bucket gains in a second. */
  readonly perSecond: number
  /** What it holds when it is full, as it is at first. */
  readonly burst: number
  /** Buckets remembered. Beyond, the one that was not used longest goes, and is full when it comes again. */
  readonly callers: number
}

/** Enough for scripts and pipelines that work in parallel. */
export const REQUESTS_PER_SECOND = 100

/** Several people and programs may be behind one address. */
export const ACCOUNTS_OF_A_SOURCE = 4

export const rateOf = (perSecond: number): RateRules => ({ perSecond, burst: perSecond * 20, callers: 20_000 })

interface Bucket {
  readonly left: number
  readonly atMs: number
}

export class RateLimits {
  readonly #rules: RateRules
  /** In the order of their last use. */
  readonly #buckets = new Map<string, Bucket>()

  constructor(rules: RateRules) {
    this.#rules = rules
  }

  /** Takes one request. Answers the milliseconds until the next one is free where there is none; 0: it may go on. */
  take(caller: string, nowMs: number): number {
    const { perSecond, burst, callers } = this.#rules
    const { left: before, atMs } = this.#buckets.get(caller) ?? { left: burst, atMs: nowMs }
    // A clock that was set back fills nothing, and takes nothing.
    const left = Math.min(before + (Math.max(nowMs - atMs, 0) * perSecond) / 1000, burst)
    const isFree = left >= 1
    this.#buckets.delete(caller)
    this.#buckets.set(caller, { left: isFree ? left - 1 : left, atMs: nowMs })
    if (this.#buckets.size > callers) {
      const [oldest] = this.#buckets.keys()
      this.#buckets.delete(oldest!)
    }
    return isFree ? 0 : Math.ceil(((1 - left) * 1000) / perSecond)
  }
}
