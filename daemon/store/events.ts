/** What happened, in order. Bounded by count: the oldest go first. */
import type { Database } from 'better-sqlite3'
import type { StackEvent } from '../../protocol/resources/event.ts'

export class EventRepository {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** Answers the events with their sequence numbers. One transaction for all. */
  add(events: readonly Omit<StackEvent, 'sequence'>[]): StackEvent[] {
    const statement = this.#db.prepare('INSERT INTO events (at, stack, event) VALUES (?, ?, ?)')
    return this.#db.transaction(() =>
      events.map((event) => {
        const { lastInsertRowid } = statement.run(event.at, event.stack, JSON.stringify(event))
        return { ...event, sequence: Number(lastInsertRowid) }
      }),
    )()
  }

  after(sequence: number, limit: number): StackEvent[] {
    const rows = this.#db.prepare('SELECT sequence, event FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?')
    return rows.all(sequence, limit).map((raw) => {
      const row = raw as { sequence: number; event: string }
      return { ...JSON.parse(row.event), sequence: row.sequence }
    })
  }

  latest(): number {
    const row = this.#db.prepare('SELECT MAX(sequence) AS latest FROM events').get() as { latest: number | null }
    return row.latest ?? 0
  }

  prune(keep: number): void {
    this.#db.prepare('DELETE FROM events WHERE sequence <= ?').run(this.latest() - keep)
  }
}
