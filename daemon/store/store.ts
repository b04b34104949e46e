/** The state of the daemon, by aggregate. */
import { randomUUID } from 'node:crypto'
import { openDatabase } from './database.ts'
import { DeploymentRepository } from './deployments.ts'
import { EventRepository } from './events.ts'
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
  /** All or nothing, and on the disk when it returns. */
  transaction<T>(work: () => T): T
  close(): void
}

export function openStore(folder: string): Store {
  const { db, close } = openDatabase(folder)
  return {
    instance: instanceOf(db),
    stacks: new StackRepository(db),
    revisions: new RevisionRepository(db),
    deployments: new DeploymentRepository(db),
    events: new EventRepository(db),
    memory: new MemoryRepository(db),
    transaction: (work) => db.transaction(work).immediate(),
    close,
  }
}

function instanceOf(db: ReturnType<typeof openDatabase>['db']): string {
  db.prepare(`INSERT OR IGNORE INTO meta (key, value) VALUES ('instance', ?)`).run(randomUUID())
  const row = db.prepare(`SELECT value FROM meta WHERE key = 'instance'`).get() as { value: string }
  return row.value
}
