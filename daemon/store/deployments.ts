/** Deployments and their steps. A queued or running one that a crash left open is taken up again at start. */

import type { ProblemDetails } from '../../protocol/problems.ts'
import { redactedJson } from '../../protocol/redacted-json.ts'
import type {
  Deployment,
  DeploymentKind,
  DeploymentState,
  ServiceTraffic,
  Step,
} from '../../protocol/resources/deployment.ts'
import type { Sql } from './database.ts'

export interface DeploymentRow {
  readonly id: string
  readonly stack: string
  readonly kind: DeploymentKind
  readonly revision: number | undefined
  readonly state: DeploymentState
  readonly requestedBy: string
  /** The request as it was accepted, so that it can be carried out after a crash. Holds no credentials. */
  readonly request: unknown
  /** Whether it has become the desired state. Until then a crash or a failure leaves that as it was. */
  readonly applied: boolean
  readonly createdAt: string
}

export interface DeploymentEnd {
  readonly state: DeploymentState
  readonly at: string
  readonly error: ProblemDetails | undefined
  readonly warnings: readonly string[]
  /** Undefined where the ingress has nothing of the stack. */
  readonly traffic?: readonly ServiceTraffic[] | undefined
}

export class DeploymentRepository {
  readonly #sql: Sql
  readonly #redact: (text: string) => string

  constructor(sql: Sql, redact: (text: string) => string = (text) => text) {
    this.#sql = sql
    this.#redact = redact
  }

  add(row: Omit<DeploymentRow, 'applied'>): void {
    this.#sql
      .prepare(
        `INSERT INTO deployments (id, stack, kind, revision, state, requested_by, request, created_at)
         VALUES (@id, @stack, @kind, @revision, @state, @requestedBy, @request, @createdAt)`,
      )
      .run({ ...row, revision: row.revision ?? null, request: JSON.stringify(row.request) })
  }

  /** The oldest that is not ended: what the stack's loop works on next. */
  next(stack: string): DeploymentRow | undefined {
    const row = this.#sql
      .prepare(`SELECT * FROM deployments WHERE stack = ? AND state IN ('queued', 'running') ORDER BY sequence LIMIT 1`)
      .get(stack)
    return row === undefined ? undefined : toRow(row)
  }

  open(stack: string): DeploymentRow[] {
    return this.#sql
      .prepare(`SELECT * FROM deployments WHERE stack = ? AND state IN ('queued', 'running') ORDER BY sequence`)
      .all(stack)
      .map(toRow)
  }

  stacksWithOpen(): string[] {
    const rows = this.#sql.prepare(`SELECT DISTINCT stack FROM deployments WHERE state IN ('queued', 'running')`).all()
    return rows.map((row) => (row as { stack: string }).stack)
  }

  begin(id: string, at: string): void {
    this.#sql
      .prepare(`UPDATE deployments SET state = 'running', started_at = COALESCE(started_at, ?) WHERE id = ?`)
      .run(at, id)
  }

  applied(id: string, revision: number): void {
    this.#sql.prepare('UPDATE deployments SET applied = 1, revision = ? WHERE id = ?').run(revision, id)
  }

  end(id: string, end: DeploymentEnd): void {
    this.#sql
      .prepare('UPDATE deployments SET state = ?, ended_at = ?, error = ?, warnings = ?, traffic = ? WHERE id = ?')
      .run(
        end.state,
        end.at,
        end.error === undefined ? null : redactedJson(end.error, this.#redact),
        redactedJson(end.warnings, this.#redact),
        end.traffic === undefined ? null : JSON.stringify(end.traffic),
        id,
      )
  }

  saveSteps(deployment: string, steps: readonly { readonly position: number; readonly step: Step }[]): void {
    const statement = this.#sql.prepare(
      'INSERT OR REPLACE INTO steps (deployment, id, position, step) VALUES (?, ?, ?, ?)',
    )
    this.#sql.batch(() => {
      for (const { position, step } of steps)
        statement.run(deployment, step.id, position, redactedJson(step, this.#redact))
    })
  }

  find(id: string): Deployment | undefined {
    const row = this.#sql.prepare('SELECT * FROM deployments WHERE id = ?').get(id)
    return row === undefined ? undefined : this.#toDeployment(row)
  }

  /** Newest first. `revision`: only those that led to it. */
  list(stack: string, limit: number, revision?: number): Deployment[] {
    return this.#sql
      .prepare(
        'SELECT * FROM deployments WHERE stack = ? AND revision IS COALESCE(?, revision) ORDER BY sequence DESC LIMIT ?',
      )
      .all(stack, revision ?? null, limit)
      .map((row) => this.#toDeployment(row))
  }

  /** The revision of the newest deployment that brought up another than `current` in full. */
  lastGood(stack: string, current: number): number | undefined {
    const row = this.#sql
      .prepare(
        `SELECT revision FROM deployments WHERE stack = ? AND revision <> ? AND state = 'succeeded'
           AND kind IN ('up', 'rollback', 'adopt')
           AND COALESCE(json_array_length(request, '$.options.services'), 0) = 0 ORDER BY sequence DESC LIMIT 1`,
      )
      .get(stack, current)
    return (row as { revision: number } | undefined)?.revision
  }

  stacks(): string[] {
    const rows = this.#sql.prepare('SELECT DISTINCT stack FROM deployments').all()
    return rows.map((row) => (row as { stack: string }).stack)
  }

  /**
   * Ended ones of a stack go with their steps: those beyond its newest `keep`, and those made before `before` (ISO 8601).
   * What the loop did by itself is counted apart: a stack that needs much of it keeps what people asked for.
   */
  prune(stack: string, keep: number, before: string): void {
    for (const kinds of [`kind = 'heal'`, `kind <> 'heal'`]) {
      this.#sql
        .prepare(
          `DELETE FROM deployments WHERE stack = ? AND ${kinds} AND state NOT IN ('queued', 'running')
             AND (created_at < ? OR sequence <= (
               SELECT sequence FROM deployments WHERE stack = ? AND ${kinds} ORDER BY sequence DESC LIMIT 1 OFFSET ?))`,
        )
        .run(stack, before, stack, keep)
    }
  }

  #toDeployment(raw: unknown): Deployment {
    const row = raw as Record<string, string | number | null>
    const steps = this.#sql.prepare('SELECT step FROM steps WHERE deployment = ? ORDER BY position').all(row.id)
    return {
      ...optional('revision', row.revision),
      ...optional('startedAt', row.started_at),
      ...optional('endedAt', row.ended_at),
      ...optional('error', row.error === null ? null : JSON.parse(row.error as string)),
      ...optional('traffic', row.traffic === null ? null : JSON.parse(row.traffic as string)),
      id: row.id as string,
      stack: row.stack as string,
      kind: row.kind as DeploymentKind,
      state: row.state as DeploymentState,
      requestedBy: row.requested_by as string,
      createdAt: row.created_at as string,
      warnings: JSON.parse(row.warnings as string),
      steps: steps.map((step) => JSON.parse((step as { step: string }).step)),
    }
  }
}

function optional(key: string, value: unknown): Record<string, never> {
  return (value === null || value === undefined ? {} : { [key]: value }) as Record<string, never>
}

function toRow(raw: unknown): DeploymentRow {
  const row = raw as Record<string, string | number | null>
  return {
    id: row.id as string,
    stack: row.stack as string,
    kind: row.kind as DeploymentKind,
    revision: (row.revision as number | null) ?? undefined,
    state: row.state as DeploymentState,
    requestedBy: row.requested_by as string,
    request: JSON.parse(row.request as string),
    applied: row.applied === 1,
    createdAt: row.created_at as string,
  }
}
