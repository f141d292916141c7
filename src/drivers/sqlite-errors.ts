import { CeleriacError, OperationalError } from '../errors.ts'

/** SQLite's primary result codes that mean something to the user. */
const explanations = new Map<number, string>([
  [3, 'permission was denied: check who owns the file and its folder'],
  [5, 'it is locked by another process'],
  [6, 'it is locked by another connection of this process'],
  [8, 'it cannot be written: make the file and its folder writable for this user'],
  [10, 'reading or writing the disk failed: check the disk and that it is no network share'],
  [11, 'it is damaged: restore it from a copy, or move it away to start with an empty one'],
  [13, 'the disk or the quota is full: free some space; nothing of this change was written'],
  [14, 'it cannot be opened: check that its folder exists and is readable and writable for this user'],
  [26, 'it is not an SQLite database: name another file'],
])

/** The primary result code of an error of node:sqlite, undefined for any other error. */
function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode & 255
}

/** Somebody else has the lock: the same may work a moment later. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error)
  return code === 5 || code === 6
}

/** Turns what SQLite or the file system threw into an OperationalError with path, problem and remedy. */
export function explainSqliteError(error: unknown, path: string): unknown {
  if (error instanceof CeleriacError) return error
  const code = sqliteCode(error)
  if (code !== undefined) {
    const text = error instanceof Error ? error.message : ''
    return new OperationalError(`SQLite file ${path}: ${explanations.get(code) ?? text} (${text})`, { cause: error })
  }
  if (error instanceof Error && 'syscall' in error) {
    return new OperationalError(`SQLite file ${path}: ${error.message}; check its folder`, { cause: error })
  }
  return error
}

/** Of a lock that did not go away in time. */
export function lockedTooLong(path: string, deadlineMs: number, cause: unknown): OperationalError {
  return new OperationalError(
    `SQLite file ${path}: locked by another process for more than ${deadlineMs / 1000} s. ` +
      'Find who holds a transaction open on it (a database browser, a stopped process), or raise the busy deadline',
    { cause },
  )
}
