/** Opens the state: one SQLite file in WAL mode, migrated, locked against a second daemon. */
import { chmodSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { Problem } from '../../protocol/problems.ts'
import { MIGRATIONS } from './migrations/index.ts'
import { unwritable } from './unwritable.ts'

/** What repositories need of it. A statement is compiled once, so its text must not hold data. */
export interface Sql {
  prepare(text: string): Sqlite.Statement
  /** All or nothing. A power cut, and nothing else, may take it back, with all that came after it. */
  batch<T>(work: () => T): T
  /** All or nothing, and on the disk when it returns, with all that came before it. */
  transaction<T>(work: () => T): T
}

export interface OpenDatabase {
  readonly sql: Sql
  /** A copy of one moment, while others write. */
  backup(path: string): Promise<void>
  close(): void
}

/** What SQLite keeps of the file in memory. The system has the rest at hand; the library's 16,000 would fill as history grows. */
const CACHE_KIB = 2000

/**
 * One waits for the disk only for what is acknowledged to somebody: while the Engine makes containers an fsync takes up
 * to 50 ms, and the daemon does nothing else meanwhile. What a power cut takes from the end of the log is what the Engine
 * is then ahead of us, as after any crash. The lock is a second file held open in exclusive mode: the kernel frees it
 * when the process dies, however it dies, and tools can still read the state itself.
 */
export function openDatabase(folder: string): OpenDatabase {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    chmodSync(folder, 0o700)
  } catch (error) {
    throw unwritable(error, folder) ?? error
  }
  const lock = takeLock(folder)
  try {
    const path = statePath(folder)
    // SQLite takes an empty file for a new database. One that is there and empty lost what it had.
    if (statSync(path, { throwIfNoEntry: false })?.size === 0) throw damaged(folder, 'the file is empty')
    const db = new Sqlite(path)
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = NORMAL')
    db.pragma('foreign_keys = ON')
    db.pragma('busy_timeout = 5000')
    db.pragma(`cache_size = -${CACHE_KIB}`)
    checkIntegrity(db, folder)
    migrate(db)
    return {
      sql: sqlOf(db, folder),
      backup: async (path) => {
        await db.backup(path)
      },
      close() {
        db.close()
        lock.close()
      },
    }
  } catch (error) {
    lock.close()
    throw explained(error, folder)
  }
}

/** What SQLite says of damage, and of a folder that cannot be written, in words for a person; all else as it is. */
function explained(error: unknown, folder: string): unknown {
  if (error instanceof Sqlite.SqliteError && /NOTADB|CORRUPT/.test(error.code)) return damaged(folder, error.message)
  return unwritable(error, folder) ?? error
}

function sqlOf(db: Sqlite.Database, folder: string): Sql {
  const statements = new Map<string, Sqlite.Statement>()
  const guarded = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw explained(error, folder)
    }
  }
  const batch = <T>(work: () => T): T => guarded(() => db.transaction(work).immediate())
  return {
    prepare(text) {
      const known = statements.get(text)
      if (known !== undefined) return known
      const statement = db.prepare(text)
      const run = statement.run.bind(statement)
      statement.run = (...values) => guarded(() => run(...values))
      statements.set(text, statement)
      return statement
    },
    batch,
    transaction(work) {
      if (db.inTransaction) throw new Error('what is to be on the disk cannot be part of a batch')
      db.pragma('synchronous = FULL')
      try {
        return batch(work)
      } finally {
        db.pragma('synchronous = NORMAL')
      }
    },
  }
}

export const statePath = (folder: string): string => join(folder, 'state.db')

/** Against a second daemon, and against what must not be done beside one. */
export function takeLock(folder: string): Sqlite.Database {
  let lock: Sqlite.Database
  try {
    lock = new Sqlite(join(folder, 'lock.db'), { timeout: 0 })
  } catch (error) {
    throw unwritable(error, folder) ?? error
  }
  try {
    lock.pragma('locking_mode = EXCLUSIVE')
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    if (!(error instanceof Sqlite.SqliteError && error.code.startsWith('SQLITE_BUSY')))
      throw unwritable(error, folder) ?? error
    throw new Problem('state-folder-in-use', `another evenkeeld runs on the state folder ${folder}`, {
      hint: 'stop it first, or give this one a folder of its own (--state DIR)',
      cause: error,
    })
  }
}

/** Why the state cannot be read, in SQLite's words; undefined where nothing is wrong with it. Without a change of it. */
export function damageOf(path: string): string | undefined {
  if (statSync(path).size === 0) return 'the file is empty'
  let db: Sqlite.Database | undefined
  try {
    db = new Sqlite(path)
    const answer = db.pragma('quick_check(1)', { simple: true })
    return answer === 'ok' ? undefined : String(answer)
  } catch (error) {
    if (error instanceof Sqlite.SqliteError && /NOTADB|CORRUPT/.test(error.code)) return error.message
    throw error
  } finally {
    db?.close()
  }
}

/** Renames the state, with its log and its index of that. Answers where it is now; undefined where there was none. */
export function setAside(folder: string, suffix: string): string | undefined {
  const path = statePath(folder)
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined
  const aside = `${path}.${suffix}`
  for (const part of ['-wal', '-shm', '']) {
    if (statSync(`${path}${part}`, { throwIfNoEntry: false }) !== undefined)
      renameSync(`${path}${part}`, `${aside}${part}`)
  }
  return aside
}

function checkIntegrity(db: Sqlite.Database, folder: string): void {
  const answer = db.pragma('quick_check(1)', { simple: true })
  if (answer !== 'ok') throw damaged(folder, String(answer))
}

function damaged(folder: string, words: string): Problem {
  return new Problem('state-damaged', `the state in ${folder} is damaged: ${words}`, {
    hint: `running stacks are not touched. With a backup: evenkeeld --restore FILE. Without one: evenkeeld --rebuild keeps the damaged files aside and learns the names of stacks and services from the labels of their containers`,
  })
}

function migrate(db: Sqlite.Database): void {
  const version = Number(db.pragma('user_version', { simple: true }))
  if (version > MIGRATIONS.length) {
    throw new Problem(
      'state-damaged',
      `the state was written by a newer evenkeeld (schema ${version}, this one knows ${MIGRATIONS.length})`,
      {
        hint: 'run that version or a newer one',
      },
    )
  }
  for (const [index, sql] of MIGRATIONS.entries()) {
    if (index < version) continue
    db.transaction(() => {
      db.exec(sql)
      db.pragma(`user_version = ${index + 1}`)
    })()
  }
}
