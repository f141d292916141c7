import { LoanLost } from '../errors.ts'
import type { Message } from '../protocol/message.ts'
import type { InBag } from '../util/bag.ts'
import type { Delivery, Outgoing } from './broker.ts'
import type { RedisLease } from './redis-lease.ts'
import type { RedisLedger } from './redis-ledger.ts'

/** What one message was lent as. */
export class Loan {
  readonly lease: RedisLease
  /** The last part of the tag. */
  readonly number: number
  readonly queue: string
  readonly stepIndex: number
  /** Of the subscription: `count` of its slots are free, or taken again if negative. */
  readonly release: (count: number) => void

  constructor(lease: RedisLease, number: number, queue: string, stepIndex: number, release: (count: number) => void) {
    this.lease = lease
    this.number = number
    this.queue = queue
    this.stepIndex = stepIndex
    this.release = release
  }

  get tag(): string {
    return this.lease.tagBeginning + String(this.number)
  }
}

/** Only a `lent` delivery can be settled. */
type State = 'lent' | 'settling' | 'over'

const done: Promise<void> = Promise.resolve()

export class RedisDelivery implements Delivery, InBag {
  bagIndex = -1
  readonly message: Message
  readonly deliveryCount: number
  readonly loan: Loan
  readonly #ledger: RedisLedger
  #state: State = 'lent'
  #lost: AbortController | undefined
  #isLost = false

  constructor(ledger: RedisLedger, loan: Loan, message: Message, deliveryCount: number) {
    this.#ledger = ledger
    this.loan = loan
    this.message = message
    this.deliveryCount = deliveryCount
  }

  get queue(): string {
    return this.loan.queue
  }

  get isLost(): boolean {
    if (this.#state === 'lent') this.#ledger.look(this.loan.lease)
    return this.#isLost
  }

  /** Made when it is asked for: most deliveries are settled without. */
  get lost(): AbortSignal {
    if (this.#state === 'lent') this.#ledger.look(this.loan.lease)
    this.#lost ??= new AbortController()
    if (this.#isLost && !this.#lost.signal.aborted) this.#lost.abort(this.#lossReason())
    return this.#lost.signal
  }

  get isLent(): boolean {
    return this.#state === 'lent'
  }

  acknowledge(successors?: readonly Outgoing[]): Promise<void> {
    if (this.#state !== 'lent') return done
    return successors?.length ? this.#ledger.replace(this, successors) : this.#ledger.acknowledge(this)
  }

  reject(options: { readonly requeue: true } | { readonly requeue: false; readonly reason: string }): Promise<void> {
    if (this.#state !== 'lent') return done
    return options.requeue ? this.#ledger.requeue(this) : this.#ledger.bury(this, options.reason)
  }

  defer(until: Date): Promise<void> {
    if (this.#state !== 'lent') return done
    const dueMs = until.getTime()
    return dueMs > Date.now() ? this.#ledger.defer(this, dueMs) : this.#ledger.giveBack([this])
  }

  /** Its settlement is on the way: its slot is free. */
  startSettling(): void {
    this.#state = 'settling'
    this.loan.release(1)
  }

  /** Its settlement could not be carried out: it is lent as before, and may be settled again. */
  resumeLoan(): void {
    if (this.#state !== 'settling') return
    this.#state = 'lent'
    this.loan.release(-1)
  }

  finish(): void {
    this.#state = 'over'
    this.loan.lease.held.delete(this)
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
