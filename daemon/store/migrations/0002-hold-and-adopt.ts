/** What is held, by stack or as a whole (`*`); and what Docker Compose made and we took over, by the Engine's id. */
export const holdAndAdopt = `
CREATE TABLE holds (
  scope TEXT PRIMARY KEY,
  since TEXT NOT NULL,
  by TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE adopted (
  id TEXT PRIMARY KEY,
  stack TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('container', 'network')),
  replica INTEGER,
  revision INTEGER,
  spec_hash TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX adopted_of_stack ON adopted (stack);
`
