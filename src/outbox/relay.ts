import type { Celeriac } from '../app/app.ts'
import { canHoldOutbox } from '../app/outbox-table.ts'
import type { OrmTransactions } from '../orms/orm-adapter.ts'
import { Forwarder } from './forwarder.ts'
import { openOutboxRows, type OutboxRow, type OutboxRows } from './outbox-rows.ts'

export interface OutboxStatus {
  /** The ORM whose database it is in. */
  readonly orm: string
  readonly waiting: number
  /** Milliseconds since the oldest was written; undefined if none waits. */
  readonly oldestMs: number | undefined
}

const batchSize = 100

/**
 * Publishes what transactions wrote into the outbox of one database. Any number of relays may run side by side. One that
 * dies between publishing and deleting leaves rows that are published again: at least once.
 */
export class OutboxRelay implements Disposable {
  readonly name: string
  readonly #app: Celeriac
  readonly #rows: OutboxRows
  readonly #forwarder: Forwarder

  constructor(app: Celeriac, name: string, transactions: OrmTransactions) {
    this.name = name
    this.#app = app
    this.#rows = openOutboxRows(transactions, app.config.outbox.table)
    this.#forwarder = new Forwarder(app)
  }

  /** One for each ORM of the app whose database can hold an outbox. */
  static of(app: Celeriac): OutboxRelay[] {
    return app.models.adapters.flatMap(({ name, transactions }) =>
      transactions && canHoldOutbox(transactions) ? [new OutboxRelay(app, name, transactions)] : [],
    )
  }

  hasTable(): Promise<boolean> {
    return this.#outside(() => this.#rows.exists())
  }

  async status(): Promise<OutboxStatus> {
    const { waiting, oldest } = await this.#outside(() => this.#rows.count())
    return { orm: this.name, waiting, oldestMs: oldest === undefined ? undefined : Date.now() - oldest }
  }

  /** See `OutboxRows.find`; none where nobody has made the table. */
  find(pattern: string): Promise<readonly OutboxRow[]> {
    return this.#outside(async () => ((await this.#rows.exists()) ? this.#rows.find(pattern) : []))
  }

  /**
   * Publishes one batch, oldest first, and resolves to how many rows it had; what the broker did not take stays. Throws
   * when it took nothing.
   */
  async relayBatch(): Promise<number> {
    // No row is held while a broker that is away is looked for.
    await this.#app.openBroker()
    const withinMs = this.#app.config.task.publishTimeoutMs
    let refusal: Error | undefined
    const count = await this.#outside(() =>
      this.#rows.take({ limit: batchSize, withinMs }, async (rows) => {
        const { done, error } = await this.#forwarder.forward(rows, withinMs)
        refusal = error
        return done
      }),
    )
    if (refusal) throw refusal
    return count
  }

  [Symbol.dispose](): void {
    this.#rows[Symbol.dispose]()
  }

  /** A relay may be woken by the very transaction whose rows it reads: it must not run inside its scope. */
  #outside<R>(work: () => Promise<R>): Promise<R> {
    return this.#app.transactions.outside(work)
  }
}
