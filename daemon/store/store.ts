/** The state of the daemon, by aggregate. */
import { randomUUID } from 'node:crypto'
import { AdoptedRepository } from './adopted.ts'
import { openDatabase, type Sql } from './database.ts'
import { DeploymentRepository } from './deployments.ts'
import { EventRepository } from './events.ts'
import { HoldRepository } from './holds.ts'
import { MemoryRepository } from './memory.ts'
import { RevisionRepository } from './revisions.ts'
import { StackRepository } from './stacks.ts'

export interface Store {
  /** Made once per state folder: the label by which our containers know us. */
  readonly instance: string
  readonly stacks: StackRepository
  readonly revisions: RevisionRepository
  readonly deployments: DeploymentRepository
  readonly events: EventRepository
  readonly memory: MemoryRepository
  readonly holds: HoldRepository
  readonly adopted: AdoptedRepository
  /** All or nothing. A power cut, and nothing else, may take it back, with all that came after it. */
  batch: Sql['batch']
  /** All or nothing, and on the disk when it returns: what is acknowledged. */
  transaction: Sql['transaction']
  close(): void
}

export function openStore(folder: string): Store {
  const { sql, close } = openDatabase(folder)
  return {
    instance: instanceOf(sql),
    stacks: new StackRepository(sql),
    revisions: new RevisionRepository(sql),
    deployments: new DeploymentRepository(sql),
    events: new EventRepository(sql),
    memory: new MemoryRepository(sql),
    holds: new HoldRepository(sql),
    adopted: new AdoptedRepository(sql),
    batch: sql.batch,
    transaction: sql.transaction,
    close,
  }
}

function instanceOf(sql: Sql): string {
  sql.prepare(`INSERT OR IGNORE INTO meta (key, value) VALUES ('instance', ?)`).run(randomUUID())
  const row = sql.prepare(`SELECT value FROM meta WHERE key = 'instance'`).get() as { value: string }
  return row.value
}
