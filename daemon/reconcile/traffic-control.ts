/** Pauses of traffic: what is new for a service waits in the ingress, and nothing of it fails. */
import { Problem } from '../../protocol/problems.ts'
import type {
  PauseOptions,
  TrafficPause,
  TrafficPauseRequest,
  TrafficResumed,
} from '../../protocol/resources/operations.ts'
import type { Caller } from './control.ts'
import type { Core } from './core.ts'
import { mustFind } from './must-find.ts'

type TrafficCore = Pick<Core, 'store' | 'clock' | 'ingress' | 'recorder'>

export class TrafficControl {
  readonly #core: TrafficCore

  constructor(core: TrafficCore) {
    this.#core = core
  }

  /** In effect when it resolves. A pause of a service takes the place of one before. */
  async pause(stack: string, { services, seconds }: TrafficPauseRequest, caller: Caller): Promise<TrafficPause> {
    const { ingress, clock } = this.#core
    const of = this.#servicesOf(stack, services)
    const untilMs = clock.now().getTime() + seconds * 1000
    await ingress.pause(stack, of, untilMs)
    const until = new Date(untilMs).toISOString()
    this.#event(stack, 'traffic.paused', `traffic to ${of.join(', ')} waits until ${until} (${caller.name})`)
    return { services: of, until }
  }

  /** When it resolves, what waited has gone on. */
  async resume(stack: string, { services }: PauseOptions, caller: Caller): Promise<TrafficResumed> {
    const { ingress, store } = this.#core
    const of = this.#servicesOf(stack, services)
    const paused = of.filter((service) => store.memory.all(stack, 'traffic-paused')[service] !== undefined)
    await ingress.resume(stack, paused)
    if (paused.length > 0)
      this.#event(stack, 'traffic.resumed', `traffic to ${paused.join(', ')} goes on (${caller.name})`)
    return { services: paused }
  }

  #servicesOf(stack: string, services: readonly string[]): string[] {
    const { store } = this.#core
    mustFind(store.stacks.find(stack), 'stack-not-found', `there is no stack ${stack}`, 'see: evenkeel ls --all')
    const published = Object.keys(store.memory.all(stack, 'published')).sort()
    const [missing] = services.filter((service) => !published.includes(service))
    if (missing === undefined && published.length > 0) return services.length === 0 ? published : [...new Set(services)]
    throw new Problem(
      'conflict',
      `the ingress has nothing of ${missing === undefined ? stack : `service ${missing}`}`,
      {
        hint: 'what it is to have needs x-evenkeel.routes, or ports with order: start-first, and is to run',
      },
    )
  }

  #event(stack: string, type: string, message: string): void {
    this.#core.recorder.record({ at: this.#core.clock.now().toISOString(), stack, type, message, attributes: {} })
  }
}
