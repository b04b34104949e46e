/** Changes in batches: what an editor or a checkout does in one go comes as one. Each path is in a batch once. */

/** Nothing has changed for so long (as in Compose): the batch is whole. */
const QUIET_MS = 500
/** Where it never becomes quiet, a batch is taken after so long. */
const LONGEST_MS = 5000

export class Batches implements AsyncIterable<readonly string[]> {
  #paths = new Set<string>()
  #firstAt = 0
  #lastAt = 0
  #ended: { readonly error?: unknown } | undefined
  #wake = (): void => {}

  add(path: string): void {
    const now = performance.now()
    if (this.#paths.size === 0) this.#firstAt = now
    this.#paths.add(path)
    this.#lastAt = now
    this.#wake()
  }

  /** No more come. With an error, that is what the reader gets. */
  end(...error: readonly unknown[]): void {
    this.#ended ??= error.length === 0 ? {} : { error: error[0] }
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly string[]> {
    for (;;) {
      if (this.#ended !== undefined) {
        if ('error' in this.#ended) throw this.#ended.error
        return
      }
      const waitMs = this.#paths.size === 0 ? undefined : this.#dueInMs()
      if (waitMs !== undefined && waitMs <= 0) {
        const batch = [...this.#paths].sort()
        this.#paths = new Set()
        yield batch
      } else await this.#somethingNew(waitMs)
    }
  }

  #dueInMs(): number {
    return Math.min(this.#lastAt + QUIET_MS, this.#firstAt + LONGEST_MS) - performance.now()
  }

  #somethingNew(atMostMs: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = atMostMs === undefined ? undefined : setTimeout(resolve, atMostMs)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
