/** What happened, in order. Bounded by count and age: the oldest go first. */
import { redactedJson } from '../../protocol/redacted-json.ts'
import type { StackEvent } from '../../protocol/resources/event.ts'
import type { Sql } from './database.ts'

export class EventRepository {
  readonly #sql: Sql
  readonly #redact: (text: string) => string

  constructor(sql: Sql, redact: (text: string) => string = (text) => text) {
    this.#sql = sql
    this.#redact = redact
  }

  /** Answers the events with their sequence numbers. One transaction for all. */
  add(events: readonly Omit<StackEvent, 'sequence'>[]): StackEvent[] {
    const statement = this.#sql.prepare('INSERT INTO events (at, stack, event) VALUES (?, ?, ?)')
    return this.#sql.batch(() =>
      events.map((event) => {
        const kept = redactedJson(event, this.#redact)
        const { lastInsertRowid } = statement.run(event.at, event.stack, kept)
        return { ...(JSON.parse(kept) as typeof event), sequence: Number(lastInsertRowid) }
      }),
    )
  }

  after(sequence: number, limit: number): StackEvent[] {
    const rows = this.#sql.prepare('SELECT sequence, event FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?')
    return rows.all(sequence, limit).map((raw) => {
      const row = raw as { sequence: number; event: string }
      return { ...JSON.parse(row.event), sequence: row.sequence }
    })
  }

  latest(): number {
    const row = this.#sql.prepare('SELECT MAX(sequence) AS latest FROM events').get() as { latest: number | null }
    return row.latest ?? 0
  }

  /** All but the newest `keep` go, and of those what is older than `before` (ISO 8601). */
  prune(keep: number, before: string): void {
    this.#sql.prepare('DELETE FROM events WHERE sequence <= ? OR at < ?').run(this.latest() - keep, before)
  }
}
