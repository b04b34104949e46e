/** Events of stacks: kept in the store, told to followers. Written in batches, so that a busy Engine costs few commits. */
import { Channel, type Feed } from '../../protocol/feed.ts'
import type { StackEvent } from '../../protocol/resources/event.ts'
import type { EngineEvent } from '../engine/types.ts'
import { COMPOSE } from '../stack/labels.ts'
import type { EventRepository } from '../store/events.ts'
import { unwritable } from '../store/unwritable.ts'

type NewEvent = Omit<StackEvent, 'sequence'>

const BATCH_MS = 50
/** More than this in one batch is written at once: memory stays bounded. What cannot be written waits, up to as many. */
const BATCH_LIMIT = 1000
const RETRY_MS = 5000

export class EventRecorder {
  readonly #store: EventRepository
  readonly #feed = new Channel<StackEvent>()
  #batch: NewEvent[] = []
  #timer: NodeJS.Timeout | undefined
  /** The last batch could not be written. */
  #isWaiting = false

  constructor(store: EventRepository) {
    this.#store = store
  }

  get events(): Feed<StackEvent> {
    return this.#feed
  }

  record(event: NewEvent): void {
    this.#batch.push(event)
    if (this.#isWaiting) {
      if (this.#batch.length > BATCH_LIMIT) this.#batch.shift()
    } else if (this.#batch.length >= BATCH_LIMIT) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), BATCH_MS)
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const batch = this.#batch
    if (batch.length === 0) return
    let kept: readonly StackEvent[]
    try {
      kept = this.#store.add(batch)
    } catch (error) {
      if (unwritable(error) === undefined) throw error
      // History is worth waiting for, and no reason to end: whoever changes a stack meets the same, and says so.
      this.#isWaiting = true
      this.#timer = setTimeout(() => this.flush(), RETRY_MS)
      this.#timer.unref()
      return
    }
    this.#isWaiting = false
    this.#batch = []
    for (const event of kept) this.#feed.publish(event)
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
