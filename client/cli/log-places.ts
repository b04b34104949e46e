/** How far the log of each container was printed: what a follower sends to a daemon that was restarted, to read on. */
import { LogCursor } from '../../protocol/log-cursor.ts'
import { RecordReader } from '../../protocol/log-records.ts'
import type { LogFrame, LogSource } from '../../protocol/streams.ts'

/** Each takes some 90 bytes of the address with which they are sent. */
export const PLACES_LIMIT = 512

interface Place {
  readonly container: string
  /** Undefined while nothing is known of where the source stands. */
  cursor: LogCursor | undefined
  state: 'open' | 'ended' | 'gone'
}

export class LogPlaces {
  readonly #places = new Map<number, Place>()

  frame(frame: LogFrame): void {
    if (frame.type === 'source') this.#introduce(frame)
    if (frame.type !== 'live' && frame.type !== 'source-end') return
    const place = this.#places.get(frame.source)
    if (place === undefined) return
    place.cursor ??= LogCursor.parse(frame.cursor)
    place.state = frame.type === 'live' ? 'open' : frame.gone === true ? 'gone' : 'ended'
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
    const known: string[] = []
    for (const { container, cursor, state } of this.#places.values()) {
      if (state === 'gone') known.push(`${container.slice(0, 16)}/gone`)
      else if (cursor !== undefined) known.push(`${container.slice(0, 16)}/${cursor}`)
    }
    return known.length === 0 ? undefined : known.join(',')
  }

  #introduce({ source, container }: LogSource): void {
    const there = this.#places.get(source)
    if (there !== undefined) return
    if (this.#places.size >= PLACES_LIMIT) this.#forgetOne()
    this.#places.set(source, { container, cursor: undefined, state: 'open' })
  }

  /** Those first that are read on from last: of one that is gone nothing more comes. */
  #forgetOne(): void {
    for (const state of ['gone', 'ended', 'open'] as const) {
      for (const [source, place] of this.#places) {
        if (place.state !== state) continue
        this.#places.delete(source)
        return
      }
    }
  }
}
