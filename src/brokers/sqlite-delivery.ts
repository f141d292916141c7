import type { Message } from '../protocol/message.ts'
import type { Delivery, Outgoing } from './broker.ts'
import { LentDelivery } from './lent-delivery.ts'
import type { SqliteLedger } from './sqlite-ledger.ts'
import { encodeOutgoing, type Row } from './sqlite-rows.ts'

/** What one take lent from one queue to one subscription: one row of `loan`. */
export interface Loan {
  readonly id: number
  readonly ownerId: number
  readonly queue: string
  /** Not yet settled in the file. */
  readonly lent: Set<SqliteDelivery>
  /** The subscription it was lent to: `count` of its slots are free, or taken again if negative. */
  readonly release: (count: number) => void
}

const done: Promise<void> = Promise.resolve()

export class SqliteDelivery extends LentDelivery implements Delivery {
  readonly message: Message
  readonly queue: string
  readonly deliveryCount: number
  /** The message's id and rank in the file. */
  readonly id: number
  readonly rank: number
  readonly loan: Loan
  readonly #ledger: SqliteLedger
  #isWritten = false

  constructor(ledger: SqliteLedger, loan: Loan, message: Message, id: number, rank: number, deliveryCount: number) {
    super()
    this.#ledger = ledger
    this.loan = loan
    this.message = message
    this.queue = loan.queue
    this.id = id
    this.rank = rank
    this.deliveryCount = deliveryCount
  }

  /** Settled in a transaction that is not committed yet. */
  get isWritten(): boolean {
    return this.#isWritten
  }

  markWritten(): void {
    if (!this.isLent) this.#isWritten = true
  }

  acknowledge(successors?: readonly Outgoing[]): Promise<void> {
    if (!this.isLent) return done
    let rows: Row[] | undefined
    try {
      rows = successors?.map(encodeOutgoing)
    } catch (error) {
      return Promise.reject(error as Error)
    }
    return this.#ledger.acknowledge(this, rows)
  }

  reject(options: { readonly requeue: true } | { readonly requeue: false; readonly reason: string }): Promise<void> {
    if (!this.isLent) return done
    return options.requeue
      ? this.#ledger.putBack(this, this.deliveryCount, undefined)
      : this.#ledger.bury(this, options.reason)
  }

  defer(until: Date): Promise<void> {
    if (!this.isLent) return done
    const dueMs = until.getTime()
    return this.#ledger.putBack(this, this.deliveryCount - 1, dueMs > Date.now() ? dueMs : undefined)
  }

  override resumeLoan(): void {
    this.#isWritten = false
    super.resumeLoan()
  }

  protected look(): void {
    this.#ledger.lookAfterPause(this.loan.ownerId)
  }

  protected release(count: number): void {
    this.loan.release(count)
  }

  protected leave(): void {
    this.loan.lent.delete(this)
  }
}
