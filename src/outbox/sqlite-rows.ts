import { publishClaimed } from './claim.ts'
import type { OutboxCount, OutboxRow, OutboxRows, PublishRows, TakeOptions } from './outbox-rows.ts'
import { SqliteProcess } from './sqlite-process.ts'

/** SQLite knows no row locks, and a transaction held while publishing would stop every writer of the file: rows are claimed. */
export class SqliteRows implements OutboxRows {
  readonly #process: SqliteProcess

  constructor(file: string, table: string) {
    this.#process = new SqliteProcess(file, table)
  }

  async exists(): Promise<boolean> {
    const exists = await this.#process.ask('exists')
    // Without an outbox nothing is asked for a while.
    if (!exists) this.#process[Symbol.dispose]()
    return exists
  }

  create(sql: string): Promise<void> {
    return this.#process.ask('create', sql)
  }

  count(): Promise<OutboxCount> {
    return this.#process.ask('count')
  }

  find(pattern: string): Promise<readonly OutboxRow[]> {
    return this.#process.ask('find', pattern)
  }

  take({ limit, withinMs }: TakeOptions, publish: PublishRows): Promise<number> {
    return publishClaimed(
      {
        claim: ({ name, lifeMs }) => this.#process.ask('claim', { name, lifeMs, limit }),
        settle: ({ name }, done, left) => this.#process.ask('settle', { name, done, left }),
      },
      withinMs,
      publish,
    )
  }

  [Symbol.dispose](): void {
    this.#process[Symbol.dispose]()
  }
}
