/**
 * How containers end: by themselves, by our hand, or by somebody else's past us. Read from events, so that what nobody saw
 * is not known; nothing of it is needed to bring a stack back to what was declared.
 */
import type { EngineEvent } from '../engine/types.ts'
import type { Store } from '../store/store.ts'
import { unwritable } from '../store/unwritable.ts'
import type { Clock } from './clock.ts'

/** So many ends by itself within this time are a loop. The Engine waits up to a minute between its restarts. */
export const CRASH_LOOP = { times: 3, withinMs: 5 * 60_000 } as const
/** A second stop past us within this time is meant. */
const HALTED_WITHIN_MS = 60 * 60_000
/** How long after the answer to a call of ours its events may come, and how long after a signal its end. */
const OURS_FOR_MS = 5000
export const SIGNAL_FOR_MS = 15_000
/** What an Engine that goes away has stopped just before, nobody did by hand. */
const ENGINE_STOP_MS = 20_000
/**
 * Engine 28 now and then tells twice of one end, of a container that was paused when it was stopped: 10 ms apart, and more on a
 * machine that is busy. A start in between is told of as well.
 */
const TOLD_TWICE_MS = 10_000
/** So late an event may come behind the start that it was before. */
const LATE_MS = 60_000
/** The Engine's own loop ends a container within so long of its start, on a machine that is busy. */
const SHORT_LIFE_MS = 15_000
/** From one try to end such a loop to the next, doubled each time: it may be none. */
const LOOP_WAIT_MS = { first: 60_000, last: 60 * 60_000 } as const
const KILLED = 137
/** Signals that no program ends of unless it wants to: HUP, USR1, USR2, CONT, WINCH. */
const HARMLESS = new Set(['1', '10', '12', '18', '28'])

/** A container that has ended by itself again and again. */
export interface CrashLoop {
  /** Within the last five minutes. */
  readonly times: number
  readonly exitCode: number
  readonly outOfMemory: boolean
  readonly lastAt: string
}

export interface Halt {
  readonly stack: string
  readonly id: string
  readonly name: string
  /** Within the hour. */
  readonly times: number
}

interface Halted {
  readonly times: number
  readonly atMs: number
  /** Nothing has started it since. */
  readonly isDown: boolean
}

interface Crash {
  readonly atMs: number
  readonly exitCode: number
  readonly outOfMemory: boolean
  /** From its start to its end; undefined where nobody saw it start. */
  readonly ranMs: number | undefined
}

interface Life {
  readonly crashes: Crash[]
  startedAtMs: number | undefined
  /** The same as the Engine tells it. */
  toldStartMs: number
  /** Where it has not been seen to start since. */
  endedAtMs: number | undefined
  signalledAtMs: number | undefined
  outOfMemory: boolean
  /** Tries to end a loop that the Engine is in over it. */
  tries: { readonly times: number; readonly atMs: number } | undefined
}

export class Endings {
  readonly #store: Pick<Store, 'memory'>
  readonly #clock: Clock
  /** Until when what happens to a container is of our doing, by id. */
  readonly #ours = new Map<string, number>()
  readonly #lives = new Map<string, Life>()
  readonly #halted = new Map<string, Map<string, Halted>>()

  constructor(store: Pick<Store, 'memory'>, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** A call of ours that ends a container, within `forMs` of its answer. */
  async during<T>(id: string, call: () => Promise<T>, forMs = OURS_FOR_MS): Promise<T> {
    this.#ours.set(id, Number.POSITIVE_INFINITY)
    try {
      return await call()
    } finally {
      const now = this.#now()
      for (const [other, untilMs] of this.#ours) if (untilMs < now) this.#ours.delete(other)
      this.#ours.set(id, now + forMs)
    }
  }

  /** Answers what somebody did past us, where that is what the event tells. */
  observe(stack: string, { Action, Actor, timeNano }: EngineEvent): Halt | undefined {
    const id = Actor.ID
    const toldMs = Number(timeNano) / 1e6
    switch (Action) {
      case 'start':
        this.#started(stack, id)
        this.#life(id).toldStartMs = toldMs
        return undefined
      case 'oom':
        this.#life(id).outOfMemory = true
        return undefined
      case 'kill':
        if (this.#isOfLifeBefore(id, toldMs)) return undefined
        if (!HARMLESS.has(Actor.Attributes.signal ?? '')) this.#life(id).signalledAtMs = this.#now()
        return undefined
      case 'die':
        return this.#isOfLifeBefore(id, toldMs) ? undefined : this.#died(stack, id, Actor.Attributes)
      case 'destroy':
        this.#lives.delete(id)
        this.#ours.delete(id)
        this.forgive(stack, id)
        return undefined
      default:
        return undefined
    }
  }

  /** The Engine is gone: containers that it ended on its way out were not stopped by anybody. */
  engineLost(): void {
    const since = this.#now() - ENGINE_STOP_MS
    for (const stack of this.#halted.keys())
      for (const [id, { atMs }] of this.#of(stack)) if (atMs >= since) this.forgive(stack, id)
  }

  /** How often lately each container was stopped past us that is down since, by id. */
  haltedOf(stack: string): Readonly<Record<string, number>> {
    const down = [...this.#of(stack)].filter(([, { isDown }]) => isDown)
    return Object.fromEntries(down.map(([id, { times }]) => [id, times]))
  }

  /** Somebody wants it to run, or it is gone: what was done to it counts no more. */
  forgive(stack: string, id: string): void {
    if (!this.#of(stack).delete(id)) return
    this.#write(() => this.#store.memory.forget(stack, 'halted', id))
  }

  /** The stack is down, or handed back; what is stored of it goes with the rest. */
  forgetStack(stack: string): void {
    this.#halted.delete(stack)
  }

  crashLoopOf(id: string): CrashLoop | undefined {
    const crashes = this.#crashesOf(id)
    const last = crashes.at(-1)
    if (last === undefined || crashes.length < CRASH_LOOP.times) return undefined
    return {
      times: crashes.length,
      exitCode: last.exitCode,
      outOfMemory: last.outOfMemory,
      lastAt: new Date(last.atMs).toISOString(),
    }
  }

  /** It has ended by itself within the last minutes, whatever has become of it. */
  hasCrashed(id: string): boolean {
    return this.#crashesOf(id).length > 0
  }

  /**
   * It is killed again and again soon after its start, with all the memory it wants, and nobody was seen to do it: the Engine
   * may be in a loop over it (perform/engine-loop.ts).
   */
  isEndedByEngine(id: string): boolean {
    const last = this.#crashesOf(id).slice(-CRASH_LOOP.times)
    return (
      last.length === CRASH_LOOP.times &&
      last.every(
        ({ exitCode, outOfMemory, ranMs = Number.POSITIVE_INFINITY }) =>
          exitCode === KILLED && !outOfMemory && ranMs <= SHORT_LIFE_MS,
      )
    )
  }

  /** The same, where the last try to end that loop was not just now. */
  isLoopToBeEnded(id: string): boolean {
    const tries = this.#lives.get(id)?.tries
    const waitMs = tries === undefined ? 0 : LOOP_WAIT_MS.first * 2 ** (tries.times - 1)
    const isDue = tries === undefined || Math.abs(this.#now() - tries.atMs) >= Math.min(waitMs, LOOP_WAIT_MS.last)
    return isDue && this.isEndedByEngine(id)
  }

  /** That loop is about to be ended. */
  endsLoop(id: string): void {
    const life = this.#life(id)
    life.tries = { times: (life.tries?.times ?? 0) + 1, atMs: this.#now() }
    life.crashes.length = 0
  }

  #crashesOf(id: string): Crash[] {
    const now = this.#now()
    return (this.#lives.get(id)?.crashes ?? []).filter(({ atMs }) => Math.abs(now - atMs) <= CRASH_LOOP.withinMs)
  }

  /** It came late: the container was started again since, and is not ended by it. */
  #isOfLifeBefore(id: string, toldMs: number): boolean {
    const late = (this.#lives.get(id)?.toldStartMs ?? 0) - toldMs
    return late > 0 && late <= LATE_MS
  }

  #started(stack: string, id: string): void {
    const life = this.#life(id)
    life.startedAtMs = this.#now()
    life.endedAtMs = undefined
    life.outOfMemory = false
    life.signalledAtMs = undefined
    // What a call of ours ended has ended: the next end is not of that call.
    if (this.#ours.get(id) !== Number.POSITIVE_INFINITY) this.#ours.delete(id)
    this.#isUp(stack, id)
  }

  #isUp(stack: string, id: string): void {
    const before = this.#of(stack).get(id)
    if (before?.isDown) this.#remember(stack, id, { ...before, isDown: false })
  }

  #died(stack: string, id: string, attributes: Readonly<Record<string, string>>): Halt | undefined {
    const now = this.#now()
    const { endedAtMs } = this.#life(id)
    if (endedAtMs !== undefined && Math.abs(now - endedAtMs) <= TOLD_TWICE_MS) return undefined
    this.#life(id).endedAtMs = now
    // Whatever ends has run, also where nobody saw it start.
    this.#isUp(stack, id)
    const isOurs = (this.#ours.get(id) ?? Number.NEGATIVE_INFINITY) >= now
    const life = this.#life(id)
    if (isOurs || isRecent(life.signalledAtMs, now)) {
      life.crashes.length = 0
      return isOurs ? undefined : this.#halt(stack, id, attributes.name ?? id.slice(0, 12), now)
    }
    const { outOfMemory, startedAtMs } = life
    const ranMs = startedAtMs === undefined ? undefined : Math.abs(now - startedAtMs)
    life.crashes.push({ atMs: now, exitCode: Number(attributes.exitCode ?? 0), outOfMemory, ranMs })
    if (life.crashes.length > CRASHES_LIMIT) life.crashes.shift()
    return undefined
  }

  #halt(stack: string, id: string, name: string, now: number): Halt {
    const before = this.#of(stack).get(id)
    const isSoon = before !== undefined && Math.abs(now - before.atMs) <= HALTED_WITHIN_MS
    const times = (isSoon ? before.times : 0) + 1
    this.#remember(stack, id, { times, atMs: now, isDown: true })
    return { stack, id, name, times }
  }

  #remember(stack: string, id: string, halted: Halted): void {
    this.#of(stack).set(id, halted)
    this.#write(() => this.#store.memory.set(stack, 'halted', id, halted))
  }

  /** It serves this life of the daemon all the same. */
  #write(work: () => void): void {
    try {
      work()
    } catch (error) {
      if (unwritable(error) === undefined) throw error
    }
  }

  #of(stack: string): Map<string, Halted> {
    const known = this.#halted.get(stack)
    if (known !== undefined) return known
    const stored = new Map(Object.entries(this.#store.memory.all(stack, 'halted') as Record<string, Halted>))
    this.#halted.set(stack, stored)
    return stored
  }

  #life(id: string): Life {
    const known = this.#lives.get(id)
    if (known !== undefined) return known
    const life: Life = {
      crashes: [],
      startedAtMs: undefined,
      toldStartMs: 0,
      endedAtMs: undefined,
      signalledAtMs: undefined,
      outOfMemory: false,
      tries: undefined,
    }
    this.#lives.set(id, life)
    return life
  }

  #now(): number {
    return this.#clock.now().getTime()
  }
}

const CRASHES_LIMIT = 100

const isRecent = (atMs: number | undefined, now: number): boolean =>
  atMs !== undefined && Math.abs(now - atMs) <= SIGNAL_FOR_MS
