/** What we took over from Docker Compose, by the Engine's id. */
import type { Adopted } from '../stack/adopted.ts'
import type { Sql } from './database.ts'

export class AdoptedRepository {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  of(stack: string): Adopted[] {
    return this.#sql.prepare('SELECT * FROM adopted WHERE stack = ? ORDER BY id').all(stack).map(toAdopted)
  }

  has(id: string): boolean {
    return this.#sql.prepare('SELECT 1 FROM adopted WHERE id = ?').get(id) !== undefined
  }

  add(stack: string, adopted: Adopted): void {
    this.#sql
      .prepare(
        `INSERT OR REPLACE INTO adopted (id, stack, kind, replica, revision, spec_hash)
         VALUES (@id, @stack, @kind, @replica, @revision, @specHash)`,
      )
      .run({
        id: adopted.id,
        stack,
        kind: adopted.kind,
        replica: adopted.replica ?? null,
        revision: adopted.revision ?? null,
        specHash: adopted.specHash ?? null,
      })
  }

  forget(id: string): void {
    this.#sql.prepare('DELETE FROM adopted WHERE id = ?').run(id)
  }

  forgetStack(stack: string): void {
    this.#sql.prepare('DELETE FROM adopted WHERE stack = ?').run(stack)
  }
}

function toAdopted(raw: unknown): Adopted {
  const row = raw as Record<string, string | number | null>
  return {
    id: row.id as string,
    kind: row.kind as Adopted['kind'],
    replica: (row.replica as number | null) ?? undefined,
    revision: (row.revision as number | null) ?? undefined,
    specHash: (row.spec_hash as string | null) ?? undefined,
  }
}
