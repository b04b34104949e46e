/** Secrets of stacks. `sealed` is what daemon/secrets/cipher.ts made of the value: its key is not in here. */
export const secrets = `
CREATE TABLE secrets (
  stack TEXT NOT NULL,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  updated_by TEXT NOT NULL,
  PRIMARY KEY (stack, name)
) STRICT, WITHOUT ROWID;
`
