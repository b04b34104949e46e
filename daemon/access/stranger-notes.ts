/**
 * How much of the audit those may write whom nobody knows. A refusal costs them nothing, and each entry that they cause
 * pushes an older one out: beyond so many in an hour their refusals are counted, and told in one entry.
 */
export interface StrangerRules {
  readonly windowMs: number
  /** Entries in a window: of one source, and of all together. */
  readonly ofSource: number
  readonly ofAll: number
}

export const STRANGERS: StrangerRules = { windowMs: 3_600_000, ofSource: 30, ofAll: 1000 }

export class StrangerNotes {
  readonly #rules: StrangerRules
  /** Entries of this window by source: no more sources than entries. */
  readonly #noted = new Map<string, number>()
  #sinceMs = Number.NEGATIVE_INFINITY
  #count = 0
  #leftOut = 0

  constructor(rules: StrangerRules = STRANGERS) {
    this.#rules = rules
  }

  /** Whether this one is written down; and how many of the window before were not, told once. */
  take(source: string, nowMs: number): { readonly isNoted: boolean; readonly leftOut: number } {
    const { windowMs, ofSource, ofAll } = this.#rules
    let leftOut = 0
    if (Math.abs(nowMs - this.#sinceMs) >= windowMs) {
      leftOut = this.#leftOut
      this.#sinceMs = nowMs
      this.#noted.clear()
      this.#count = 0
      this.#leftOut = 0
    }
    const own = this.#noted.get(source) ?? 0
    const isNoted = own < ofSource && this.#count < ofAll
    if (isNoted) {
      this.#noted.set(source, own + 1)
      this.#count += 1
    } else this.#leftOut += 1
    return { isNoted, leftOut }
  }
}
