/** What the system says where the state cannot be written, in words for a person. */
import Sqlite from 'better-sqlite3'
import { Problem } from '../../protocol/problems.ts'

/** Of SQLite: a full disk, a folder that is read-only or not ours, a disk that fails. */
const OF_SQLITE = /^SQLITE_(FULL|READONLY|CANTOPEN|PERM|IOERR)/
const OF_FILES = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO'])

/** Undefined where the error says something else. `folder` is the state folder, where that is known. */
export function unwritable(error: unknown, folder?: string): Problem | undefined {
  if (error instanceof Problem) return error.code === 'state-unwritable' ? error : undefined
  const code = (error as { code?: unknown } | undefined)?.code
  if (typeof code !== 'string') return undefined
  if (error instanceof Sqlite.SqliteError ? !OF_SQLITE.test(code) : !OF_FILES.has(code)) return undefined
  const isFull = code === 'SQLITE_FULL' || code === 'ENOSPC' || code === 'EDQUOT'
  const isReadOnly = code.startsWith('SQLITE_READONLY') || code === 'EROFS'
  const why = isFull ? 'the disk is full' : isReadOnly ? 'it is read-only' : (error as Error).message
  return new Problem(
    'state-unwritable',
    `the state${folder === undefined ? '' : ` in ${folder}`} cannot be written: ${why}`,
    {
      hint: `running stacks are not touched, and nothing is changed until it can be. ${isFull ? 'Free space there' : 'Make the folder writable'}: a running daemon then goes on by itself`,
      cause: error,
    },
  )
}
