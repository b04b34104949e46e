/** What is held: observed, planned and shown, and not touched, until somebody resumes it. */
import type { Sql } from './database.ts'

export interface HoldRow {
  /** Undefined: the whole daemon. */
  readonly stack: string | undefined
  readonly since: string
  readonly by: string
}

/** Stands for the whole daemon: no stack has such a name. */
const DAEMON = '*'

export class HoldRepository {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  all(): HoldRow[] {
    return this.#sql.prepare('SELECT * FROM holds ORDER BY scope').all().map(toHold)
  }

  /** What holds a stack: its own hold before that of the whole daemon. */
  of(stack: string): HoldRow | undefined {
    const row = this.#sql
      .prepare('SELECT * FROM holds WHERE scope IN (?, ?) ORDER BY scope DESC LIMIT 1')
      .get(stack, DAEMON)
    return row === undefined ? undefined : toHold(row)
  }

  /** One that is there already stays as it is: it says since when. */
  add({ stack, since, by }: HoldRow): void {
    this.#sql.prepare('INSERT OR IGNORE INTO holds (scope, since, by) VALUES (?, ?, ?)').run(stack ?? DAEMON, since, by)
  }

  remove(stack: string | undefined): void {
    this.#sql.prepare('DELETE FROM holds WHERE scope = ?').run(stack ?? DAEMON)
  }
}

function toHold(raw: unknown): HoldRow {
  const { scope, since, by } = raw as { scope: string; since: string; by: string }
  return { stack: scope === DAEMON ? undefined : scope, since, by }
}
