/**
 * Stands in for `better-sqlite3` in the simulator's bundle: the same SQLite, in memory under the name of its file, so
 * that it outlives the daemon as a disk does; statements are compiled once; and a daemon can die before any write.
 * With `store: 'file'` it is SQLite on real files.
 */
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'

type Raw = Database.Database
type RawStatement = Database.Statement<unknown[], unknown>

/** Thrown into whatever a dead daemon still tries to do. */
export class DaemonDied extends Error {
  constructor() {
    super('the daemon is dead')
  }
}

interface Disk {
  readonly raw: Raw
  readonly statements: Map<string, RawStatement>
}

const disks = new Map<string, Disk>()
const locks = new Map<string, SimulatedSqlite>()
const open = new Set<SimulatedSqlite>()

export const sqliteControl = {
  store: 'memory' as 'memory' | 'file',
  /** Called before each write of a daemon that lives. It may end that life: then the write does not happen. */
  beforeWrite: (): void => {},
  /** The daemon's process is gone: its connections are, and its lock is free. */
  kill(folder: string): void {
    for (const connection of [...open]) if (connection.folder === folder) connection.kill()
  },
  /** The state as it is on the disk, for whoever checks it. */
  query<T>(folder: string, sql: string, ...values: unknown[]): T[] {
    const { raw, statements } = disks.get(`${folder}/state.db`)!
    let statement = statements.get(sql)
    if (statement === undefined) {
      statement = raw.prepare(sql)
      statements.set(sql, statement)
    }
    return statement.all(...values) as T[]
  },
  /** An empty state of the same instance, without the cost of making one. */
  wipe(folder: string): void {
    const disk = disks.get(`${folder}/state.db`)
    if (disk === undefined) return
    disk.raw.exec(
      `BEGIN; DELETE FROM steps; DELETE FROM deployments; DELETE FROM services; DELETE FROM stacks;
       DELETE FROM revisions; DELETE FROM revision_images; DELETE FROM events; DELETE FROM memory; DELETE FROM holds; DELETE FROM adopted; COMMIT`,
    )
  },
  forget(folder: string): void {
    const disk = disks.get(`${folder}/state.db`)
    disk?.raw.close()
    disks.delete(`${folder}/state.db`)
  },
}

class SimulatedStatement {
  readonly #connection: SimulatedSqlite
  readonly #raw: RawStatement

  constructor(connection: SimulatedSqlite, raw: RawStatement) {
    this.#connection = connection
    this.#raw = raw
  }

  run(...values: unknown[]) {
    this.#connection.mayWrite()
    return this.#raw.run(...values)
  }

  get(...values: unknown[]) {
    this.#connection.mustLive()
    return this.#raw.get(...values)
  }

  all(...values: unknown[]) {
    this.#connection.mustLive()
    return this.#raw.all(...values)
  }
}

export default class SimulatedSqlite {
  static readonly SqliteError = Database.SqliteError
  readonly folder: string
  readonly #path: string
  readonly #disk: Disk
  readonly #statements = new Map<string, SimulatedStatement>()
  #alive = true

  constructor(path: string) {
    this.#path = path
    this.folder = dirname(path)
    const known = disks.get(path)
    if (known !== undefined && (sqliteControl.store === 'memory' || existsSync(path))) this.#disk = known
    else {
      const raw = new Database(sqliteControl.store === 'file' ? path : ':memory:')
      this.#disk = { raw, statements: new Map() }
      disks.set(path, this.#disk)
    }
    open.add(this)
  }

  prepare(sql: string): SimulatedStatement {
    this.mustLive()
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      let raw = this.#disk.statements.get(sql)
      if (raw === undefined) {
        raw = this.#disk.raw.prepare(sql)
        this.#disk.statements.set(sql, raw)
      }
      statement = new SimulatedStatement(this, raw)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  pragma(text: string, options?: Database.PragmaOptions): unknown {
    this.mustLive()
    if (text === 'locking_mode = EXCLUSIVE') return undefined
    if (text.startsWith('quick_check')) return 'ok'
    return this.#disk.raw.pragma(text, options)
  }

  exec(sql: string): void {
    this.mayWrite()
    if (sql === 'BEGIN EXCLUSIVE') this.#lock()
    else this.#disk.raw.exec(sql)
  }

  transaction<A extends unknown[], T>(work: (...args: A) => T) {
    this.mustLive()
    return this.#disk.raw.transaction(work)
  }

  close(): void {
    this.kill()
  }

  kill(): void {
    this.#alive = false
    open.delete(this)
    if (locks.get(this.#path) === this) locks.delete(this.#path)
  }

  mustLive(): void {
    if (!this.#alive) throw new DaemonDied()
  }

  mayWrite(): void {
    this.mustLive()
    sqliteControl.beforeWrite()
    this.mustLive()
  }

  #lock(): void {
    if (locks.has(this.#path)) throw new Database.SqliteError('database is locked', 'SQLITE_BUSY')
    locks.set(this.#path, this)
  }
}
