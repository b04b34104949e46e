/** What a container's past says of its future: whether it may start, is to start anew, or is let be. */
import type { DesiredService } from './desired.ts'
import type { ObservedContainer } from './observed.ts'
import type { PlanInput } from './plan-input.ts'
import { inScope } from './policy.ts'

export class RunRules {
  readonly #input: PlanInput
  readonly #service: DesiredService
  readonly #job: boolean

  constructor(input: PlanInput, service: DesiredService, job: boolean) {
    this.#input = input
    this.#service = service
    this.#job = job
  }

  /** Somebody stopped it past us. A job that was cut short is not known to be meant to run once more. */
  isHalted(container: ObservedContainer): boolean {
    return !this.#job && container.state === 'exited' && (this.#input.memory.halted?.[container.id] ?? 0) > 0
  }

  /** It took a signal that asks to stop and runs on: harder means are for a `stop` or another `kill`. */
  isLetRun(container: ObservedContainer): boolean {
    const { policy, memory } = this.#input
    if (policy.mode === 'request' && inScope(policy, container.service)) return false
    return memory.signalled?.includes(container.id) === true
  }

  /** It had exited before it was stopped through us, so that a restarted Engine would follow its policy and start it. */
  mayRise(container: ObservedContainer): boolean {
    if (container.state !== 'exited' || this.#service.restartPolicy === 'no') return false
    return !(this.#input.memory.held ?? []).includes(container.id)
  }

  mustRestart(container: ObservedContainer): boolean {
    // It runs now, and may not for long: a restart waits for the stop that is under way, or for what a signal began.
    const { stopping, signalled } = this.#input.memory
    if (stopping?.includes(container.id) || signalled?.includes(container.id)) return true
    const done = Math.max(container.restart, this.#input.memory.restarted[container.id] ?? 0)
    return done < this.#service.restart
  }

  /**
   * A container that has exited is started by a request that names its service. A job that somebody waits for runs once
   * per revision. The loop by itself starts only what the Engine would keep running, and what never ran.
   */
  mayStart(container: ObservedContainer): boolean {
    if (container.state === 'created') return true
    if (this.#job && container.exitCode === 0) return false
    if (this.#input.memory.owed?.includes(this.#service.service)) return true
    if (this.#input.policy.mode === 'request' && inScope(this.#input.policy, this.#service.service)) return true
    if (this.isHalted(container)) {
      const { halted = 'once' } = this.#service.healing ?? {}
      return halted === 'always' || (halted === 'once' && this.#input.memory.halted?.[container.id] === 1)
    }
    return this.#service.restartPolicy === 'always' || this.#service.restartPolicy === 'unless-stopped'
  }
}
