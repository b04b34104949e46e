/** Secrets of stacks, as they are sealed: nothing here can open them. */
import type { Sql } from './database.ts'

export interface SecretRow {
  readonly stack: string
  readonly name: string
  readonly version: number
  readonly sealed: Buffer
  readonly createdAt: string
  readonly updatedAt: string
  readonly updatedBy: string
}

const COLUMNS =
  'stack, name, version, sealed, created_at AS createdAt, updated_at AS updatedAt, updated_by AS updatedBy'

export class SecretRepository {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  all(): SecretRow[] {
    return this.#sql.prepare(`SELECT ${COLUMNS} FROM secrets ORDER BY stack, name`).all() as SecretRow[]
  }

  of(stack: string): SecretRow[] {
    return this.#sql.prepare(`SELECT ${COLUMNS} FROM secrets WHERE stack = ? ORDER BY name`).all(stack) as SecretRow[]
  }

  find(stack: string, name: string): SecretRow | undefined {
    return this.#sql.prepare(`SELECT ${COLUMNS} FROM secrets WHERE stack = ? AND name = ?`).get(stack, name) as
      | SecretRow
      | undefined
  }

  /** Of all that are sealed. */
  totalBytes(): number {
    const row = this.#sql.prepare('SELECT COALESCE(SUM(LENGTH(sealed)), 0) AS bytes FROM secrets').get()
    return (row as { bytes: number }).bytes
  }

  put(row: SecretRow): void {
    this.#sql
      .prepare(
        `INSERT OR REPLACE INTO secrets (stack, name, version, sealed, created_at, updated_at, updated_by)
         VALUES (@stack, @name, @version, @sealed, @createdAt, @updatedAt, @updatedBy)`,
      )
      .run({ ...row })
  }

  remove(stack: string, name: string): void {
    this.#sql.prepare('DELETE FROM secrets WHERE stack = ? AND name = ?').run(stack, name)
  }
}
