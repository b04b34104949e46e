/**
 * The audit log. Each entry carries a hash over itself and the hash before it, so that a change or a gap shows. Whoever may
 * write the file may write all of it anew: against that the newest hash is to be noted elsewhere.
 */
import { createHash } from 'node:crypto'
import type { AuditEntry, AuditQuery, AuditVerification } from '../../protocol/resources/access.ts'
import type { Sql } from './database.ts'

export type NewAuditEntry = Omit<AuditEntry, 'sequence' | 'hash'>

/** Kept; the oldest go. What is left hangs on the hash of the last that went. */
export const AUDIT_LIMIT = 200_000
/** How many go at once, so that they are looked for seldom. */
const PRUNE_BY = 1000
const ANCHOR = 'audit-anchor'
const PAGE_ROWS = 1000
const PAGE = `SELECT * FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ${PAGE_ROWS}`

export class AuditRepository {
  readonly #sql: Sql
  #head: string | undefined
  #verifying: Promise<AuditVerification> | undefined

  constructor(sql: Sql) {
    this.#sql = sql
  }

  add(entry: NewAuditEntry): void {
    this.#sql.batch(() => {
      const hash = linked(this.#latest(), entry)
      const { lastInsertRowid } = this.#sql
        .prepare(
          `INSERT INTO audit (at, actor, origin, action, object, outcome, code, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(entry.at, entry.actor, entry.origin, entry.action, entry.object, entry.outcome, entry.code ?? null, hash)
      this.#head = hash
      if (Number(lastInsertRowid) % PRUNE_BY === 0) this.#prune(Number(lastInsertRowid) - AUDIT_LIMIT)
    })
  }

  /** Newest first. */
  find(query: AuditQuery): AuditEntry[] {
    const filters: string[] = []
    const values: (string | number)[] = []
    const where = (clause: string, value: string | number | undefined) => {
      if (value === undefined) return
      filters.push(clause)
      values.push(value)
    }
    where('actor = ?', query.actor)
    where('action = ?', query.action)
    where('object = ?', query.object)
    where('outcome = ?', query.outcome)
    where('at >= ?', query.since)
    where('at < ?', query.until)
    where('sequence < ?', query.before)
    const text = `SELECT * FROM audit ${filters.length === 0 ? '' : `WHERE ${filters.join(' AND ')}`} ORDER BY sequence DESC LIMIT ?`
    return this.#sql
      .prepare(text)
      .all(...values, query.limit)
      .map(toEntry)
  }

  /** Reads all of it, in pages. `pause` lets others work in between. Who asks meanwhile gets the same answer. */
  verify(pause: () => Promise<void>): Promise<AuditVerification> {
    this.#verifying ??= this.#verify(pause).finally(() => {
      this.#verifying = undefined
    })
    return this.#verifying
  }

  async #verify(pause: () => Promise<void>): Promise<AuditVerification> {
    let hash = this.#anchor()
    let first: number | undefined
    let last: number | undefined
    let entries = 0
    for (;;) {
      const page = this.#sql.prepare(PAGE).all(last ?? 0) as PageRow[]
      for (const row of page) {
        const { sequence, hash: own } = row
        const isNext = last === undefined || sequence === last + 1
        if (!isNext || linked(hash, row) !== own) {
          return { intact: false, entries, ...(first === undefined ? {} : { first }), brokenAt: sequence }
        }
        first ??= sequence
        last = sequence
        hash = own
        entries += 1
      }
      if (page.length < PAGE_ROWS) break
      await pause()
    }
    return {
      intact: true,
      entries,
      ...(first === undefined || last === undefined ? {} : { first, last, head: hash }),
    }
  }

  #latest(): string {
    if (this.#head !== undefined) return this.#head
    const row = this.#sql.prepare('SELECT hash FROM audit ORDER BY sequence DESC LIMIT 1').get()
    return row === undefined ? this.#anchor() : (row as { hash: string }).hash
  }

  #anchor(): string {
    const row = this.#sql.prepare('SELECT value FROM meta WHERE key = ?').get(ANCHOR)
    return row === undefined ? '' : (row as { value: string }).value
  }

  #prune(upTo: number): void {
    const row = this.#sql.prepare('SELECT hash FROM audit WHERE sequence = ?').get(upTo)
    if (row === undefined) return
    this.#sql
      .prepare('INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value')
      .run(ANCHOR, (row as { hash: string }).hash)
    this.#sql.prepare('DELETE FROM audit WHERE sequence <= ?').run(upTo)
  }
}

type Linked = Omit<NewAuditEntry, 'code'> & { readonly code?: string | null | undefined }
type PageRow = Linked & Pick<AuditEntry, 'sequence' | 'hash'>

/** JSON of an array: no value can be taken for two. */
function linked(before: string, { at, actor, origin, action, object, outcome, code }: Linked): string {
  return createHash('sha256')
    .update(JSON.stringify([before, at, actor, origin, action, object, outcome, code ?? null]))
    .digest('hex')
}

function toEntry(raw: unknown): AuditEntry {
  const { code, ...row } = raw as Omit<AuditEntry, 'code'> & { code: string | null }
  return { ...row, ...(code === null ? {} : { code }) }
}
