import { placeholders, quoted } from '../app/outbox-table.ts'
import type { OrmTransactions } from '../orms/orm-adapter.ts'
import type { OutboxCount, OutboxRow, OutboxRows, PublishRows, TakeOptions } from './outbox-rows.ts'
import { countOf, countSql, findSql, idsOf, idsThatFit, selectSql, tableExists } from './outbox-sql.ts'

/** Rows stay locked until they are published and deleted: others skip them, and get them at once if this relay dies. */
export class PostgresRows implements OutboxRows {
  readonly #transactions: OrmTransactions
  readonly #name: string
  readonly #table: string

  constructor(transactions: OrmTransactions, table: string) {
    this.#transactions = transactions
    this.#name = table
    this.#table = quoted('postgres', table)
  }

  exists(): Promise<boolean> {
    return this.#transactions.run((tx) =>
      tableExists(this.#transactions, tx, this.#name, 'ANY (current_schemas(false))'),
    )
  }

  count(): Promise<OutboxCount> {
    return this.#transactions.run(async (tx) => countOf(await this.#execute(tx, countSql(this.#table))))
  }

  find(pattern: string): Promise<readonly OutboxRow[]> {
    return this.#transactions.run((tx) => this.#execute(tx, findSql('postgres', this.#table, 'NULL'), [pattern]))
  }

  take({ limit }: TakeOptions, publish: PublishRows): Promise<number> {
    const oldest = `SELECT id, octet_length(message) AS bytes FROM ${this.#table} ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED`
    return this.#transactions.run(async (tx) => {
      const ids = idsThatFit(await this.#execute(tx, oldest))
      if (ids.length === 0) return 0
      const rows = await this.#execute(tx, selectSql('postgres', this.#table, ids.length), ids)
      const done = idsOf(await publish(rows))
      if (done.length > 0) {
        const sql = `DELETE FROM ${this.#table} WHERE id IN (${placeholders('postgres', done.length)})`
        await this.#execute(tx, sql, done)
      }
      return rows.length
    })
  }

  [Symbol.dispose](): void {}

  #execute(tx: object, sql: string, params: readonly unknown[] = []): Promise<readonly OutboxRow[]> {
    return this.#transactions.execute(tx, sql, params)
  }
}
