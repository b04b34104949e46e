/** Revisions on trial: desired state, as stacks and services are. */
import type { ServiceState, Strategy } from '../stack/desired.ts'
import type { Sql } from './database.ts'

export interface TrialRow {
  readonly stack: string
  readonly strategy: Strategy
  readonly revision: number
  /** The revision that the request declared. Where an image had moved since, `revision` is a copy of it. */
  readonly asked: number
  /** Percent of what is new. */
  readonly share: number
  /** Those of which replicas stand beside the others. */
  readonly services: readonly string[]
  /** Those that change as well, and are as they were until the promotion. */
  readonly waiting: readonly string[]
  /** What the stack is once it is promoted. */
  readonly promoted: { readonly disabled: readonly string[]; readonly services: readonly ServiceState[] }
  /** How long the others are kept once it has all of the traffic; then it is promoted. Undefined: until somebody decides. */
  readonly keepMs: number | undefined
  readonly begunAt: string
  readonly begunBy: string
}

export class TrialRepository {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  find(stack: string): TrialRow | undefined {
    const row = this.#sql.prepare('SELECT * FROM trials WHERE stack = ?').get(stack)
    return row === undefined ? undefined : toTrial(row)
  }

  save({ promoted, ...row }: TrialRow): void {
    this.#sql
      .prepare(
        `INSERT OR REPLACE INTO trials
           (stack, strategy, revision, asked, share, services, waiting, disabled, states, keep_ms, begun_at, begun_by)
         VALUES
           (@stack, @strategy, @revision, @asked, @share, @services, @waiting, @disabled, @states, @keepMs, @begunAt, @begunBy)`,
      )
      .run({
        ...row,
        services: JSON.stringify(row.services),
        waiting: JSON.stringify(row.waiting),
        disabled: JSON.stringify(promoted.disabled),
        states: JSON.stringify(promoted.services),
        keepMs: row.keepMs ?? null,
      })
  }

  forget(stack: string): void {
    this.#sql.prepare('DELETE FROM trials WHERE stack = ?').run(stack)
  }
}

function toTrial(raw: unknown): TrialRow {
  const row = raw as Record<string, string | number | null>
  return {
    stack: row.stack as string,
    strategy: row.strategy as Strategy,
    revision: row.revision as number,
    asked: row.asked as number,
    share: row.share as number,
    services: JSON.parse(row.services as string),
    waiting: JSON.parse(row.waiting as string),
    promoted: {
      disabled: JSON.parse(row.disabled as string),
      services: JSON.parse(row.states as string),
    },
    keepMs: (row.keep_ms as number | null) ?? undefined,
    begunAt: row.begun_at as string,
    begunBy: row.begun_by as string,
  }
}
