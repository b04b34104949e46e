/** Has one loop for each stack, and wakes it: upon requests, events of the Engine, and its return after it was away. */
import type { Core } from './core.ts'
import { type EngineWatch, stackOf } from './engine-watch.ts'
import { stackEventOf } from './event-recorder.ts'
import type { StackRequest } from './requests.ts'
import { StackLoop } from './stack-loop.ts'

/** Events after which a stack may no longer be as declared. Health matters only to a stack that is not well. */
const WAKING = /^(start|die|destroy|stop|kill|rename|pause|unpause|oom)/

export class Supervisor {
  readonly #core: Core
  readonly #watch: EngineWatch
  readonly #loops = new Map<string, StackLoop>()
  readonly #stop = new AbortController()

  constructor(core: Core, watch: EngineWatch) {
    this.#core = core
    this.#watch = watch
  }

  /** Takes up what a crash left open, and begins to look after every stack. */
  start(): void {
    const { store, recorder, ends } = this.#core
    this.#watch.events.subscribe((event) => {
      const stack = stackOf(event)
      if (stack === undefined) return
      recorder.record(stackEventOf(event))
      if (event.Action === 'die') ends.ended(stack, event.Actor.ID)
      else if (event.Action === 'destroy') ends.gone(stack, event.Actor.ID)
      const loop = this.#loops.get(stack)
      if (loop !== undefined && (WAKING.test(event.Action) || this.#isUnwell(stack, event.Action))) loop.look()
    })
    this.#watch.states.subscribe((state) => {
      if (state !== 'connected') return
      for (const loop of this.#loops.values()) {
        loop.forgive()
        loop.look()
      }
    })
    for (const { name } of store.stacks.all()) this.#loop(name)
    for (const stack of store.deployments.stacksWithOpen()) this.#loop(stack)
  }

  requested(stack: string, id: string, request: StackRequest): void {
    this.#loop(stack).requested(id, request)
  }

  /** One stack's loop, or all: resolves when nothing is being done any more. */
  async hold(stack: string | undefined): Promise<void> {
    await Promise.all(this.#those(stack).map((loop) => loop.hold()))
  }

  resume(stack: string | undefined): void {
    for (const loop of this.#those(stack)) {
      loop.forgive()
      loop.look()
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('the daemon ends'))
    await Promise.all([...this.#loops.values()].map((loop) => loop.ended()))
  }

  #those(stack: string | undefined): StackLoop[] {
    return stack === undefined ? [...this.#loops.values()] : [this.#loop(stack)]
  }

  #loop(stack: string): StackLoop {
    let loop = this.#loops.get(stack)
    if (loop === undefined) {
      loop = new StackLoop(this.#core, stack, this.#stop.signal)
      this.#loops.set(stack, loop)
      loop.start()
    }
    return loop
  }

  #isUnwell(stack: string, action: string): boolean {
    if (!action.startsWith('health_status')) return false
    return this.#core.store.stacks.find(stack)?.condition === 'failed'
  }
}
