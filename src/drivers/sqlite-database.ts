import type { StatementSync } from 'node:sqlite'

/** One SQLite file as this process sees it: one connection, shared by all that open the same path. */
export interface SqliteDatabase extends AsyncDisposable {
  readonly path: string
  /** Runs the migrations of one component (`broker`, `results`) that this file has not seen, in one transaction. */
  migrate(component: string, migrations: readonly string[]): Promise<void>
  /** A prepared statement, kept for the life of the connection. */
  prepare(sql: string): StatementSync
  /** Reads now, outside a transaction; waits where the file is locked. */
  read<T>(work: () => T): Promise<T>
  /**
   * Runs `work` (synchronous) in one transaction with all other writes asked for in this turn of the event loop, in
   * the order in which they were asked for. Resolves with its value after the commit; rejects with what it threw, and
   * then nothing of it is written, while the others of the turn are. `work` may run more than once (another piece of
   * the turn failed, the file was locked): what it does outside the database must allow that.
   */
  write<T>(work: () => T): Promise<T>
  /** Calls `listener` soon after somebody, in this process or another, committed something. */
  onCommit(listener: () => void): Disposable
}
