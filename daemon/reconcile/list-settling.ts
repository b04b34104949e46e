/**
 * Containers that ended just now. An Engine's list may be older than what it told or answered: 20.10 tells of an end up to
 * 700 ms before its list shows it, 28 answers a kill before. Meanwhile it holds the container's lock, so that an inspect
 * waits, and once that is answered a list tells of the end as well.
 */
import { Problem } from '../../protocol/problems.ts'
import type { Engine } from '../engine/types.ts'

/** For one that dockerd does not let go of: the list is better than nothing then. */
const WAIT_MS = 3000

export class ListSettling {
  readonly #engine: Pick<Engine, 'containers'>
  /** By stack: which ended, and a number that is another one when it ends again. */
  readonly #ends = new Map<string, Map<string, number>>()
  #count = 0

  constructor(engine: Pick<Engine, 'containers'>) {
    this.#engine = engine
  }

  ended(stack: string, id: string): void {
    const ends = this.#ends.get(stack) ?? new Map<string, number>()
    this.#ends.set(stack, ends)
    this.#count += 1
    ends.set(id, this.#count)
  }

  gone(stack: string, id: string): void {
    const ends = this.#ends.get(stack)
    if (ends?.delete(id) === true && ends.size === 0) this.#ends.delete(stack)
  }

  /** Resolves when a list of the stack's containers is as new as what is known of them. */
  async settled(stack: string, signal: AbortSignal | undefined): Promise<void> {
    const ends = this.#ends.get(stack)
    if (ends === undefined) return
    await Promise.all([...ends].map(([id, end]) => this.#settled(stack, id, end, signal)))
  }

  async #settled(stack: string, id: string, end: number, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#engine.containers.inspect(id, { signal, timeoutMs: WAIT_MS })
    } catch (error) {
      // Whatever else is wrong with the Engine, the list that follows says so.
      if (!isGone(error)) return
    }
    if (this.#ends.get(stack)?.get(id) === end) this.gone(stack, id)
  }
}

const isGone = (error: unknown): boolean => error instanceof Problem && error.engine?.status === 404
