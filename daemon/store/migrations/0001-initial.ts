/** Stacks with their services, revisions, deployments with their steps, events, memory. JSON columns hold protocol types. */
export const initial = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TABLE stacks (
  name TEXT PRIMARY KEY,
  presence TEXT NOT NULL CHECK (presence IN ('present', 'absent')),
  revision INTEGER NOT NULL,
  disabled TEXT NOT NULL,
  condition TEXT NOT NULL,
  reason TEXT,
  updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE services (
  stack TEXT NOT NULL REFERENCES stacks (name),
  service TEXT NOT NULL,
  revision INTEGER NOT NULL,
  run TEXT NOT NULL,
  scale INTEGER,
  recreate INTEGER NOT NULL,
  restart INTEGER NOT NULL,
  outdated TEXT NOT NULL,
  PRIMARY KEY (stack, service)
) STRICT, WITHOUT ROWID;

CREATE TABLE revisions (
  stack TEXT NOT NULL,
  number INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  author TEXT NOT NULL,
  note TEXT,
  source TEXT NOT NULL,
  digest TEXT NOT NULL,
  model TEXT NOT NULL,
  files TEXT NOT NULL,
  contexts TEXT NOT NULL,
  PRIMARY KEY (stack, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE revision_images (
  stack TEXT NOT NULL,
  revision INTEGER NOT NULL,
  service TEXT NOT NULL,
  reference TEXT NOT NULL,
  image_id TEXT NOT NULL,
  PRIMARY KEY (stack, revision, service)
) STRICT, WITHOUT ROWID;

CREATE TABLE deployments (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  stack TEXT NOT NULL,
  kind TEXT NOT NULL,
  revision INTEGER,
  state TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  request TEXT NOT NULL,
  applied INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL,
  started_at TEXT,
  ended_at TEXT,
  warnings TEXT NOT NULL DEFAULT '[]',
  error TEXT
) STRICT;
CREATE INDEX deployments_of_stack ON deployments (stack, sequence);
CREATE INDEX deployments_open ON deployments (state) WHERE state IN ('queued', 'running');

CREATE TABLE steps (
  deployment TEXT NOT NULL REFERENCES deployments (id) ON DELETE CASCADE,
  id TEXT NOT NULL,
  position INTEGER NOT NULL,
  step TEXT NOT NULL,
  PRIMARY KEY (deployment, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  at TEXT NOT NULL,
  stack TEXT NOT NULL,
  event TEXT NOT NULL
) STRICT;
CREATE INDEX events_of_stack ON events (stack, sequence);

CREATE TABLE memory (
  stack TEXT NOT NULL,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (stack, kind, key)
) STRICT, WITHOUT ROWID;
`
