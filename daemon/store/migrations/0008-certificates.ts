/**
 * Certificates of hosts, how the last attempts to have one went, and accounts with authorities. Sealed are keys, by
 * daemon/secrets/cipher.ts, whose key is not in here.
 */
export const certificates = `
CREATE TABLE certificates (
  host TEXT PRIMARY KEY,
  authority TEXT,
  chain TEXT NOT NULL,
  version INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  installed_at TEXT NOT NULL,
  installed_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE certificate_attempts (
  host TEXT PRIMARY KEY,
  failures INTEGER NOT NULL,
  next_at TEXT NOT NULL,
  error TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE acme_accounts (
  authority TEXT PRIMARY KEY,
  url TEXT,
  sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
`
