/** How far a pull or push is, over all of its layers, in a few words. */
import type { JsonMessage } from '../engine/types.ts'

export class TransferProgress {
  readonly #layers = new Map<string, { current: number; total: number }>()

  /** What to say after one more message of the Engine. */
  after({ id, status, progressDetail: detail }: JsonMessage): string {
    if (id !== undefined && detail?.total !== undefined && detail.current !== undefined) {
      this.#layers.set(id, { current: detail.current, total: detail.total })
    }
    let current = 0
    let total = 0
    for (const layer of this.#layers.values()) {
      current += layer.current
      total += layer.total
    }
    return total === 0 ? (status ?? '') : `${megabytes(current)} MB / ${megabytes(total)} MB`
  }
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)
