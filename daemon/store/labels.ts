/** Labels of stacks: given by whoever rules over access, and never by a file. */
import type { Sql } from './database.ts'

export class LabelRepository {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  /** By name, in its order. */
  of(stack: string): Record<string, string> {
    const rows = this.#sql.prepare('SELECT label, value FROM stack_labels WHERE stack = ? ORDER BY label').all(stack)
    return Object.fromEntries((rows as { label: string; value: string }[]).map(({ label, value }) => [label, value]))
  }

  /** Stacks that have any. */
  stacks(): number {
    return (this.#sql.prepare('SELECT count(DISTINCT stack) AS count FROM stack_labels').get() as { count: number })
      .count
  }

  put(stack: string, label: string, value: string): void {
    this.#sql
      .prepare(
        'INSERT INTO stack_labels (stack, label, value) VALUES (?, ?, ?) ON CONFLICT (stack, label) DO UPDATE SET value = excluded.value',
      )
      .run(stack, label, value)
  }

  remove(stack: string, label: string): void {
    this.#sql.prepare('DELETE FROM stack_labels WHERE stack = ? AND label = ?').run(stack, label)
  }
}
