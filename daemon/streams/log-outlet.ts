/** What a follower of logs is sent: records as they are, and beside them whose they are and what is missing. */
import type { LogCursor } from '../../protocol/log-cursor.ts'
import { Problem } from '../../protocol/problems.ts'
import type { Gap, LogSource } from '../../protocol/streams.ts'
import type { LiveItem } from './live-log.ts'
import type { LogSink } from './log-ports.ts'
import type { Loss } from './log-reading.ts'
import { sourceOf } from './log-source.ts'

export class LogOutlet {
  readonly #sink: LogSink
  readonly #introduced = new Set<string>()

  constructor(sink: LogSink) {
    this.#sink = sink
  }

  /** Before its first record; again it says nothing. */
  async introduce(source: LogSource): Promise<void> {
    if (this.#introduced.has(source.container)) return
    this.#introduced.add(source.container)
    await this.#sink.send(source)
  }

  records(records: Uint8Array): Promise<void> {
    return this.#sink.sendRecords(records)
  }

  live(id: string, cursor: LogCursor): Promise<void> {
    return this.#sink.send({ type: 'live', source: sourceOf(id), cursor: String(cursor) })
  }

  ended(id: string, cursor: LogCursor): Promise<void> {
    return this.#sink.send({ type: 'source-end', source: sourceOf(id), cursor: String(cursor) })
  }

  /** All that is to be had of a container that is no more has been sent. */
  async gone(id: string, cursor: LogCursor): Promise<void> {
    this.#introduced.delete(id)
    await this.#sink.send({ type: 'source-end', source: sourceOf(id), cursor: String(cursor), gone: true })
  }

  lost(id: string, { after, before }: Loss): Promise<void> {
    const message = `lines between ${after} and ${before} may be missing: the Engine has not kept them`
    return this.#gap({ source: sourceOf(id), reason: 'not-kept', after, before, message })
  }

  missed(id: string, { lines, after, before }: Extract<LiveItem, { type: 'slow' }>): Promise<void> {
    const message = `${lines} lines were missed: they came faster than they were taken`
    const span = { ...(after === undefined ? {} : { after }), before }
    return this.#gap({ source: sourceOf(id), reason: 'slow-follower', lines, ...span, message })
  }

  notKept(id: string): Promise<void> {
    const message = `container ${id.slice(0, 12)} is no more, and its log was not kept`
    return this.#gap({ source: sourceOf(id), reason: 'not-kept', message })
  }

  unreadable(id: string, error: unknown): Promise<void> {
    const message = error instanceof Problem ? error.message : String(error)
    const hint = /does not support reading/.test(message)
      ? ': its driver hands lines on without keeping any that the Engine could read (see `logging` in the stack file)'
      : ''
    return this.#gap({ source: sourceOf(id), reason: 'unreadable', message: `${message}${hint}` })
  }

  end(): Promise<void> {
    return this.#sink.send({ type: 'end' })
  }

  #gap(gap: Omit<Gap, 'type'>): Promise<void> {
    return this.#sink.send({ type: 'gap', ...gap })
  }
}
