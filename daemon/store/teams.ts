/** Teams with their members. */
import type { Team } from '../../protocol/resources/team.ts'
import type { Sql } from './database.ts'

const TEAMS = `SELECT *,
  (SELECT json_group_array(user) FROM (SELECT user FROM team_members WHERE team = teams.name ORDER BY user)) AS members
  FROM teams`

export class TeamRepository {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  all(): Team[] {
    return this.#sql.prepare(`${TEAMS} ORDER BY name`).all().map(toTeam)
  }

  find(name: string): Team | undefined {
    const row = this.#sql.prepare(`${TEAMS} WHERE name = ?`).get(name)
    return row === undefined ? undefined : toTeam(row)
  }

  /** What the user has of teams. */
  grantsOf(user: string): Pick<Team, 'role' | 'stacks'>[] {
    return this.#sql
      .prepare('SELECT role, stacks FROM teams JOIN team_members ON team = name WHERE user = ? ORDER BY name')
      .all(user)
      .map((raw) => {
        const { role, stacks } = raw as { role: string; stacks: string }
        return { role, stacks: JSON.parse(stacks) as string[] }
      })
  }

  /** One that is there takes the new role and reach, and keeps its members. */
  put({ name, role, stacks, createdAt, createdBy }: Omit<Team, 'members'>): void {
    this.#sql
      .prepare(
        `INSERT INTO teams (name, role, stacks, created_at, created_by) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET role = excluded.role, stacks = excluded.stacks`,
      )
      .run(name, role, JSON.stringify(stacks), createdAt, createdBy)
  }

  /** With the open invitations to it. */
  remove(name: string): void {
    this.#sql.prepare('DELETE FROM teams WHERE name = ?').run(name)
  }

  join(team: string, user: string): void {
    this.#sql.prepare('INSERT OR IGNORE INTO team_members (team, user) VALUES (?, ?)').run(team, user)
  }

  leave(team: string, user: string): void {
    this.#sql.prepare('DELETE FROM team_members WHERE team = ? AND user = ?').run(team, user)
  }
}

function toTeam(raw: unknown): Team {
  const row = raw as Record<'name' | 'role' | 'stacks' | 'members' | 'created_at' | 'created_by', string>
  return {
    name: row.name,
    role: row.role,
    stacks: JSON.parse(row.stacks) as string[],
    members: JSON.parse(row.members) as string[],
    createdAt: row.created_at,
    createdBy: row.created_by,
  }
}
