import { placeholders, quoted } from '../app/outbox-table.ts'
import { SqliteSideConnection } from '../drivers/sqlite-side-connection.ts'
import { ImproperlyConfigured } from '../errors.ts'
import type { OrmTransactions } from '../orms/orm-adapter.ts'

export type OutboxRow = Readonly<Record<string, unknown>>

export interface OutboxCount {
  readonly waiting: number
  /** When the oldest was written, in milliseconds since 1970. */
  readonly oldest: number | undefined
}

/** The outbox table of one database, as a relay uses it. */
export interface OutboxRows extends Disposable {
  /** False where nobody has made the table. Throws when the database cannot be reached. */
  exists(): Promise<boolean>
  count(): Promise<OutboxCount>
  /** Hands the oldest rows that no other relay holds to `publish`, and deletes them when that resolves. */
  take(limit: number, publish: (rows: readonly OutboxRow[]) => Promise<void>): Promise<number>
}

/** How long a claim on SQLite holds: after it, another takes the rows of a relay that died. */
const claimMs = 30_000

export function openOutboxRows(transactions: OrmTransactions, table: string): OutboxRows {
  if (transactions.dialect !== 'sqlite') return new ServerRows(transactions, table)
  if (transactions.file !== undefined) return new SqliteRows(transactions.file, table)
  throw new ImproperlyConfigured(
    'an outbox needs a SQLite file: a database in memory is seen by its own connection alone',
  )
}

/** On a server the rows stay locked, and others skip them, until they are published and deleted. */
class ServerRows implements OutboxRows {
  readonly #transactions: OrmTransactions
  readonly #name: string
  readonly #table: string

  constructor(transactions: OrmTransactions, table: string) {
    this.#transactions = transactions
    this.#name = table
    this.#table = quoted(transactions.dialect, table)
  }

  exists(): Promise<boolean> {
    const { dialect } = this.#transactions
    const [name = '', schema] = this.#name.split('.').toReversed()
    const inSchema =
      schema === undefined
        ? dialect === 'postgres'
          ? 'ANY (current_schemas(false))'
          : 'DATABASE()'
        : placeholders(dialect, 1, 2)
    const sql = `SELECT 1 AS found FROM information_schema.tables WHERE table_name = ${placeholders(dialect, 1)} AND table_schema = ${inSchema}`
    return this.#run(
      async (tx) =>
        (await this.#transactions.execute(tx, sql, schema === undefined ? [name] : [name, schema])).length > 0,
    )
  }

  count(): Promise<OutboxCount> {
    return this.#run(async (tx) => countOf(await this.#transactions.execute(tx, countSql(this.#table), [])))
  }

  take(limit: number, publish: (rows: readonly OutboxRow[]) => Promise<void>): Promise<number> {
    const select = `SELECT id, queue, message, due FROM ${this.#table} ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED`
    return this.#run(async (tx) => {
      const rows = await this.#transactions.execute(tx, select, [])
      if (rows.length === 0) return 0
      await publish(rows)
      const marks = placeholders(this.#transactions.dialect, rows.length)
      await this.#transactions.execute(
        tx,
        `DELETE FROM ${this.#table} WHERE id IN (${marks})`,
        rows.map((row) => row['id']),
      )
      return rows.length
    })
  }

  [Symbol.dispose](): void {}

  #run<R>(body: (tx: object) => Promise<R>): Promise<R> {
    return this.#transactions.run(body)
  }
}

/** SQLite knows no row locks, and a transaction held while publishing would stop every writer of the file: rows are claimed. */
class SqliteRows implements OutboxRows {
  readonly #connection: SqliteSideConnection
  readonly #table: string
  readonly #name: string

  constructor(file: string, table: string) {
    this.#connection = new SqliteSideConnection(file)
    this.#name = table
    this.#table = quoted('sqlite', table)
  }

  exists(): Promise<boolean> {
    const sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return this.#connection.transact((database) => database.prepare(sql).get(this.#name) !== undefined)
  }

  count(): Promise<OutboxCount> {
    return this.#connection.transact((database) => countOf(database.prepare(countSql(this.#table)).all()))
  }

  async take(limit: number, publish: (rows: readonly OutboxRow[]) => Promise<void>): Promise<number> {
    const claim = crypto.randomUUID()
    const rows = await this.#claim(claim, limit)
    if (rows.length === 0) return 0
    try {
      await publish(rows)
    } catch (error) {
      await this.#settle(`UPDATE ${this.#table} SET claim = NULL, claimed_until = 0 WHERE claim = ?`, claim)
      throw error
    }
    await this.#settle(`DELETE FROM ${this.#table} WHERE claim = ?`, claim)
    return rows.length
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]()
  }

  #claim(claim: string, limit: number): Promise<readonly OutboxRow[]> {
    const free = `SELECT id FROM ${this.#table} WHERE claimed_until < ? ORDER BY id LIMIT ${limit}`
    const update = `UPDATE ${this.#table} SET claim = ?, claimed_until = ? WHERE id IN (${free})`
    const select = `SELECT id, queue, message, due FROM ${this.#table} WHERE claim = ? ORDER BY id`
    return this.#connection.transact((database) => {
      const now = Date.now()
      const { changes } = database.prepare(update).run(claim, now + claimMs, now)
      return changes === 0 ? [] : database.prepare(select).all(claim)
    })
  }

  #settle(sql: string, claim: string): Promise<unknown> {
    return this.#connection.transact((database) => database.prepare(sql).run(claim))
  }
}

function countSql(table: string): string {
  return `SELECT COUNT(*) AS waiting, MIN(created) AS oldest FROM ${table}`
}

function countOf([row]: readonly OutboxRow[]): OutboxCount {
  const oldest = row?.['oldest']
  return {
    waiting: Number(row?.['waiting'] ?? 0),
    oldest: oldest === null || oldest === undefined ? undefined : Number(oldest),
  }
}
