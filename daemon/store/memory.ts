/** What cannot be observed and must survive a crash: small values by stack, kind and key. */
import type { Sql } from './database.ts'

/**
 * `owed`: services that a request wants to run and whose starts have not all been done yet. `held`: containers whose restart
 * policy is `no` while they are stopped through us. `stopping`: containers whose stop was begun and not answered.
 * `signalled`: containers that `kill` sent a signal that means stop; `begun` until it is known to have got there, `ended`
 * once the container was told to have ended. `unstartable`: containers that the Engine died in starting, and that may be
 * made anew. `vacant`: replicas whose containers `rm` removed. `halted`: containers that somebody stopped past us. `cures`:
 * replicas that were made anew because they were unhealthy. `published`: services that the ingress has. `routed`: containers
 * in it. `good`: the state that a stack goes back to. `going-back`: deployments that failed, and take the stack there.
 * `paused`: services whose rollout waits for a person. `protected`: volumes that no command removes, by who said so: `file`
 * or `command`. `traffic`: what the ingress has counted since a deployment began. `release`: of an atomic stack, the number
 * of the `last` release, and of the one that was `switched` to. `split`: services whose traffic is divided between two
 * revisions. `traffic-paused`: services whose traffic waits, until when. `steps`: how far the steps of services have come
 * that a request brought to a revision.
 */
export type MemoryKind =
  | 'restarted'
  | 'volume'
  | 'cures'
  | 'owed'
  | 'held'
  | 'stopping'
  | 'signalled'
  | 'unstartable'
  | 'vacant'
  | 'halted'
  | 'protected'
  | 'published'
  | 'routed'
  | 'good'
  | 'going-back'
  | 'paused'
  | 'steps'
  | 'release'
  | 'traffic'
  | 'traffic-paused'
  | 'split'

/** Kinds whose keys are ids of containers: they go with those. */
export const OF_A_CONTAINER = ['restarted', 'held', 'stopping', 'signalled', 'unstartable'] as const

export class MemoryRepository {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  all(stack: string, kind: MemoryKind): Record<string, unknown> {
    const rows = this.#sql.prepare('SELECT key, value FROM memory WHERE stack = ? AND kind = ?').all(stack, kind)
    return Object.fromEntries(
      rows.map((raw) => [(raw as { key: string }).key, JSON.parse((raw as { value: string }).value)]),
    )
  }

  /** All of a kind, of all stacks, in order. */
  everywhere(kind: MemoryKind): { readonly stack: string; readonly key: string; readonly value: unknown }[] {
    const rows = this.#sql.prepare('SELECT stack, key, value FROM memory WHERE kind = ? ORDER BY stack, key').all(kind)
    return rows.map((raw) => {
      const { stack, key, value } = raw as { stack: string; key: string; value: string }
      return { stack, key, value: JSON.parse(value) }
    })
  }

  /** Keys of a kind, of all stacks. */
  keys(kind: MemoryKind): string[] {
    const rows = this.#sql.prepare('SELECT DISTINCT key FROM memory WHERE kind = ? ORDER BY key').all(kind)
    return rows.map((raw) => (raw as { key: string }).key)
  }

  set(stack: string, kind: MemoryKind, key: string, value: unknown): void {
    this.#sql
      .prepare('INSERT OR REPLACE INTO memory (stack, kind, key, value) VALUES (?, ?, ?, ?)')
      .run(stack, kind, key, JSON.stringify(value))
  }

  /** All that is written meanwhile, or nothing of it. */
  together(work: () => void): void {
    this.#sql.batch(work)
  }

  forgetStack(stack: string): void {
    this.#sql.prepare('DELETE FROM memory WHERE stack = ?').run(stack)
  }

  forget(stack: string, kind: MemoryKind, key: string): void {
    this.#sql.prepare('DELETE FROM memory WHERE stack = ? AND kind = ? AND key = ?').run(stack, kind, key)
  }
}
