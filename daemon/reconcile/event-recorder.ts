/** Events of stacks: kept in the store, told to followers. Written in batches, so that a busy Engine costs few commits. */
import { Channel, type Feed } from '../../protocol/feed.ts'
import type { StackEvent } from '../../protocol/resources/event.ts'
import type { EngineEvent } from '../engine/types.ts'
import { COMPOSE } from '../stack/labels.ts'
import type { EventRepository } from '../store/events.ts'

type NewEvent = Omit<StackEvent, 'sequence'>

const BATCH_MS = 50
/** More than this in one batch is written at once: memory stays bounded. */
const BATCH_LIMIT = 1000

export class EventRecorder {
  readonly #store: EventRepository
  readonly #feed = new Channel<StackEvent>()
  #batch: NewEvent[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(store: EventRepository) {
    this.#store = store
  }

  get events(): Feed<StackEvent> {
    return this.#feed
  }

  record(event: NewEvent): void {
    this.#batch.push(event)
    if (this.#batch.length >= BATCH_LIMIT) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), BATCH_MS)
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const batch = this.#batch
    if (batch.length === 0) return
    this.#batch = []
    for (const event of this.#store.add(batch)) this.#feed.publish(event)
  }
}

/** An event of the Engine in our words. Labels of the container are left out: they may be long. */
export function stackEventOf(event: EngineEvent): NewEvent {
  const { Attributes: attributes, ID } = event.Actor
  const name = attributes.name ?? ID.slice(0, 12)
  const action = event.Action
  const exitCode = attributes.exitCode
  return {
    at: new Date(Number(BigInt(event.timeNano) / 1_000_000n)).toISOString(),
    stack: attributes[COMPOSE.project] ?? '',
    type: `container.${action.replace(/^health_status: /, 'health_status.')}`,
    service: attributes[COMPOSE.service] ?? '',
    container: ID,
    message: exitCode === undefined ? `container ${name} ${action}` : `container ${name} ${action} (exit ${exitCode})`,
    attributes: {
      name,
      image: attributes.image ?? '',
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(attributes.signal === undefined ? {} : { signal: attributes.signal }),
    },
  }
}
