/** The state of the daemon, by aggregate. */
import { randomUUID } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AccessRepository } from './access.ts'
import { AdoptedRepository } from './adopted.ts'
import { AuditRepository } from './audit.ts'
import { CertificateRepository } from './certificates.ts'
import { openDatabase, type Sql } from './database.ts'
import { DeploymentRepository } from './deployments.ts'
import { EventRepository } from './events.ts'
import { HoldRepository } from './holds.ts'
import { InvitationRepository } from './invitations.ts'
import { LabelRepository } from './labels.ts'
import { MemoryRepository } from './memory.ts'
import { RevisionRepository } from './revisions.ts'
import { RoleRepository } from './roles.ts'
import { SecretRepository } from './secrets.ts'
import { StackRepository } from './stacks.ts'
import { TeamRepository } from './teams.ts'
import { TrialRepository } from './trials.ts'
import { unwritable } from './unwritable.ts'

export interface Store {
  /** Made once per state folder: the label by which our containers know us. */
  readonly instance: string
  readonly stacks: StackRepository
  readonly trials: TrialRepository
  readonly revisions: RevisionRepository
  readonly deployments: DeploymentRepository
  readonly events: EventRepository
  readonly memory: MemoryRepository
  readonly holds: HoldRepository
  readonly adopted: AdoptedRepository
  readonly access: AccessRepository
  readonly roles: RoleRepository
  readonly teams: TeamRepository
  readonly invitations: InvitationRepository
  readonly labels: LabelRepository
  readonly audit: AuditRepository
  readonly secrets: SecretRepository
  readonly certificates: CertificateRepository
  /** All or nothing. A power cut, and nothing else, may take it back, with all that came after it. */
  batch: Sql['batch']
  /** All or nothing, and on the disk when it returns: what is acknowledged. */
  transaction: Sql['transaction']
  /** A copy of its database as of one moment, while it is written. */
  backup(path: string): Promise<void>
  close(): void
}

/** `redact`: takes out of events, and of how deployments went, what is not to be kept in the clear. */
export function openStore(folder: string, redact: (text: string) => string = (text) => text): Store {
  const { sql, backup, close } = openDatabase(folder)
  let instance: string
  try {
    instance = instanceOf(sql)
    keepInstance(folder, instance)
  } catch (error) {
    close()
    throw unwritable(error, folder) ?? error
  }
  return {
    instance,
    stacks: new StackRepository(sql, redact),
    trials: new TrialRepository(sql),
    revisions: new RevisionRepository(sql),
    deployments: new DeploymentRepository(sql, redact),
    events: new EventRepository(sql, redact),
    memory: new MemoryRepository(sql),
    holds: new HoldRepository(sql),
    adopted: new AdoptedRepository(sql),
    access: new AccessRepository(sql),
    roles: new RoleRepository(sql),
    teams: new TeamRepository(sql),
    invitations: new InvitationRepository(sql),
    labels: new LabelRepository(sql),
    audit: new AuditRepository(sql),
    secrets: new SecretRepository(sql),
    certificates: new CertificateRepository(sql),
    batch: sql.batch,
    transaction: sql.transaction,
    backup,
    close,
  }
}

/**
 * The id beside the database as well: it is what containers know us by, and without it a damaged state could not be
 * rebuilt from them.
 */
function keepInstance(folder: string, instance: string): void {
  if (instanceBeside(folder) === instance) return
  const path = join(folder, INSTANCE_FILE)
  writeFileSync(`${path}.new`, `${instance}\n`, { mode: 0o600, flush: true })
  renameSync(`${path}.new`, path)
}

export const INSTANCE_FILE = 'instance'

/** Undefined where there is none. */
export function instanceBeside(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, INSTANCE_FILE), 'utf8').trim() || undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Gives a state that has none yet the id by which containers know it already. */
export function adoptInstance(folder: string, instance: string): void {
  const { sql, close } = openDatabase(folder)
  sql.transaction(() => sql.prepare(`INSERT INTO meta (key, value) VALUES ('instance', ?)`).run(instance))
  close()
}

function instanceOf(sql: Sql): string {
  sql.prepare(`INSERT OR IGNORE INTO meta (key, value) VALUES ('instance', ?)`).run(randomUUID())
  const row = sql.prepare(`SELECT value FROM meta WHERE key = 'instance'`).get() as { value: string }
  return row.value
}
