/** Certificates of hosts with their sealed keys, attempts to have one, and accounts with authorities. */
import type { Sql } from './database.ts'

export interface CertificateRow {
  readonly host: string
  /** URL of the directory of the authority that was asked for it; undefined: somebody imported it. */
  readonly authority: string | undefined
  /** PEM, the host's own first. */
  readonly chain: string
  readonly version: number
  readonly sealed: Buffer
  readonly installedAt: string
  readonly installedBy: string
}

/** Written before an authority is asked, so that a daemon that dies of it does not ask at once again. */
export interface AttemptRow {
  readonly host: string
  /** In a row. */
  readonly failures: number
  readonly nextAt: string
  readonly error: string
}

export interface AccountRow {
  /** URL of its directory. */
  readonly authority: string
  /** Undefined until the authority knows it. */
  readonly url: string | undefined
  readonly sealed: Buffer
}

const COLUMNS =
  'host, authority, chain, version, sealed, installed_at AS installedAt, installed_by AS installedBy' as const

export class CertificateRepository {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  all(): CertificateRow[] {
    return this.#sql.prepare(`SELECT ${COLUMNS} FROM certificates ORDER BY host`).all().map(toCertificate)
  }

  find(host: string): CertificateRow | undefined {
    const row = this.#sql.prepare(`SELECT ${COLUMNS} FROM certificates WHERE host = ?`).get(host)
    return row === undefined ? undefined : toCertificate(row)
  }

  put(row: CertificateRow): void {
    this.#sql
      .prepare(
        `INSERT OR REPLACE INTO certificates (host, authority, chain, version, sealed, installed_at, installed_by)
         VALUES (@host, @authority, @chain, @version, @sealed, @installedAt, @installedBy)`,
      )
      .run({ ...row, authority: row.authority ?? null })
  }

  remove(host: string): void {
    this.#sql.prepare('DELETE FROM certificates WHERE host = ?').run(host)
  }

  attempt(host: string): AttemptRow | undefined {
    return this.#sql
      .prepare('SELECT host, failures, next_at AS nextAt, error FROM certificate_attempts WHERE host = ?')
      .get(host) as AttemptRow | undefined
  }

  putAttempt(row: AttemptRow): void {
    this.#sql
      .prepare(
        `INSERT OR REPLACE INTO certificate_attempts (host, failures, next_at, error)
         VALUES (@host, @failures, @nextAt, @error)`,
      )
      .run({ ...row })
  }

  forgetAttempt(host: string): void {
    this.#sql.prepare('DELETE FROM certificate_attempts WHERE host = ?').run(host)
  }

  account(authority: string): AccountRow | undefined {
    const row = this.#sql.prepare('SELECT authority, url, sealed FROM acme_accounts WHERE authority = ?').get(authority)
    if (row === undefined) return undefined
    const account = row as { authority: string; url: string | null; sealed: Buffer }
    return { ...account, url: account.url ?? undefined }
  }

  putAccount({ authority, url, sealed }: AccountRow): void {
    this.#sql
      .prepare('INSERT OR REPLACE INTO acme_accounts (authority, url, sealed) VALUES (?, ?, ?)')
      .run(authority, url ?? null, sealed)
  }
}

function toCertificate(raw: unknown): CertificateRow {
  const row = raw as CertificateRow & { authority: string | null }
  return { ...row, authority: row.authority ?? undefined }
}
