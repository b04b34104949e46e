/** Users, and tokens by the hash of their secret. Changes are on the disk before they are acknowledged. */
import type { Token, User } from '../../protocol/resources/access.ts'
import type { Sql } from './database.ts'

export interface TokenRow extends Token {
  /** SHA-256 of the secret, in hex. */
  readonly hash: string
}

const USERS = `SELECT *,
  (SELECT json_group_array(team) FROM (SELECT team FROM team_members WHERE user = users.name ORDER BY team)) AS teams
  FROM users`

export class AccessRepository {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  users(): User[] {
    return this.#sql.prepare(`${USERS} ORDER BY name`).all().map(toUser)
  }

  user(name: string): User | undefined {
    const row = this.#sql.prepare(`${USERS} WHERE name = ?`).get(name)
    return row === undefined ? undefined : toUser(row)
  }

  /** One that is there takes the new role, reach and kind, and stays whose it was. Teams are told to teams. */
  putUser({ name, kind, role, stacks, createdAt, createdBy }: Omit<User, 'teams'>): void {
    this.#sql
      .prepare(
        `INSERT INTO users (name, kind, role, stacks, created_at, created_by) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, role = excluded.role, stacks = excluded.stacks`,
      )
      .run(name, kind, role ?? '', JSON.stringify(stacks), createdAt, createdBy)
  }

  /** With all tokens of the user. */
  removeUser(name: string): void {
    this.#sql.prepare('DELETE FROM users WHERE name = ?').run(name)
  }

  tokens(): Token[] {
    return this.#sql.prepare('SELECT * FROM tokens ORDER BY name').all().map(toToken)
  }

  token(name: string): Token | undefined {
    const row = this.#sql.prepare('SELECT * FROM tokens WHERE name = ?').get(name)
    return row === undefined ? undefined : toToken(row)
  }

  tokenByHash(hash: string): Token | undefined {
    const row = this.#sql.prepare('SELECT * FROM tokens WHERE hash = ?').get(hash)
    return row === undefined ? undefined : toToken(row)
  }

  addToken(row: TokenRow): void {
    this.#sql
      .prepare(
        `INSERT INTO tokens (name, hash, user, role, stacks, created_at, created_by, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        row.name,
        row.hash,
        row.user ?? null,
        row.role ?? null,
        row.stacks === undefined ? null : JSON.stringify(row.stacks),
        row.createdAt,
        row.createdBy,
        row.expiresAt ?? null,
      )
  }

  removeToken(name: string): void {
    this.#sql.prepare('DELETE FROM tokens WHERE name = ?').run(name)
  }

  tokenUsed(name: string, at: string, from: string): void {
    this.#sql.prepare('UPDATE tokens SET last_used_at = ?, last_used_from = ? WHERE name = ?').run(at, from, name)
  }
}

function toUser(raw: unknown): User {
  const row = raw as Record<'name' | 'role' | 'stacks' | 'teams' | 'created_at' | 'created_by', string> &
    Pick<User, 'kind'>
  return {
    name: row.name,
    kind: row.kind,
    ...(row.role === '' ? {} : { role: row.role }),
    stacks: JSON.parse(row.stacks) as string[],
    teams: JSON.parse(row.teams) as string[],
    createdAt: row.created_at,
    createdBy: row.created_by,
  }
}

function toToken(raw: unknown): Token {
  const row = raw as Record<string, string | null> & { name: string; created_at: string; created_by: string }
  return {
    name: row.name,
    ...(row.user == null ? {} : { user: row.user }),
    ...(row.role == null ? {} : { role: row.role }),
    ...(row.stacks == null ? {} : { stacks: JSON.parse(row.stacks) as string[] }),
    createdAt: row.created_at,
    createdBy: row.created_by,
    ...(row.expires_at == null ? {} : { expiresAt: row.expires_at }),
    ...(row.last_used_at == null ? {} : { lastUsedAt: row.last_used_at }),
    ...(row.last_used_from == null ? {} : { lastUsedFrom: row.last_used_from }),
  }
}
