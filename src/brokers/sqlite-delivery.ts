import { LoanLost } from '../errors.ts'
import type { Message } from '../protocol/message.ts'
import type { Delivery, Outgoing } from './broker.ts'
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

/** `written` is settled in a transaction that is not committed yet. Only a `lent` delivery can be settled. */
type State = 'lent' | 'settling' | 'written' | 'over'

const done: Promise<void> = Promise.resolve()

export class SqliteDelivery implements Delivery {
  readonly message: Message
  readonly queue: string
  readonly deliveryCount: number
  /** The message's id and rank in the file. */
  readonly id: number
  readonly rank: number
  readonly loan: Loan
  readonly #ledger: SqliteLedger
  #state: State = 'lent'
  #lost: AbortController | undefined
  #isLost = false

  constructor(ledger: SqliteLedger, loan: Loan, message: Message, id: number, rank: number, deliveryCount: number) {
    this.#ledger = ledger
    this.loan = loan
    this.message = message
    this.queue = loan.queue
    this.id = id
    this.rank = rank
    this.deliveryCount = deliveryCount
  }

  /** Made when it is asked for: most deliveries are settled without. */
  get isLost(): boolean {
    if (this.#state === 'lent') this.#ledger.lookAfterPause(this.loan.ownerId)
    return this.#isLost
  }

  get lost(): AbortSignal {
    if (this.#state === 'lent') this.#ledger.lookAfterPause(this.loan.ownerId)
    this.#lost ??= new AbortController()
    if (this.#isLost && !this.#lost.signal.aborted) this.#lost.abort(this.#lossReason())
    return this.#lost.signal
  }

  get isLent(): boolean {
    return this.#state === 'lent'
  }

  get isWritten(): boolean {
    return this.#state === 'written'
  }

  acknowledge(successors?: readonly Outgoing[]): Promise<void> {
    if (this.#state !== 'lent') return done
    let rows: Row[] | undefined
    try {
      rows = successors?.map(encodeOutgoing)
    } catch (error) {
      return Promise.reject(error as Error)
    }
    return this.#ledger.acknowledge(this, rows)
  }

  reject(options: { readonly requeue: true } | { readonly requeue: false; readonly reason: string }): Promise<void> {
    if (this.#state !== 'lent') return done
    return options.requeue
      ? this.#ledger.putBack(this, this.deliveryCount, undefined)
      : this.#ledger.bury(this, options.reason)
  }

  defer(until: Date): Promise<void> {
    if (this.#state !== 'lent') return done
    const dueMs = until.getTime()
    return this.#ledger.putBack(this, this.deliveryCount - 1, dueMs > Date.now() ? dueMs : undefined)
  }

  /** Its settlement is on the way: its slot is free. */
  startSettling(): void {
    this.#state = 'settling'
    this.loan.release(1)
  }

  markWritten(): void {
    if (this.#state === 'settling') this.#state = 'written'
  }

  /** Its settlement could not be written: it is lent as before, and may be settled again. */
  resumeLoan(): void {
    if (this.#state === 'over') return
    this.#state = 'lent'
    this.loan.release(-1)
  }

  finish(): void {
    this.#state = 'over'
    this.loan.lent.delete(this)
  }

  /** The loan is over without having been settled by this delivery. */
  lose(): void {
    if (this.#state === 'over') return
    if (this.#state === 'lent') this.loan.release(1)
    this.finish()
    this.tellLost()
  }

  tellLost(): void {
    this.#isLost = true
    this.#lost?.abort(this.#lossReason())
  }

  #lossReason(): LoanLost {
    return new LoanLost(`The loan of a message of queue '${this.queue}' is over: it is given to somebody else`)
  }
}
