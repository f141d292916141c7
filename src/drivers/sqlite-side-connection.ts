import fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DatabaseSync } from 'node:sqlite'
import { OperationalError } from '../errors.ts'
import { explainSqliteError, isBusy, lockedTooLong } from './sqlite-errors.ts'

/** How long a locked file is waited for. */
const deadlineMs = 10_000

interface Opened {
  readonly database: DatabaseSync
  readonly inode: number
}

/**
 * A connection of celeriac's own to a SQLite file that belongs to the user: beside his ORM's, whose open transaction must
 * neither be seen nor disturbed, and in another process than the ORM's, whose driver is another copy of SQLite. The file is
 * opened at the first use and must exist; it is opened anew after it was replaced.
 */
export class SqliteSideConnection implements Disposable {
  readonly #path: string
  #opened: Opened | undefined

  constructor(path: string) {
    this.#path = path
  }

  /** Runs `work`, which may write, in a transaction of its own. Throws OperationalError when the file cannot be used. */
  transact<T>(work: (database: DatabaseSync) => T): Promise<T> {
    return this.#repeat((database) => {
      database.exec('BEGIN IMMEDIATE')
      try {
        const value = work(database)
        database.exec('COMMIT')
        return value
      } catch (error) {
        if (database.isTransaction) database.exec('ROLLBACK')
        throw error
      }
    })
  }

  /** Runs one reading statement, without the write lock. Throws OperationalError when the file cannot be used. */
  read<T>(work: (database: DatabaseSync) => T): Promise<T> {
    return this.#repeat(work)
  }

  [Symbol.dispose](): void {
    this.#opened?.database.close()
    this.#opened = undefined
  }

  async #repeat<T>(attempt: (database: DatabaseSync) => T): Promise<T> {
    const giveUpAt = performance.now() + deadlineMs
    for (;;) {
      try {
        return attempt(this.#database())
      } catch (error) {
        if (!isBusy(error)) throw explainSqliteError(error, this.#path)
        if (performance.now() > giveUpAt) throw lockedTooLong(this.#path, deadlineMs, error)
        await sleep(1 + Math.random() * 5)
      }
    }
  }

  #database(): DatabaseSync {
    const inode = fs.statSync(this.#path, { throwIfNoEntry: false })?.ino
    if (this.#opened?.inode !== inode) this[Symbol.dispose]()
    // SQLite would make an empty one.
    if (inode === undefined) throw new OperationalError(`SQLite file ${this.#path}: there is no such file`)
    this.#opened ??= { database: open(this.#path), inode }
    return this.#opened.database
  }
}

function open(path: string): DatabaseSync {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
  // SQLite's own waiting would block the event loop.
  return new DatabaseSync(path, { timeout: 0 })
}
