import { placeholders, quoted } from '../app/outbox-table.ts'
import { ImproperlyConfigured } from '../errors.ts'
import type { OrmTransactions } from '../orms/orm-adapter.ts'
import { publishClaimed, type Claim } from './claim.ts'
import type { OutboxCount, OutboxRow, OutboxRows, PublishRows, TakeOptions } from './outbox-rows.ts'
import { retryDeadlock } from './retry-deadlock.ts'
import { countOf, countSql, findSql, idsThatFit, selectSql, tableExists } from './outbox-sql.ts'

/** The server's clock, for claims of relays on several hosts. */
const now = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)"

/** Relays side by side see the same first rows: each looks far enough to find some that nobody holds. */
const lookAhead = 4

/**
 * A locking read at the end of the table locks the gap behind it too, and every transaction that writes into the outbox
 * would wait for the broker: rows are claimed in a short transaction, and published outside of it.
 */
export class MysqlRows implements OutboxRows {
  readonly #transactions: OrmTransactions
  readonly #name: string
  readonly #table: string

  constructor(transactions: OrmTransactions, table: string) {
    this.#transactions = transactions
    this.#name = table
    this.#table = quoted('mysql', table)
  }

  exists(): Promise<boolean> {
    return this.#transactions.run(async (tx) => {
      const [server] = await this.#execute(tx, 'SELECT VERSION() AS version')
      checkSkipsLocked(String(server?.['version']))
      return tableExists(this.#transactions, tx, this.#name, 'DATABASE()')
    })
  }

  count(): Promise<OutboxCount> {
    return this.#transactions.run(async (tx) => countOf(await this.#execute(tx, countSql(this.#table))))
  }

  find(pattern: string): Promise<readonly OutboxRow[]> {
    const sql = findSql('mysql', this.#table, `claimed_until >= ${now}`)
    return this.#transactions.run((tx) => this.#execute(tx, sql, [pattern]))
  }

  take({ limit, withinMs }: TakeOptions, publish: PublishRows): Promise<number> {
    return publishClaimed(
      {
        claim: (claim) => this.#claim(claim, limit),
        settle: (claim, done, left) => this.#settle(claim, done, left),
      },
      withinMs,
      publish,
    )
  }

  [Symbol.dispose](): void {}

  /** Looks without locks, then locks rows by their keys alone: locking by a range would lock out those who insert. */
  #claim(claim: Claim, limit: number): Promise<readonly OutboxRow[]> {
    const free = `claimed_until < ${now}`
    const look = `SELECT id FROM ${this.#table} WHERE ${free} ORDER BY id LIMIT ${limit * lookAhead}`
    return this.#transact(async (tx) => {
      const seen = (await this.#execute(tx, look)).map((row) => row['id'])
      if (seen.length === 0) return []
      const lock =
        `SELECT id, OCTET_LENGTH(message) AS bytes FROM ${this.#table} WHERE id IN (${placeholders('mysql', seen.length)}) ` +
        `AND ${free} ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED`
      const ids = idsThatFit(await this.#execute(tx, lock, seen))
      if (ids.length === 0) return []
      const until = `${now} + ${Math.ceil(claim.lifeMs)}`
      const marks = placeholders('mysql', ids.length)
      const sql = `UPDATE ${this.#table} SET claim = ?, claimed_until = ${until} WHERE id IN (${marks})`
      await this.#execute(tx, sql, [claim.name, ...ids])
      return this.#execute(tx, selectSql('mysql', this.#table, ids.length), ids)
    })
  }

  async #settle({ name }: Claim, done: readonly unknown[], left: readonly unknown[]): Promise<void> {
    const own = (ids: readonly unknown[]): string => `WHERE id IN (${placeholders('mysql', ids.length)}) AND claim = ?`
    await this.#transact(async (tx) => {
      if (done.length > 0) await this.#execute(tx, `DELETE FROM ${this.#table} ${own(done)}`, [...done, name])
      if (left.length > 0)
        await this.#execute(tx, `UPDATE ${this.#table} SET claimed_until = 0 ${own(left)}`, [...left, name])
    })
  }

  /** Claims of several relays touch the same pages: InnoDB may end one of them to let the others go on. */
  #transact<R>(body: (tx: object) => Promise<R>): Promise<R> {
    return retryDeadlock(() => this.#transactions.run(body))
  }

  #execute(tx: object, sql: string, params: readonly unknown[] = []): Promise<readonly OutboxRow[]> {
    return this.#transactions.execute(tx, sql, params)
  }
}

/** Throws ImproperlyConfigured for a server without SKIP LOCKED, by what it calls its version. */
export function checkSkipsLocked(version: string): void {
  const isMaria = /mariadb/i.test(version)
  const [, major = '0', minor = '0', patch = '0'] =
    /(\d+)\.(\d+)(?:\.(\d+))?/.exec(version.replace(/^5\.5\.5-/, '')) ?? []
  const number = Number(major) * 1e6 + Number(minor) * 1e3 + Number(patch)
  if (number >= (isMaria ? 10_006_000 : 8_000_001)) return
  throw new ImproperlyConfigured(
    `an outbox needs SKIP LOCKED: MariaDB from 10.6 or MySQL from 8.0.1; this server is ${version}. ` +
      "Upgrade it, or use dispatch 'afterCommit'",
  )
}
