/** Open invitations, by the user whom they would make, and by the hash of their secret. */
import type { Invitation } from '../../protocol/resources/invitation.ts'
import type { Sql } from './database.ts'

export interface InvitationRow extends Invitation {
  /** SHA-256 of the secret, in hex. */
  readonly hash: string
  /** How often it was shown with a wrong addressee. */
  readonly failures: number
}

export class InvitationRepository {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  all(): InvitationRow[] {
    return this.#sql.prepare('SELECT * FROM invitations ORDER BY name').all().map(toInvitation)
  }

  find(name: string): InvitationRow | undefined {
    const row = this.#sql.prepare('SELECT * FROM invitations WHERE name = ?').get(name)
    return row === undefined ? undefined : toInvitation(row)
  }

  byHash(hash: string): InvitationRow | undefined {
    const row = this.#sql.prepare('SELECT * FROM invitations WHERE hash = ?').get(hash)
    return row === undefined ? undefined : toInvitation(row)
  }

  add(row: Omit<InvitationRow, 'failures'>): void {
    this.#sql
      .prepare(
        `INSERT INTO invitations (name, hash, addressee, role, stacks, team, created_at, created_by, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        row.name,
        row.hash,
        row.addressee,
        row.role ?? null,
        JSON.stringify(row.stacks),
        row.team ?? null,
        row.createdAt,
        row.createdBy,
        row.expiresAt,
      )
  }

  failed(name: string): void {
    this.#sql.prepare('UPDATE invitations SET failures = failures + 1 WHERE name = ?').run(name)
  }

  remove(name: string): void {
    this.#sql.prepare('DELETE FROM invitations WHERE name = ?').run(name)
  }
}

function toInvitation(raw: unknown): InvitationRow {
  const row = raw as Record<string, string | null> &
    Record<'name' | 'hash' | 'addressee' | 'stacks' | 'created_at' | 'created_by' | 'expires_at', string> & {
      failures: number
    }
  return {
    name: row.name,
    hash: row.hash,
    addressee: row.addressee,
    ...(row.role == null ? {} : { role: row.role }),
    stacks: JSON.parse(row.stacks) as string[],
    ...(row.team == null ? {} : { team: row.team }),
    createdAt: row.created_at,
    createdBy: row.created_by,
    expiresAt: row.expires_at,
    failures: row.failures,
  }
}
