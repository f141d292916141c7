import type { StatementSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import type { SqliteDatabase } from '../drivers/sqlite-database.ts'

export interface ResultRow {
  readonly taskId: string
  readonly isFinal: boolean
  readonly meta: string
  /** Milliseconds since 1970; null: never. */
  readonly expiresAt: number | null
}

interface Batch {
  readonly rows: ResultRow[]
  written: Promise<void>
}

/** Rows of one write: more would make other writers wait. */
const largestBatch = 500
/** Rows the clean-up looks at in one read. */
const windowSize = 2000
/** Between two deletions, for others who want to write. */
const pauseMs = 5

/**
 * The table of results. Every store gives its row a new id from `result_sequence`, so rows lie in the order in which
 * they were stored: a watcher reads on from the last id it saw, and no index but that on the task's id is needed.
 */
export class SqliteResults {
  readonly #database: SqliteDatabase
  readonly #reserve: StatementSync
  readonly #upsert: StatementSync
  readonly #select: StatementSync
  readonly #deleteTask: StatementSync
  readonly #window: StatementSync
  readonly #deleteRow: StatementSync
  #batch: Batch | undefined

  constructor(database: SqliteDatabase) {
    this.#database = database
    this.#reserve = database.prepare('UPDATE result_sequence SET last = last + ? RETURNING last')
    this.#upsert = database.prepare(
      `INSERT INTO results (id, is_final, expires_at, task_id, meta) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (task_id) DO UPDATE SET
         id = excluded.id, is_final = excluded.is_final, expires_at = excluded.expires_at, meta = excluded.meta
       WHERE is_final = 0 OR expires_at <= ?`,
    )
    this.#select = database.prepare(
      'SELECT meta FROM results WHERE task_id = ? AND (expires_at IS NULL OR expires_at > ?)',
    )
    this.#deleteTask = database.prepare('DELETE FROM results WHERE task_id = ?')
    this.#window = database.prepare(
      'SELECT id, expires_at <= ? AS is_expired FROM results WHERE id > ? ORDER BY id LIMIT ?',
    )
    this.#deleteRow = database.prepare('DELETE FROM results WHERE id = ?')
  }

  /** What is stored in one turn of the event loop is one write. */
  store(row: ResultRow): Promise<void> {
    if (!this.#batch || this.#batch.rows.length === largestBatch) this.#batch = this.#openBatch()
    this.#batch.rows.push(row)
    return this.#batch.written
  }

  /** The meta of each task, undefined where there is none. */
  fetch(taskIds: readonly string[]): Promise<(string | undefined)[]> {
    return this.#database.read(() => {
      const now = Date.now()
      return taskIds.map((taskId) => this.#select.get(taskId, now)?.['meta'] as string | undefined)
    })
  }

  async forget(taskId: string): Promise<void> {
    // What is stored after this must not join a write from before it.
    this.#batch = undefined
    await this.#database.write(() => this.#deleteTask.run(taskId))
  }

  async deleteExpired(): Promise<number> {
    const now = Date.now()
    let deleted = 0
    let lastId = 0
    for (;;) {
      const rows = await this.#database.read(() => this.#window.all(now, lastId, windowSize))
      const expired = rows.filter((row) => row['is_expired'] === 1).map((row) => Number(row['id']))
      for (let from = 0; from < expired.length; from += largestBatch) {
        deleted += await this.#deleteRows(expired.slice(from, from + largestBatch))
        await pause(pauseMs)
      }
      if (rows.length < windowSize) return deleted
      lastId = Number(rows.at(-1)?.['id'])
      await pause(0)
    }
  }

  /** A row that was stored anew meanwhile has another id and stays. */
  #deleteRows(ids: readonly number[]): Promise<number> {
    return this.#database.write(() => {
      let deleted = 0
      for (const id of ids) deleted += Number(this.#deleteRow.run(id).changes)
      return deleted
    })
  }

  #openBatch(): Batch {
    const batch: Batch = { rows: [], written: Promise.resolve() }
    batch.written = this.#database.write(() => this.#write(batch))
    return batch
  }

  #write(batch: Batch): void {
    if (this.#batch === batch) this.#batch = undefined
    const { rows } = batch
    const now = Date.now()
    let id = Number(this.#reserve.get(rows.length)?.['last']) - rows.length
    for (const { taskId, isFinal, meta, expiresAt } of rows) {
      id += 1
      this.#upsert.run(id, isFinal ? 1 : 0, expiresAt, taskId, meta, now)
    }
  }
}
