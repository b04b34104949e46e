/** Desired state: a stack, and each of its services. */
import type { ServiceState } from '../stack/desired.ts'
import type { Sql } from './database.ts'

export type StackCondition = 'steady' | 'converging' | 'failed' | 'blocked' | 'absent'

export interface StackRow {
  readonly name: string
  readonly presence: 'present' | 'absent'
  readonly revision: number
  /** Services of the file whose profile is off. */
  readonly disabled: readonly string[]
  readonly condition: StackCondition
  readonly reason: string | undefined
  readonly updatedAt: string
}

export class StackRepository {
  readonly #sql: Sql
  readonly #redact: (text: string) => string

  constructor(sql: Sql, redact: (text: string) => string = (text) => text) {
    this.#sql = sql
    this.#redact = redact
  }

  all(): StackRow[] {
    return this.#sql.prepare('SELECT * FROM stacks ORDER BY name').all().map(toStack)
  }

  find(name: string): StackRow | undefined {
    const row = this.#sql.prepare('SELECT * FROM stacks WHERE name = ?').get(name)
    return row === undefined ? undefined : toStack(row)
  }

  save(row: StackRow): void {
    this.#sql
      .prepare(
        `INSERT INTO stacks (name, presence, revision, disabled, condition, reason, updated_at)
         VALUES (@name, @presence, @revision, @disabled, @condition, @reason, @updatedAt)
         ON CONFLICT (name) DO UPDATE SET presence = @presence, revision = @revision, disabled = @disabled,
           condition = @condition, reason = @reason, updated_at = @updatedAt`,
      )
      .run({ ...row, disabled: JSON.stringify(row.disabled), reason: this.#kept(row.reason) })
  }

  setCondition(name: string, condition: StackCondition, reason: string | undefined, at: string): void {
    this.#sql
      .prepare('UPDATE stacks SET condition = ?, reason = ?, updated_at = ? WHERE name = ?')
      .run(condition, this.#kept(reason), at, name)
  }

  services(stack: string): ServiceState[] {
    return this.#sql.prepare('SELECT * FROM services WHERE stack = ? ORDER BY service').all(stack).map(toService)
  }

  saveService(stack: string, state: ServiceState): void {
    this.#sql
      .prepare(
        `INSERT OR REPLACE INTO services (stack, service, revision, run, scale, recreate, restart, outdated, release)
         VALUES (@stack, @service, @revision, @run, @scale, @recreate, @restart, @outdated, @release)`,
      )
      .run({ stack, ...state, scale: state.scale ?? null, release: state.release ?? 0 })
  }

  /** Forgets it with its services. Its revisions and deployments stay. */
  remove(name: string): void {
    this.#sql.prepare('DELETE FROM services WHERE stack = ?').run(name)
    this.#sql.prepare('DELETE FROM stacks WHERE name = ?').run(name)
  }

  removeService(stack: string, service: string): void {
    this.#sql.prepare('DELETE FROM services WHERE stack = ? AND service = ?').run(stack, service)
  }

  #kept(reason: string | undefined): string | null {
    return reason === undefined ? null : this.#redact(reason)
  }
}

function toStack(raw: unknown): StackRow {
  const row = raw as Record<string, string | number | null>
  return {
    name: row.name as string,
    presence: row.presence as StackRow['presence'],
    revision: row.revision as number,
    disabled: JSON.parse(row.disabled as string),
    condition: row.condition as StackCondition,
    reason: (row.reason as string | null) ?? undefined,
    updatedAt: row.updated_at as string,
  }
}

function toService(raw: unknown): ServiceState {
  const row = raw as Record<string, string | number | null>
  return {
    service: row.service as string,
    revision: row.revision as number,
    run: row.run as ServiceState['run'],
    scale: (row.scale as number | null) ?? undefined,
    recreate: row.recreate as number,
    restart: row.restart as number,
    outdated: row.outdated as ServiceState['outdated'],
    ...(row.release !== 0 && { release: row.release as number }),
  }
}
