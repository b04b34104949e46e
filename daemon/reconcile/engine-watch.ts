/** One event stream for all stacks: tells who waits for a container, and which stack should look again. */
import { Channel, type Feed } from '../../protocol/feed.ts'
import type { Engine, EngineEvent } from '../engine/types.ts'
import { COMPOSE, OURS } from '../stack/labels.ts'
import type { Store } from '../store/store.ts'
import type { Clock } from './clock.ts'

/** Health checks alone would send three exec events per probe: only what changes a state is asked for. */
const EVENTS = [
  'create',
  'start',
  'die',
  'destroy',
  'health_status',
  'pause',
  'unpause',
  'rename',
  'oom',
  'stop',
  'kill',
  'disconnect',
]

export interface WatchLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export type WatchState = 'connected' | 'lost'

export class EngineWatch {
  readonly #engine: Engine
  readonly #store: Pick<Store, 'instance' | 'adopted'>
  readonly #clock: Clock
  readonly #log: WatchLog
  readonly #events = new Channel<EngineEvent>()
  readonly #own = new Channel<EngineEvent>()
  readonly #detached = new Channel<string>()
  readonly #states = new Channel<WatchState>()
  /** The latest events, as far as what they are takes to know. */
  readonly #heard = new Set<string>()
  #state: WatchState = 'lost'

  constructor(collaborators: {
    engine: Engine
    store: Pick<Store, 'instance' | 'adopted'>
    clock: Clock
    log: WatchLog
  }) {
    this.#engine = collaborators.engine
    this.#store = collaborators.store
    this.#clock = collaborators.clock
    this.#log = collaborators.log
  }

  get events(): Feed<EngineEvent> {
    return this.#events
  }

  /** Of containers that are the daemon's own and no stack's, the ingress for one. */
  get own(): Feed<EngineEvent> {
    return this.#own
  }

  /** Ids of containers, ours or not, that were taken off a network: each that ends is. */
  get detached(): Feed<string> {
    return this.#detached
  }

  /** `connected` after each gap: whoever relies on events must look again then. */
  get states(): Feed<WatchState> {
    return this.#states
  }

  get state(): WatchState {
    return this.#state
  }

  /** Runs until the signal ends it. Says once when the Engine is gone, and when it is back. */
  async run(signal: AbortSignal): Promise<void> {
    let delayMs = FIRST_RETRY_MS
    while (!signal.aborted) {
      try {
        await this.#engine.ping({ signal })
        const events = this.#engine.events(
          // Without a filter by label: events of networks carry none.
          { filters: { type: ['container', 'network'], event: EVENTS } },
          { signal },
        )
        this.#change('connected')
        delayMs = FIRST_RETRY_MS
        for await (const event of events) {
          if (event.Type === 'network') this.#detached.publish(event.Actor.Attributes.container ?? '')
          else if (this.#isOurs(event) && this.#isNew(event)) this.#events.publish(event)
          else if (this.#isDaemons(event)) this.#own.publish(event)
        }
        this.#log.info({}, 'the event stream of the Engine ended')
      } catch (error) {
        if (signal.aborted) return
        if (this.#state === 'connected' || delayMs === FIRST_RETRY_MS) {
          this.#log.warn({ engine: this.#engine.address, err: error }, 'the Engine does not answer; waiting for it')
        }
      }
      this.#change('lost')
      await this.#clock.sleep(delayMs, signal)
      delayMs = Math.min(delayMs * 2, LAST_RETRY_MS)
    }
  }

  /** The Engine filters by all of several labels, never by one of them: adopted containers have none of ours. */
  #isOurs({ Actor }: EngineEvent): boolean {
    if (Actor.Attributes[COMPOSE.project] === undefined) return false
    return Actor.Attributes[OURS.instance] === this.#store.instance || this.#store.adopted.has(Actor.ID)
  }

  #isDaemons({ Actor: { Attributes } }: EngineEvent): boolean {
    return Attributes[COMPOSE.project] === undefined && Attributes[OURS.instance] === this.#store.instance
  }

  /** An Engine may say things twice, and an end that counts twice would look like somebody's insistence. */
  #isNew({ timeNano, Action, Actor }: EngineEvent): boolean {
    const key = `${timeNano} ${Action} ${Actor.ID}`
    if (this.#heard.has(key)) return false
    this.#heard.add(key)
    if (this.#heard.size > HEARD_LIMIT) this.#heard.delete(this.#heard.values().next().value!)
    return true
  }

  #change(state: WatchState): void {
    if (state === this.#state) return
    this.#state = state
    if (state === 'connected') this.#log.info({ engine: this.#engine.address }, 'connected to the Engine')
    this.#states.publish(state)
  }
}

const HEARD_LIMIT = 500
const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 5000

export const stackOf = (event: EngineEvent): string | undefined => event.Actor.Attributes[COMPOSE.project]
