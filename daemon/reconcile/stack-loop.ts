/**
 * The one writer of a stack: works off its requests one after the other, and in between keeps the stack as declared.
 * Whatever happens (a request, an event, a timer) only wakes it; it then looks for itself.
 */
import { Problem } from '../../protocol/problems.ts'
import { unwritable } from '../store/unwritable.ts'
import type { Core } from './core.ts'
import { heal } from './heal.ts'
import { heldProblem } from './held.ts'
import { backOffMs, Pace } from './pace.ts'
import { isWholeStack, type StackRequest } from './requests.ts'
import { DeploymentRun } from './run-deployment.ts'

/** A look now and then even where no event came: the net below. */
const LOOK_MS = 60_000
/** A timer may be early: the next look is not to be the same one again. */
const LOOK_APART_MS = 1000
/**
 * How long after a hint to look. Events come in bursts, and the Engine restarts by itself what its policy says: a moment's
 * patience. The later looks are for its lists: Engine 20.10 tells of an end up to 700 ms before they show it.
 */
const SETTLE_MS = [300, 1500, 6000] as const
/** The state cannot be written: looking costs nothing, and once there is space again nobody is to wait. */
const UNWRITABLE_MS = 5000

interface Running {
  readonly id: string
  readonly request: StackRequest | undefined
  readonly abort: AbortController
  /** It is to go back, which stands in the store. */
  readonly cancelled: AbortController
  readonly ended: Promise<void>
}

export class StackLoop {
  readonly #core: Core
  readonly #stack: string
  readonly #signal: AbortSignal
  #wake: () => void = () => {}
  /** When to look whether all is as declared; undefined: nothing hints at a change. */
  #lookAt: number | undefined = 0
  /** When the last hint came. */
  #hintedAt = Number.NEGATIVE_INFINITY
  #running: Running | undefined
  /** What the whole stack failed for; what its services fail for has a pace of its own. */
  #failures = 0
  #notBefore = 0
  /** How long `#notBefore` was put off: the clock may be set back meanwhile. */
  #waitMs = 0
  readonly #pace = new Pace()
  #done: Promise<void> | undefined

  constructor(core: Core, stack: string, signal: AbortSignal) {
    this.#core = core
    this.#stack = stack
    this.#signal = signal
    // One listener for as long as the loop lives: a signal made of this one and another for each look is never let go of
    // altogether (AbortSignal.any of Node 20).
    signal.addEventListener('abort', () => this.#end(), { once: true })
  }

  /** `wait`: somebody tells it when to look for the first time. */
  start(first: 'look' | 'wait' = 'look'): void {
    if (first === 'wait') this.#lookAt = undefined
    this.#done ??= this.#run()
  }

  /** Resolves when the loop has ended, after its signal. */
  async ended(): Promise<void> {
    await this.#done
  }

  /** A request is in the store. One over the whole stack ends an older such one that is under way. */
  requested(id: string, request: StackRequest): void {
    if (this.#running?.id === id) return
    const { abort, request: current } = this.#running ?? {}
    const overtakes = isWholeStack(request) && (current === undefined || isWholeStack(current))
    if (overtakes) abort?.abort(new Problem('superseded', 'a newer request took the place of this one'))
    else if (current === undefined) abort?.abort(new Problem('superseded', 'a request came'))
    this.#wake()
  }

  /** That a deployment is to go back is in the store. */
  cancel(id: string, problem: Problem): void {
    if (this.#running?.id === id) this.#running.cancelled.abort(problem)
    else this.#wake()
  }

  /** Something may have changed: look again. */
  look(): void {
    this.#hintedAt = this.#now()
    this.#lookBefore(this.#hintedAt + SETTLE_MS[0])
    this.#wake()
  }

  /** It was not looked at for a while: once, and at once. What happens from now on is told by events. */
  review(): void {
    this.forgive()
    this.#lookAt = 0
    this.#wake()
  }

  /** A hold is in the store: what is under way ends where it is. Resolves when nothing is being done any more. */
  async hold(): Promise<void> {
    this.#running?.abort.abort(heldProblem(this.#stack))
    await this.#running?.ended
  }

  /** What made it fail may be over (the Engine is back): no need to wait any longer. */
  forgive(): void {
    this.#pace.forgive()
    this.#answered()
  }

  /** The stack as a whole can be worked on. */
  #answered(): void {
    this.#failures = 0
    this.#notBefore = 0
  }

  #end(): void {
    this.#running?.abort.abort(this.#signal.reason)
    this.#wake()
  }

  async #run(): Promise<void> {
    const { store, log } = this.#core
    while (!this.#signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = () => resolve()
      })
      try {
        const held = store.holds.of(this.#stack) !== undefined
        const next = held ? this.#ejection() : store.deployments.next(this.#stack)
        if (next !== undefined && next.kind === 'heal') {
          // Cut short by a crash: what it meant to do is planned anew.
          this.#cut(next.id)
          continue
        }
        if (next !== undefined) {
          await this.#guarded(next.id, next.request as StackRequest, (signal, cancelled) =>
            new DeploymentRun(this.#core, next).run(signal, cancelled),
          )
          this.forgive()
          this.look()
          continue
        }
        if (held) this.#lookAt = undefined
        // After a failure an event does not shorten the wait, or a crash loop would set the pace; a request does.
        if (this.#lookAt !== undefined && this.#now() >= Math.max(this.#lookAt, this.#notBefore)) {
          const now = this.#now()
          this.#lookAt = SETTLE_MS.map((after) => this.#hintedAt + after).find((at) => at > now)
          await this.#guarded('heal', undefined, (signal) => this.#heal(signal))
          continue
        }
      } catch (error) {
        const known = unwritable(error)
        if (known === undefined) log.error({ stack: this.#stack, err: error }, 'the loop of a stack failed; it goes on')
        else if (this.#failures === 0) log.warn({ stack: this.#stack, code: known.code }, known.message)
        this.#failed(error)
      }
      await this.#idle(woken)
    }
  }

  async #heal(signal: AbortSignal): Promise<void> {
    const { log } = this.#core
    let outcome: Awaited<ReturnType<typeof heal>>
    try {
      outcome = await heal(this.#core, this.#stack, signal, this.#pace)
    } catch (error) {
      if (signal.aborted) return
      outcome = error instanceof Problem ? error : new Problem('internal', String(error), { cause: error })
      if (outcome.code === 'internal') log.error({ stack: this.#stack, err: error }, 'healing failed')
    }
    if (outcome === 'steady') this.forgive()
    else if (outcome === 'changed') this.look()
    else if ('steadyUntilMs' in outcome) {
      this.forgive()
      this.#lookBefore(outcome.steadyUntilMs)
    } else if ('dueAtMs' in outcome) {
      this.#answered()
      this.#lookBefore(outcome.dueAtMs)
      if (outcome.failed !== undefined) this.#tell(outcome.failed.problem, outcome.failed.attempt)
    } else if (outcome.code !== 'superseded' && outcome.code !== 'stack-held') {
      const isFirst = this.#failures === 0
      this.#failed(outcome)
      if (isFirst || unwritable(outcome) === undefined) this.#tell(outcome, this.#failures)
    }
  }

  #tell({ code, message }: Problem, attempt: number): void {
    this.#core.log.warn({ stack: this.#stack, code, attempt }, `not as declared: ${message}`)
  }

  #lookBefore(atMs: number): void {
    this.#lookAt = Math.min(this.#lookAt ?? Number.POSITIVE_INFINITY, atMs)
  }

  async #guarded(
    id: string,
    request: StackRequest | undefined,
    work: (signal: AbortSignal, cancelled: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const [abort, cancelled] = [new AbortController(), new AbortController()]
    let end = (): void => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    this.#running = { id, request, abort, cancelled, ended }
    try {
      await work(abort.signal, cancelled.signal)
    } finally {
      this.#running = undefined
      end()
    }
  }

  /** Forgetting a stack touches nothing of it: a held one can be handed back. */
  #ejection() {
    return this.#core.store.deployments.open(this.#stack).find(({ kind }) => kind === 'eject')
  }

  /** Until woken, or until it is time to look: soon after an event, later with each failure, now and then in any case. */
  async #idle(woken: Promise<void>): Promise<void> {
    const now = this.#now()
    // A clock that was set back must not put off what was due soon.
    if (this.#lookAt !== undefined) this.#lookAt = Math.min(this.#lookAt, now + LOOK_MS)
    this.#notBefore = Math.min(this.#notBefore, now + this.#waitMs)
    const at = Math.max(this.#lookAt ?? commonLook(now), this.#notBefore)
    const woke = new AbortController()
    const timer = this.#core.clock.sleep(at - now, woke.signal).then(() => {
      if (!woke.signal.aborted) this.#lookAt ??= 0
    })
    await Promise.race([woken, timer])
    woke.abort()
  }

  #failed(error: unknown): void {
    this.#failures += 1
    this.#lookAt = 0
    this.#waitMs = backOffMs(this.#failures, unwritable(error) === undefined ? undefined : UNWRITABLE_MS)
    this.#notBefore = this.#now() + this.#waitMs
  }

  #now(): number {
    return this.#core.clock.now().getTime()
  }

  #cut(id: string): void {
    const { store, clock } = this.#core
    store.deployments.end(id, {
      state: 'cancelled',
      at: clock.now().toISOString(),
      error: new Problem('cancelled', 'the daemon ended while it ran; it was planned anew').toDetails(),
      warnings: [],
    })
  }
}

/** All stacks look at the same time of each minute: then they share the Engine's lists (shared-lists.ts). */
function commonLook(now: number): number {
  return (Math.floor((now + LOOK_APART_MS) / LOOK_MS) + 1) * LOOK_MS
}
