/**
 * Simulated time. Nothing waits: time jumps from one timer to the next as soon as all that can run has run, so that
 * minutes pass in milliseconds, and always in the same order.
 */
import type { Clock } from '../../daemon/reconcile/clock.ts'

export interface Timer {
  readonly dueMs: number
  readonly sequence: number
  readonly run: () => void
  cancelled: boolean
}

/** More steps than this without time going on: something spins. */
const SPIN_LIMIT = 20_000

const realSetImmediate = setImmediate
const drained = (): Promise<void> => new Promise((resolve) => realSetImmediate(resolve))

export class Scheduler {
  /** Since the world began; it never jumps. */
  nowMs = 0
  #heap: Timer[] = []
  #sequence = 0
  #stillFor = 0

  after(delayMs: number, run: () => void): Timer {
    const wait = Number.isFinite(delayMs) ? Math.max(0, Math.ceil(delayMs)) : 0
    const timer = { dueMs: this.nowMs + wait, sequence: this.#sequence++, run, cancelled: false }
    this.#push(timer)
    return timer
  }

  /** Lets so much time pass, or less when `until` holds. */
  async advance(ms: number, until?: () => boolean): Promise<void> {
    const end = this.nowMs + ms
    for (;;) {
      await drained()
      if (until?.()) return
      const next = this.#peek()
      if (next === undefined || next.dueMs > end) {
        this.nowMs = end
        this.#stillFor = 0
        return
      }
      if (next.dueMs > this.nowMs) this.#stillFor = 0
      else if (++this.#stillFor > SPIN_LIMIT) throw new Error('something spins: time does not go on')
      this.nowMs = next.dueMs
      // All that is due at this very millisecond happens side by side, as it would on a busy machine.
      for (let timer = this.#peek(); timer !== undefined && timer.dueMs <= this.nowMs; timer = this.#peek()) {
        this.#pop()
        timer.run()
      }
    }
  }

  #peek(): Timer | undefined {
    while (this.#heap[0]?.cancelled) this.#pop()
    return this.#heap[0]
  }

  #push(timer: Timer): void {
    const heap = this.#heap
    let index = heap.push(timer) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!before(timer, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = timer
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1
      if (!before(heap[child]!, last)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
  }
}

const before = (a: Timer, b: Timer): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.sequence < b.sequence)

/** What people and files call time. It can be set forward and back. */
export class WallClock {
  readonly #scheduler: Scheduler
  skewMs = 0

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  nowMs(): number {
    return EPOCH_MS + this.#scheduler.nowMs + this.skewMs
  }
}

const EPOCH_MS = Date.UTC(2026, 0, 1)

/** One run of the daemon's process. What it began never goes on once it is dead. */
export class Life {
  alive = true
  readonly number: number
  readonly #onEnd: (() => void)[] = []

  constructor(number: number) {
    this.number = number
  }

  onEnd(run: () => void): void {
    this.#onEnd.push(run)
  }

  end(): void {
    if (!this.alive) return
    this.alive = false
    for (const run of this.#onEnd.splice(0)) run()
  }
}

/** The clock that the core gets. */
export class SimulatedClock implements Clock {
  readonly #scheduler: Scheduler
  readonly #wall: WallClock
  readonly #life: Life

  constructor(scheduler: Scheduler, wall: WallClock, life: Life) {
    this.#scheduler = scheduler
    this.#wall = wall
    this.#life = life
  }

  now(): Date {
    return new Date(this.#wall.nowMs())
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const wake = (): void => {
        timer.cancelled = true
        signal?.removeEventListener('abort', wake)
        if (this.#life.alive) resolve()
      }
      const timer = this.#scheduler.after(ms, wake)
      signal?.addEventListener('abort', wake, { once: true })
    })
  }
}

export interface TimerHost {
  readonly scheduler: Scheduler
  readonly life: Life
  /** A timer's function threw: that ends a real process. */
  readonly onThrow: (error: unknown) => void
}

class SimulatedTimeout {
  readonly timer: Timer
  constructor(timer: Timer) {
    this.timer = timer
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
  hasRef(): boolean {
    return true
  }
}

/** `setTimeout`, `clearTimeout` and `AbortSignal.timeout` of this process run on simulated time from now on. */
export function installTimers(host: () => TimerHost | undefined): void {
  const real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout }
  const realTimeout = AbortSignal.timeout.bind(AbortSignal)
  const later = (run: () => void, ms: number): SimulatedTimeout | undefined => {
    const at = host()
    if (at === undefined) return undefined
    const { life, onThrow, scheduler } = at
    return new SimulatedTimeout(
      scheduler.after(Math.max(1, ms), () => {
        if (!life.alive) return
        try {
          run()
        } catch (error) {
          if (life.alive) onThrow(error)
        }
      }),
    )
  }
  const patched = {
    setTimeout: (run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
      later(() => run(...args), ms) ?? real.setTimeout(run, ms, ...args),
    clearTimeout: (handle: unknown) => {
      if (handle instanceof SimulatedTimeout) handle.timer.cancelled = true
      else real.clearTimeout(handle as NodeJS.Timeout)
    },
  }
  Object.assign(globalThis, patched)
  AbortSignal.timeout = (ms: number): AbortSignal => {
    const abort = new AbortController()
    const expire = () => abort.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'))
    return later(expire, ms) === undefined ? realTimeout(ms) : abort.signal
  }
}
