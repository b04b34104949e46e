/**
 * A feed: something that happens, told to whoever listens, without waiting for anybody. The core publishes deployment
 * progress and events into feeds; the WebSocket followers take from them under their own backpressure rule.
 */
export type Listener<T> = (item: T) => void

export interface Feed<T> {
  /** Returns what ends the subscription. A listener must not throw and must not block. */
  subscribe(listener: Listener<T>): () => void
}

/** The simplest feed: synchronous, in the order of publishing. */
export class Channel<T> implements Feed<T> {
  readonly #listeners = new Set<Listener<T>>()

  publish(item: T): void {
    for (const listener of this.#listeners) listener(item)
  }

  subscribe(listener: Listener<T>): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
