import type { Celeriac } from '../app/app.ts'
import type { Outgoing } from '../brokers/broker.ts'
import { DecodeError } from '../errors.ts'
import type { OrmAdapter, OrmTransactions } from '../orms/orm-adapter.ts'
import { decodeEnvelope } from '../protocol/envelope.ts'
import { deadLetterQueue, withDeath } from '../protocol/message.ts'
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

  constructor(app: Celeriac, name: string, transactions: OrmTransactions) {
    this.name = name
    this.#app = app
    this.#rows = openOutboxRows(transactions, app.config.outbox.table)
  }

  /** One for each ORM of the app whose database can hold an outbox. */
  static of(app: Celeriac): OutboxRelay[] {
    const canHold = ({ transactions }: OrmAdapter): boolean =>
      transactions !== undefined && (transactions.dialect !== 'sqlite' || transactions.file !== undefined)
    return app.models.adapters
      .filter(canHold)
      .map(({ name, transactions }) => new OutboxRelay(app, name, transactions as OrmTransactions))
  }

  hasTable(): Promise<boolean> {
    return this.#outside(() => this.#rows.exists())
  }

  async status(): Promise<OutboxStatus> {
    const { waiting, oldest } = await this.#outside(() => this.#rows.count())
    return { orm: this.name, waiting, oldestMs: oldest === undefined ? undefined : Date.now() - oldest }
  }

  /** Publishes one batch, oldest first. True if there may be more. */
  async relayBatch(): Promise<boolean> {
    const published = await this.#outside(() => this.#rows.take(batchSize, (rows) => this.#publish(rows)))
    return published === batchSize
  }

  [Symbol.dispose](): void {
    this.#rows[Symbol.dispose]()
  }

  async #publish(rows: readonly OutboxRow[]): Promise<void> {
    const broker = await this.#app.openBroker()
    await broker.publish(rows.map(outgoingOf))
  }

  /** A relay may be woken by the very transaction whose rows it reads: it must not run inside its scope. */
  #outside<R>(work: () => Promise<R>): Promise<R> {
    return this.#app.transactions.outside(work)
  }
}

/** A row that cannot be read goes among the dead letters: it must not hold up those behind it. */
function outgoingOf(row: OutboxRow): Outgoing {
  const text = String(row['message'])
  const queue = String(row['queue'])
  const due = row['due']
  try {
    const { message } = decodeEnvelope(text)
    return due === null || due === undefined ? { message, queue } : { message, queue, deliverAt: new Date(Number(due)) }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    const raw = { headers: {}, properties: {}, contentType: 'application/json', contentEncoding: 'utf-8', body: text }
    const reason = `A row of the outbox cannot be read: ${error.message}`
    return {
      message: withDeath(raw, { reason, queue, at: new Date().toISOString(), deliveries: 0 }),
      queue: deadLetterQueue(queue),
    }
  }
}
