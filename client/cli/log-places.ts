/** How far the log of each container was printed: what a follower sends to a daemon that was restarted, to read on. */
import { LogCursor } from '../../protocol/log-cursor.ts'
import { RecordReader } from '../../protocol/log-records.ts'
import type { LogFrame, LogSource } from '../../protocol/streams.ts'

/** Each takes some 70 bytes of the address with which they are sent. */
const PLACES_LIMIT = 128

interface Place {
  readonly source: LogSource
  /** Undefined while nothing is known of where the source stands. */
  cursor: LogCursor | undefined
  hasEnded: boolean
}

export class LogPlaces {
  readonly #places = new Map<number, Place>()

  frame(frame: LogFrame): void {
    if (frame.type === 'source') this.#introduce(frame)
    if (frame.type !== 'live' && frame.type !== 'source-end') return
    const place = this.#places.get(frame.source)
    if (place === undefined) return
    place.hasEnded = frame.type === 'source-end'
    if (frame.type === 'live') place.cursor ??= LogCursor.parse(frame.cursor)
  }

  pass(records: Uint8Array): void {
    const reader = new RecordReader(records)
    while (reader.advance()) {
      const place = this.#places.get(reader.source)
      if (place === undefined) continue
      place.cursor ??= new LogCursor()
      place.cursor.pass(reader.stream, reader.seconds, reader.nanoseconds)
    }
  }

  /** As the query of the stream takes them; undefined where there are none. */
  get text(): string | undefined {
    const known = [...this.#places.values()].filter(({ cursor }) => cursor !== undefined)
    if (known.length === 0) return undefined
    return known.map(({ source, cursor }) => `${source.container.slice(0, 16)}/${cursor}`).join(',')
  }

  #introduce(source: LogSource): void {
    const there = this.#places.get(source.source)
    // Who takes another one's place has all that comes: the other one need not be remembered.
    for (const [number, { source: other, hasEnded }] of this.#places)
      if (hasEnded && other.service === source.service && other.replica === source.replica) this.#places.delete(number)
    if (this.#places.size >= PLACES_LIMIT) this.#places.delete(this.#places.keys().next().value!)
    this.#places.set(source.source, { source, cursor: there?.cursor, hasEnded: false })
  }
}
