/** A revision on trial beside what serves: at most one of each stack. `states`: its services once it is promoted. */
export const trials = `
CREATE TABLE trials (
  stack TEXT PRIMARY KEY,
  strategy TEXT NOT NULL,
  revision INTEGER NOT NULL,
  asked INTEGER NOT NULL,
  share INTEGER NOT NULL,
  services TEXT NOT NULL,
  waiting TEXT NOT NULL,
  disabled TEXT NOT NULL,
  states TEXT NOT NULL,
  keep_ms INTEGER,
  begun_at TEXT NOT NULL,
  begun_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;
`
