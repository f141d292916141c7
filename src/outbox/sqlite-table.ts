import { placeholders, quoted } from '../app/outbox-table.ts'
import { SqliteSideConnection } from '../drivers/sqlite-side-connection.ts'
import type { OutboxCount, OutboxRow } from './outbox-rows.ts'
import { countOf, countSql, findSql, idsThatFit, selectSql } from './outbox-sql.ts'

type Id = number | bigint

export interface SqliteClaim {
  readonly name: string
  readonly lifeMs: number
  readonly limit: number
}

export interface SqliteSettlement {
  readonly name: string
  readonly done: readonly unknown[]
  readonly left: readonly unknown[]
}

/** The outbox table of a SQLite file, each operation one transaction without a turn of the event loop in it. */
export class SqliteTable {
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
    return this.#connection.read((database) => database.prepare(sql).get(this.#name) !== undefined)
  }

  create(sql: string): Promise<void> {
    return this.#connection.transact((database) => database.exec(sql))
  }

  count(): Promise<OutboxCount> {
    return this.#connection.read((database) => countOf(database.prepare(countSql(this.#table)).all()))
  }

  find(pattern: string): Promise<readonly OutboxRow[]> {
    const sql = findSql('sqlite', this.#table, `claimed_until >= ${Date.now()}`)
    return this.#connection.read((database) =>
      database
        .prepare(sql)
        .all(pattern)
        .map((row) => ({ ...row })),
    )
  }

  async claim({ name, lifeMs, limit }: SqliteClaim): Promise<readonly OutboxRow[]> {
    if (!(await this.#hasFree())) return []
    const oldest =
      `SELECT id, octet_length(message) AS bytes FROM ${this.#table} ` +
      `WHERE claimed_until < ? ORDER BY id LIMIT ${limit}`
    return this.#connection.transact((database) => {
      const now = Date.now()
      const ids = idsThatFit(database.prepare(oldest).all(now)) as Id[]
      if (ids.length === 0) return []
      const marks = placeholders('sqlite', ids.length)
      const update = `UPDATE ${this.#table} SET claim = ?, claimed_until = ? WHERE id IN (${marks})`
      database.prepare(update).run(name, now + lifeMs, ...ids)
      const rows = database.prepare(selectSql('sqlite', this.#table, ids.length)).all(...ids)
      return rows.map((row) => ({ ...row }))
    })
  }

  settle({ name, done, left }: SqliteSettlement): Promise<void> {
    const own = (ids: readonly unknown[]): string => `WHERE id IN (${placeholders('sqlite', ids.length)}) AND claim = ?`
    return this.#connection.transact((database) => {
      database.prepare(`DELETE FROM ${this.#table} ${own(done)}`).run(...(done as Id[]), name)
      database.prepare(`UPDATE ${this.#table} SET claimed_until = 0 ${own(left)}`).run(...(left as Id[]), name)
    })
  }

  /** Looks without the write lock, which the user's transactions need more. */
  #hasFree(): Promise<boolean> {
    const sql = `SELECT 1 FROM ${this.#table} WHERE claimed_until < ? LIMIT 1`
    return this.#connection.read((database) => database.prepare(sql).get(Date.now()) !== undefined)
  }
}
