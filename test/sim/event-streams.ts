/** `GET /events` of the simulated Engine: filtered, with the last events kept, and subject to the faults of a stream. */
import type { EngineEvent, Filters } from '../../daemon/engine/types.ts'
import type { Scheduler, WallClock } from './clock.ts'

interface Subscriber {
  readonly filters: Filters
  readonly queue: EngineEvent[]
  wake: () => void
  ended: boolean
}

/** How the next events fare. */
export interface EventFate {
  lose: number
  repeat: number
  late: number
}

const LATE_MS = 700
/** As many as dockerd keeps (moby daemon/events: eventsLimit). */
const KEPT = 256

export class EventStreams {
  readonly fate: EventFate = { lose: 0, repeat: 0, late: 0 }
  readonly #scheduler: Scheduler
  readonly #wall: WallClock
  readonly #subscribers = new Set<Subscriber>()
  readonly #last: EngineEvent[] = []
  #count = 0

  constructor(scheduler: Scheduler, wall: WallClock) {
    this.#scheduler = scheduler
    this.#wall = wall
  }

  emit(type: string, action: string, id: string, attributes: Readonly<Record<string, string>>): void {
    const ms = this.#wall.nowMs()
    this.#count += 1
    const nano = `${ms}${String(this.#count % 1_000_000).padStart(6, '0')}`
    const event: EngineEvent = {
      Type: type,
      Action: action,
      Actor: { ID: id, Attributes: attributes },
      scope: 'local',
      time: Math.floor(ms / 1000),
      timeNano: nano,
    }
    this.#last.push(event)
    if (this.#last.length > KEPT) this.#last.shift()
    for (const subscriber of [...this.#subscribers]) {
      if (!matches(event, subscriber.filters)) continue
      if (this.fate.lose > 0) this.fate.lose -= 1
      else if (this.fate.late > 0) {
        this.fate.late -= 1
        this.#scheduler.after(LATE_MS, () => push(subscriber, event))
      } else {
        this.#scheduler.after(1, () => push(subscriber, event))
        if (this.fate.repeat > 0) {
          this.fate.repeat -= 1
          this.#scheduler.after(9, () => push(subscriber, event))
        }
      }
    }
  }

  breakAll(): void {
    for (const subscriber of this.#subscribers) {
      subscriber.ended = true
      subscriber.wake()
    }
    this.#subscribers.clear()
  }

  /** Whoever listens is dead: it is told nothing more. */
  detachAll(): void {
    for (const subscriber of this.#subscribers) subscriber.ended = true
    this.#subscribers.clear()
  }

  /** `since` and `until` in Unix seconds, as the Engine takes them. */
  async *subscribe(
    { filters = {}, since, until }: { since?: string; until?: string; filters?: Filters },
    signal: AbortSignal | undefined,
  ): AsyncGenerator<EngineEvent> {
    const kept = since === undefined ? [] : this.#last.filter((event) => event.time >= Number(since))
    const subscriber: Subscriber = {
      filters,
      queue: kept.filter((event) => matches(event, filters) && event.time <= Number(until ?? event.time)),
      wake: () => {},
      ended: until !== undefined && Number(until) * 1000 <= this.#wall.nowMs(),
    }
    this.#subscribers.add(subscriber)
    const abort = (): void => {
      subscriber.ended = true
      subscriber.wake()
    }
    signal?.addEventListener('abort', abort, { once: true })
    try {
      for (;;) {
        while (subscriber.queue.length > 0) yield subscriber.queue.shift()!
        if (subscriber.ended) break
        await new Promise<void>((resolve) => {
          subscriber.wake = resolve
        })
      }
      signal?.throwIfAborted()
    } finally {
      this.#subscribers.delete(subscriber)
      signal?.removeEventListener('abort', abort)
    }
  }
}

function push(subscriber: Subscriber, event: EngineEvent): void {
  if (subscriber.ended) return
  subscriber.queue.push(event)
  subscriber.wake()
}

function matches({ Type, Action, Actor }: EngineEvent, filters: Filters): boolean {
  if (filters.type !== undefined && !filters.type.includes(Type)) return false
  // `health_status` matches `health_status: healthy` (moby daemon/events/filter.go: the part before the colon).
  if (filters.event !== undefined && !filters.event.includes(Action.split(':')[0]!)) return false
  // An object is named by its id or its name.
  for (const kind of ['container', 'network', 'volume'] as const) {
    const wanted = filters[kind]
    if (wanted === undefined) continue
    if (Type !== kind || !(wanted.includes(Actor.ID) || wanted.includes(Actor.Attributes.name ?? ''))) return false
  }
  return matchesLabels(Actor.Attributes, filters.label)
}

/** `key` or `key=value`, all of them. */
export function matchesLabels(
  labels: Readonly<Record<string, string>>,
  wanted: readonly string[] | undefined,
): boolean {
  return (wanted ?? []).every((entry) => {
    const equals = entry.indexOf('=')
    return equals < 0 ? labels[entry] !== undefined : labels[entry.slice(0, equals)] === entry.slice(equals + 1)
  })
}
