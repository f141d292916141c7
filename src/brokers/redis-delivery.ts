import type { Message } from '../protocol/message.ts'
import type { InBag } from '../util/bag.ts'
import type { Delivery, Outgoing } from './broker.ts'
import { LentDelivery } from './lent-delivery.ts'
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

const done: Promise<void> = Promise.resolve()

export class RedisDelivery extends LentDelivery implements Delivery, InBag {
  bagIndex = -1
  readonly message: Message
  readonly deliveryCount: number
  readonly loan: Loan
  readonly #ledger: RedisLedger

  constructor(ledger: RedisLedger, loan: Loan, message: Message, deliveryCount: number) {
    super()
    this.#ledger = ledger
    this.loan = loan
    this.message = message
    this.deliveryCount = deliveryCount
  }

  get queue(): string {
    return this.loan.queue
  }

  acknowledge(successors?: readonly Outgoing[]): Promise<void> {
    if (!this.isLent) return done
    return successors?.length ? this.#ledger.replace(this, successors) : this.#ledger.acknowledge(this)
  }

  reject(options: { readonly requeue: true } | { readonly requeue: false; readonly reason: string }): Promise<void> {
    if (!this.isLent) return done
    return options.requeue ? this.#ledger.requeue(this) : this.#ledger.bury(this, options.reason)
  }

  defer(until: Date): Promise<void> {
    if (!this.isLent) return done
    const dueMs = until.getTime()
    return dueMs > Date.now() ? this.#ledger.defer(this, dueMs) : this.#ledger.giveBack([this])
  }

  protected look(): void {
    this.#ledger.look(this.loan.lease)
  }

  protected release(count: number): void {
    this.loan.release(count)
  }

  protected leave(): void {
    this.loan.lease.held.delete(this)
  }
}
