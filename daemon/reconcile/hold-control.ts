/**
 * Hold and resume. What is held is observed, planned and shown, and nothing of it is touched: requests are refused, the
 * loop rests, and what is under way ends where it is. A hold stays over restarts.
 */
import type { Hold, Holds } from '../../protocol/resources/hold.ts'
import type { Caller } from './control.ts'
import type { Core } from './core.ts'
import { heldBy, heldProblem, toHold } from './held.ts'
import { mustFind } from './must-find.ts'
import type { Supervisor } from './supervisor.ts'

type HoldCore = Pick<Core, 'store' | 'clock' | 'progress' | 'credentials'>

export class HoldControl {
  readonly #core: HoldCore
  readonly #supervisor: Pick<Supervisor, 'hold' | 'resume'>

  constructor(core: HoldCore, supervisor: Pick<Supervisor, 'hold' | 'resume'>) {
    this.#core = core
    this.#supervisor = supervisor
  }

  /** A stack, or the whole daemon. Answers when nothing of it is being touched any more. */
  async hold(stack: string | undefined, caller: Caller): Promise<Holds> {
    const { store, clock } = this.#core
    if (stack !== undefined) this.#mustKnow(stack)
    const since = clock.now().toISOString()
    store.transaction(() => {
      store.holds.add({ stack, since, by: caller.name })
      for (const name of stack === undefined ? store.deployments.stacksWithOpen() : [stack]) this.#cancel(name, since)
    })
    await this.#supervisor.hold(stack)
    return this.#holds()
  }

  resume(stack: string | undefined): Holds {
    const { store } = this.#core
    if (stack !== undefined) this.#mustKnow(stack)
    store.transaction(() => store.holds.remove(stack))
    this.#supervisor.resume(stack)
    return this.#holds()
  }

  heldBy(stack: string): Hold | undefined {
    return heldBy(this.#core.store, stack)
  }

  /** What waits was asked of a stack that could be changed: whoever asked is told, and asks again. */
  #cancel(stack: string, at: string): void {
    const { store, progress, credentials } = this.#core
    for (const { id, state, kind } of store.deployments.open(stack)) {
      if (state !== 'queued' || kind === 'eject') continue
      store.deployments.end(id, { state: 'cancelled', at, error: heldProblem(stack).toDetails(), warnings: [] })
      credentials.delete(id)
      progress.publish({ deployment: id, type: 'ended' })
    }
  }

  #mustKnow(stack: string): void {
    mustFind(
      this.#core.store.stacks.find(stack),
      'stack-not-found',
      `there is no stack ${stack}`,
      'see: evenkeel ls --all',
    )
  }

  #holds(): Holds {
    const rows = this.#core.store.holds.all()
    const daemon = rows.find(({ stack }) => stack === undefined)
    const stacks = rows.flatMap((row) => (row.stack === undefined ? [] : [[row.stack, toHold(row)] as const]))
    return { ...(daemon === undefined ? {} : { daemon: toHold(daemon) }), stacks: Object.fromEntries(stacks) }
  }
}
