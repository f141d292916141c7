import { ImproperlyConfigured } from '../errors.ts'
import type { OrmTransactions } from '../orms/orm-adapter.ts'
import { MysqlRows } from './mysql-rows.ts'
import { PostgresRows } from './postgres-rows.ts'
import { SqliteRows } from './sqlite-rows.ts'

export type OutboxRow = Readonly<Record<string, unknown>>

export interface OutboxCount {
  readonly waiting: number
  /** When the oldest was written, in milliseconds since 1970. */
  readonly oldest: number | undefined
}

export interface TakeOptions {
  /** How many rows at most. */
  readonly limit: number
  /** How long `publish` may take. A relay that vanishes holds its rows somewhat longer, where it is not the database that notices. */
  readonly withinMs: number
}

/** Gets rows, oldest first. Resolves to those that need not be kept; the others stay for another time. */
export type PublishRows = (rows: readonly OutboxRow[]) => Promise<readonly OutboxRow[]>

/** The outbox table of one database, as a relay uses it. It uses one connection at a time. */
export interface OutboxRows extends Disposable {
  /** False where nobody has made the table. Throws when the database cannot be reached, or is too old for an outbox. */
  exists(): Promise<boolean>
  count(): Promise<OutboxCount>
  /**
   * The first rows whose message is LIKE the pattern, with `created`, with `ahead`, the number of those before it, and with
   * `held`: 1 while a relay has claimed it, else 0, null where that cannot be seen. Locks nothing.
   */
  find(pattern: string): Promise<readonly OutboxRow[]>
  /** Hands the oldest rows that no other relay holds to `publish`. Resolves to how many those were. */
  take(options: TakeOptions, publish: PublishRows): Promise<number>
}

export function openOutboxRows(transactions: OrmTransactions, table: string): OutboxRows {
  switch (transactions.dialect) {
    case 'postgres':
      return new PostgresRows(transactions, table)
    case 'mysql':
      return new MysqlRows(transactions, table)
    case 'sqlite':
      if (transactions.file !== undefined) return new SqliteRows(transactions.file, table)
      throw new ImproperlyConfigured(
        'an outbox needs a SQLite file, and the ORM tells of none: give its adapter the option file; a database in memory cannot have one',
      )
  }
}
