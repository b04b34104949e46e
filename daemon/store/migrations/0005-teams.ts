/**
 * Roles of the daemon's own, teams, service accounts, and invitations by the hash of their secret. A user without a role, who
 * has only what the user's teams have, has an empty one.
 */
export const teams = `
ALTER TABLE users ADD COLUMN kind TEXT NOT NULL DEFAULT 'person';

CREATE TABLE roles (
  name TEXT PRIMARY KEY,
  permissions TEXT NOT NULL,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE teams (
  name TEXT PRIMARY KEY,
  role TEXT NOT NULL,
  stacks TEXT NOT NULL,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE team_members (
  team TEXT NOT NULL REFERENCES teams (name) ON DELETE CASCADE,
  user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
  PRIMARY KEY (team, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX teams_of_user ON team_members (user);

CREATE TABLE invitations (
  name TEXT PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  addressee TEXT NOT NULL,
  role TEXT,
  stacks TEXT NOT NULL,
  team TEXT REFERENCES teams (name) ON DELETE CASCADE,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  failures INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
`
