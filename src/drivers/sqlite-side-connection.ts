import { setTimeout as sleep } from 'node:timers/promises'
import type { DatabaseSync } from 'node:sqlite'
import { explainSqliteError, isBusy, lockedTooLong } from './sqlite-errors.ts'

/** How long a locked file is waited for. */
const deadlineMs = 10_000

/**
 * A connection of celeriac's own to a SQLite file that belongs to the user: beside his ORM's, whose open transaction must
 * neither be seen nor disturbed. The file is opened at the first use and must exist.
 */
export class SqliteSideConnection implements Disposable {
  readonly #path: string
  #database: DatabaseSync | undefined

  constructor(path: string) {
    this.#path = path
  }

  /** Runs `work` in a transaction of its own. Throws OperationalError when the file cannot be used. */
  async transact<T>(work: (database: DatabaseSync) => T): Promise<T> {
    const giveUpAt = performance.now() + deadlineMs
    for (;;) {
      try {
        return this.#attempt(work)
      } catch (error) {
        if (!isBusy(error)) throw explainSqliteError(error, this.#path)
        if (performance.now() > giveUpAt) throw lockedTooLong(this.#path, deadlineMs, error)
        await sleep(1 + Math.random() * 5)
      }
    }
  }

  [Symbol.dispose](): void {
    this.#database?.close()
    this.#database = undefined
  }

  #attempt<T>(work: (database: DatabaseSync) => T): T {
    const database = (this.#database ??= open(this.#path))
    database.exec('BEGIN IMMEDIATE')
    try {
      const value = work(database)
      database.exec('COMMIT')
      return value
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK')
      throw error
    }
  }
}

function open(path: string): DatabaseSync {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
  // SQLite's own waiting would block the event loop.
  const database = new DatabaseSync(path, { timeout: 0 })
  return database
}
