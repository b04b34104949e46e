/** Roles of the daemon's own. */
import type { Permission } from '../../protocol/access.ts'
import type { Sql } from './database.ts'

export interface RoleRow {
  readonly name: string
  readonly permissions: readonly Permission[]
  readonly createdAt: string
  readonly createdBy: string
}

export class RoleRepository {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  all(): RoleRow[] {
    return this.#sql.prepare('SELECT * FROM roles ORDER BY name').all().map(toRole)
  }

  find(name: string): RoleRow | undefined {
    const row = this.#sql.prepare('SELECT * FROM roles WHERE name = ?').get(name)
    return row === undefined ? undefined : toRole(row)
  }

  /** One that is there takes the new permissions, and stays whose it was. */
  put({ name, permissions, createdAt, createdBy }: RoleRow): void {
    this.#sql
      .prepare(
        `INSERT INTO roles (name, permissions, created_at, created_by) VALUES (?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET permissions = excluded.permissions`,
      )
      .run(name, JSON.stringify(permissions), createdAt, createdBy)
  }

  remove(name: string): void {
    this.#sql.prepare('DELETE FROM roles WHERE name = ?').run(name)
  }

  /** Who has it: users, teams, tokens and open invitations, in words. */
  holders(name: string): string[] {
    return this.#sql
      .prepare(
        `SELECT 'user ' || name AS holder FROM users WHERE role = :name
         UNION ALL SELECT 'team ' || name FROM teams WHERE role = :name
         UNION ALL SELECT 'token ' || name FROM tokens WHERE role = :name
         UNION ALL SELECT 'invitation of ' || name FROM invitations WHERE role = :name`,
      )
      .all({ name })
      .map((row) => (row as { holder: string }).holder)
  }
}

function toRole(raw: unknown): RoleRow {
  const row = raw as Record<'name' | 'permissions' | 'created_at' | 'created_by', string>
  return {
    name: row.name,
    permissions: JSON.parse(row.permissions) as Permission[],
    createdAt: row.created_at,
    createdBy: row.created_by,
  }
}
