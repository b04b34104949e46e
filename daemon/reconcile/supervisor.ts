/** Has one loop for each stack, and wakes it: upon requests, events of the Engine, and its return after it was away. */
import { Channel } from '../../protocol/feed.ts'
import type { Problem } from '../../protocol/problems.ts'
import type { EngineEvent } from '../engine/types.ts'
import { COMPOSE } from '../stack/labels.ts'
import { unwritable } from '../store/unwritable.ts'
import type { Core } from './core.ts'
import { type EngineWatch, stackOf } from './engine-watch.ts'
import { stackEventOf } from './event-recorder.ts'
import type { StackRequest } from './requests.ts'
import { StackLoop } from './stack-loop.ts'

/** Events after which a stack may no longer be as declared. That one is healthy matters only to a stack that is not well. */
const WAKING = /^(start|die|destroy|stop|kill|rename|pause|unpause|oom|health_status: unhealthy)/

export class Supervisor {
  /** Stacks that are looked after again after a hold; undefined: all of them. */
  readonly resumed = new Channel<string | undefined>()
  readonly #core: Core
  readonly #watch: EngineWatch
  readonly #loops = new Map<string, StackLoop>()
  readonly #stop = new AbortController()
  /** Containers of which it was told that the Engine is in a loop over them. */
  readonly #looping = new Set<string>()

  constructor(core: Core, watch: EngineWatch) {
    this.#core = core
    this.#watch = watch
  }

  /** Takes up what a crash left open, and begins to look after every stack. */
  start(): void {
    const { store, recorder, settling } = this.#core
    this.#watch.events.subscribe((event) => {
      const stack = stackOf(event)
      if (stack === undefined) return
      recorder.record(stackEventOf(event))
      this.#observeEnding(stack, event)
      if (event.Action === 'die') {
        settling.ended(stack, event.Actor.ID)
        this.#tellOfLoop(stack, event)
        this.#obeyed(stack, event.Actor.ID, 'die')
      } else if (event.Action === 'start') this.#obeyed(stack, event.Actor.ID, 'start')
      else if (event.Action === 'destroy') {
        settling.gone(stack, event.Actor.ID)
        this.#looping.delete(event.Actor.ID)
      }
      const loop = this.#loops.get(stack)
      if (loop !== undefined && (WAKING.test(event.Action) || this.#isUnwell(stack, event.Action))) loop.look()
    })
    this.#watch.detached.subscribe((container) => {
      const stack = this.#core.observer.stackOf(container)
      if (stack !== undefined) this.#loops.get(stack)?.look()
    })
    this.#core.probes.changes.subscribe((stack) => this.#loops.get(stack)?.look())
    this.#watch.states.subscribe((state) => {
      if (state === 'lost') {
        this.#core.endings.engineLost()
        this.#core.observer.engineLost()
      }
      if (state !== 'connected') return
      for (const loop of this.#loops.values()) loop.review()
    })
    // Before the events are listened to a look would have to be taken again.
    const first = this.#watch.state === 'connected' ? 'look' : 'wait'
    for (const { name } of store.stacks.all()) this.#loop(name, first)
    for (const stack of store.deployments.stacksWithOpen()) this.#loop(stack, first)
  }

  requested(stack: string, id: string, request: StackRequest): void {
    this.#loop(stack).requested(id, request)
  }

  /** That it is to go back is in the store. */
  cancel(stack: string, id: string, problem: Problem): void {
    this.#loop(stack).cancel(id, problem)
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
    this.resumed.publish(stack)
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('the daemon ends'))
    await Promise.all([...this.#loops.values()].map((loop) => loop.ended()))
  }

  #those(stack: string | undefined): StackLoop[] {
    return stack === undefined ? [...this.#loops.values()] : [this.#loop(stack)]
  }

  #loop(stack: string, first: 'look' | 'wait' = 'look'): StackLoop {
    let loop = this.#loops.get(stack)
    if (loop === undefined) {
      loop = new StackLoop(this.#core, stack, this.#stop.signal)
      this.#loops.set(stack, loop)
      loop.start(first)
    }
    return loop
  }

  /**
   * A signal that means stop was obeyed: whoever starts the container again does so against it. The next look would see
   * that as well, but not where somebody starts it before, or the stack is held. Until it was started or seen not to run, a
   * list that is older may still call it running.
   */
  #obeyed(stack: string, id: string, by: 'die' | 'start'): void {
    const { memory } = this.#core.store
    const known = memory.all(stack, 'signalled')[id]
    if (known === undefined) return
    try {
      if (by === 'die') memory.set(stack, 'signalled', id, 'ended')
      else if (known === 'ended') memory.forget(stack, 'signalled', id)
    } catch (error) {
      if (unwritable(error) === undefined) throw error
    }
  }

  #observeEnding(stack: string, event: EngineEvent): void {
    const halt = this.#core.endings.observe(stack, event)
    // What is not meant to run may be stopped by anybody.
    if (halt === undefined || !this.#isMeantToRun(stack, event)) return
    const { name, times, id } = halt
    const often = times === 1 ? '' : ` (${times} times within an hour)`
    this.#core.log.warn({ stack, container: name }, `a container was stopped past this daemon${often}`)
    this.#core.recorder.record({
      at: this.#core.clock.now().toISOString(),
      stack,
      type: 'container.halted',
      container: id,
      message: `container ${name} was stopped past evenkeel${often}`,
      attributes: { name, times: String(times) },
    })
  }

  /** Healing ends it (perform/engine-loop.ts); whoever looks is to know why a program was killed that nobody killed. */
  #tellOfLoop(stack: string, event: EngineEvent): void {
    const { ID: id, Attributes } = event.Actor
    const { endings, log, recorder, clock } = this.#core
    if (!endings.isLoopToBeEnded(id)) {
      this.#looping.delete(id)
      return
    }
    if (this.#looping.has(id) || !this.#isMeantToRun(stack, event)) return
    this.#looping.add(id)
    const { name = id.slice(0, 12) } = Attributes
    const message = `the Engine ends container ${name} again and again by itself (exit code 137, a fault of its own: moby#48912)`
    log.warn({ stack, container: name }, message)
    recorder.record({
      at: clock.now().toISOString(),
      stack,
      type: 'container.engine-loop',
      container: id,
      message,
      attributes: { name },
    })
  }

  #isMeantToRun(stack: string, { Actor }: EngineEvent): boolean {
    if (Actor.Attributes[COMPOSE.oneOff] === 'True') return false
    const service = Actor.Attributes[COMPOSE.service]
    const { stacks } = this.#core.store
    if (stacks.find(stack)?.presence !== 'present') return false
    return stacks.services(stack).some((state) => state.service === service && state.run === 'running')
  }

  #isUnwell(stack: string, action: string): boolean {
    if (!action.startsWith('health_status')) return false
    return this.#core.store.stacks.find(stack)?.condition === 'failed'
  }
}
