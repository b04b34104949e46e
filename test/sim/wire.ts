/** The connection to the simulated Engine: time, faults, and the deaths of either side. */
import type { CallOptions } from '../../daemon/engine/types.ts'
import { Problem } from '../../protocol/problems.ts'
import type { Life, Scheduler } from './clock.ts'
import type { EngineCall, Faults } from './faults.ts'
import type { Machine } from './machine.ts'
import type { Random } from './random.ts'
import { Refusal } from './refusal.ts'
import type { Actor } from './simulated-objects.ts'

export interface SimulatedEngineParts {
  readonly machine: Machine
  readonly life: Life
  readonly faults: Faults
  readonly random: Random
  readonly apiVersion: string
  /** Told of each call before it goes out, and of how it ended. */
  readonly watcher: { calling(call: EngineCall): void; ended(call: EngineCall, how: string): void }
}

export const ADDRESS = 'unix:///run/simulated.sock'

export type Answer<T> = (value: T) => void
export type Effect<T> = (answer: Answer<T>, actor: Actor, fail: (error: unknown) => void) => void

/** What is no part of a path: the real transport refuses it before anything is sent. */
const NO_ID = new Set(['', '.', '..'])

const never = <T>(): Promise<T> => new Promise(() => {})

export class Wire {
  readonly #parts: SimulatedEngineParts
  readonly #scheduler: Scheduler

  constructor(parts: SimulatedEngineParts) {
    this.#parts = parts
    this.#scheduler = parts.machine.scheduler
  }

  call<T>(
    call: EngineCall,
    effect: Effect<T>,
    options: CallOptions | undefined,
    limitMs: number | undefined,
  ): Promise<T> {
    const { life, faults, random, machine, watcher } = this.#parts
    if (!life.alive) return never()
    const { signal } = options ?? {}
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (NO_ID.has(call.target))
      return Promise.reject(new Problem('bad-request', `"${call.target}" is not a name or id of the Engine`))
    watcher.calling(call)
    const fault = faults.next(call)
    if (fault === 'crash-before') {
      watcher.ended(call, fault)
      life.end()
      return never()
    }
    const latencyMs = random.int(1, call.kind === 'look' ? 3 : 6) + (fault === 'delay' ? random.int(100, 3000) : 0)
    return new Promise<T>((resolve, reject) => {
      const settle = new Settlement<T>(resolve, reject, (how) => {
        machine.pending.delete(broken)
        watcher.ended(call, fault === undefined ? how : `${how} [${fault}]`)
      })
      settle.life = life
      const broken = () => settle.fail(unreachable())
      machine.pending.add(broken)
      this.#scheduler.after(latencyMs, () => {
        if (settle.done) return
        if (!machine.up) return broken()
        // A daemon that died, or gave up, does not call back what is on its way.
        const actor: Actor = life.alive ? 'daemon' : 'ghost'
        if (!life.alive || signal?.aborted) {
          if (call.kind === 'change' && random.chance(0.5)) attempt(effect, () => {}, actor)
          return signal?.aborted ? settle.fail(signal.reason) : settle.forget()
        }
        this.#whenFree(call, () => this.#arrive(call, effect, fault, settle, actor))
        if (settle.done) return
        const limit = options?.timeoutMs ?? limitMs
        if (limit !== undefined) this.#scheduler.after(limit, () => settle.fail(timeout(call, limit)))
        signal?.addEventListener('abort', () => settle.fail(signal.reason), { once: true })
      })
    })
  }

  /** Whoever asks for a container while dockerd cleans up after its end waits for that: dockerd holds its lock. */
  #whenFree(call: EngineCall, go: () => void): void {
    const { machine } = this.#parts
    const busyMs = call.locks ? machine.settlingMs(call.target) : 0
    if (busyMs > 0) this.#scheduler.after(busyMs, () => machine.up && go())
    else go()
  }

  #arrive<T>(
    call: EngineCall,
    effect: Effect<T>,
    fault: ReturnType<Faults['next']>,
    settle: Settlement<T>,
    actor: Actor,
  ): void {
    switch (fault) {
      case 'error-before':
        settle.fail(refused(call, new Refusal(500, 'simulated: the Engine refused')))
        return
      case 'lost-before':
        settle.fail(unreachable())
        return
      case 'hang-before':
        return
      case 'error-after':
        attempt(effect, () => {}, actor)
        settle.fail(refused(call, new Refusal(500, 'simulated: the Engine said no, and did it all the same')))
        return
      case 'lost-after':
        attempt(effect, () => {}, actor)
        settle.fail(unreachable())
        return
      case 'hang-after':
        attempt(effect, () => {}, actor)
        return
      case 'crash-after':
        attempt(effect, () => {}, actor)
        settle.forget()
        this.#parts.life.end()
        return
      default:
        try {
          effect(
            (value) => settle.answer(value),
            actor,
            (error) => settle.fail(error instanceof Refusal ? refused(call, error) : error),
          )
        } catch (error) {
          settle.fail(error instanceof Refusal ? refused(call, error) : error)
        }
    }
  }
}

/** An effect whose answer nobody hears. */
function attempt<T>(effect: Effect<T>, answer: Answer<T>, actor: Actor): void {
  try {
    effect(answer, actor, () => {})
  } catch (error) {
    if (!(error instanceof Refusal) && !(error instanceof Problem)) throw error
    // Refused, and nobody hears that either.
  }
}

class Settlement<T> {
  done = false
  life: Life | undefined
  readonly #resolve: (value: T) => void
  readonly #reject: (error: unknown) => void
  readonly #onEnd: (how: string) => void

  constructor(resolve: (value: T) => void, reject: (error: unknown) => void, onEnd: (how: string) => void) {
    this.#resolve = resolve
    this.#reject = reject
    this.#onEnd = onEnd
  }

  answer(value: T): void {
    if (!this.#end('ok')) return
    this.#resolve(value)
  }

  fail(error: unknown): void {
    if (!this.#end(error instanceof Error ? error.message : String(error))) return
    this.#reject(error)
  }

  /** Nobody is there to hear it. */
  forget(): void {
    this.#end('nobody hears it')
  }

  #end(how: string): boolean {
    if (this.done) return false
    this.done = true
    this.#onEnd(how)
    return this.life?.alive !== false
  }
}

const refused = (call: EngineCall, { status, message }: Refusal): Problem =>
  new Problem('engine-error', message, { engine: { call: call.http, status } })

const unreachable = (): Problem =>
  new Problem('engine-unreachable', `the Engine at ${ADDRESS} does not answer (socket hang up)`)

const timeout = (call: EngineCall, limitMs: number): Problem =>
  new Problem('engine-timeout', `the Engine did not answer ${call.http} in ${limitMs / 1000} s`, {
    engine: { call: call.http },
  })
