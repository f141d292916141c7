import { placeholders, quoted } from '../app/outbox-table.ts'
import { SqliteSideConnection } from '../drivers/sqlite-side-connection.ts'
import { publishClaimed, type Claim } from './claim.ts'
import type { OutboxCount, OutboxRow, OutboxRows, PublishRows, TakeOptions } from './outbox-rows.ts'
import { countOf, countSql, idsThatFit, selectSql } from './outbox-sql.ts'

type Id = number | bigint

/** SQLite knows no row locks, and a transaction held while publishing would stop every writer of the file: rows are claimed. */
export class SqliteRows implements OutboxRows {
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

  count(): Promise<OutboxCount> {
    return this.#connection.read((database) => countOf(database.prepare(countSql(this.#table)).all()))
  }

  async take({ limit, withinMs }: TakeOptions, publish: PublishRows): Promise<number> {
    if (!(await this.#hasFree())) return 0
    return publishClaimed(
      {
        claim: (claim) => this.#claim(claim, limit),
        settle: (claim, done, left) => this.#settle(claim, done as Id[], left as Id[]),
      },
      withinMs,
      publish,
    )
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]()
  }

  /** Looks without the write lock, which the user's transactions need more. */
  #hasFree(): Promise<boolean> {
    const sql = `SELECT 1 FROM ${this.#table} WHERE claimed_until < ? LIMIT 1`
    return this.#connection.read((database) => database.prepare(sql).get(Date.now()) !== undefined)
  }

  #claim(claim: Claim, limit: number): Promise<readonly OutboxRow[]> {
    const oldest =
      `SELECT id, octet_length(message) AS bytes FROM ${this.#table} ` +
      `WHERE claimed_until < ? ORDER BY id LIMIT ${limit}`
    return this.#connection.transact((database) => {
      const now = Date.now()
      const ids = idsThatFit(database.prepare(oldest).all(now)) as Id[]
      if (ids.length === 0) return []
      const marks = placeholders('sqlite', ids.length)
      const update = `UPDATE ${this.#table} SET claim = ?, claimed_until = ? WHERE id IN (${marks})`
      database.prepare(update).run(claim.name, now + claim.lifeMs, ...ids)
      return database.prepare(selectSql('sqlite', this.#table, ids.length)).all(...ids)
    })
  }

  #settle({ name }: Claim, done: readonly Id[], left: readonly Id[]): Promise<void> {
    const own = (ids: readonly Id[]): string => `WHERE id IN (${placeholders('sqlite', ids.length)}) AND claim = ?`
    return this.#connection.transact((database) => {
      database.prepare(`DELETE FROM ${this.#table} ${own(done)}`).run(...done, name)
      database.prepare(`UPDATE ${this.#table} SET claimed_until = 0 ${own(left)}`).run(...left, name)
    })
  }
}
