import { LoanLost } from '../errors.ts'
import { deadLetterQueue, type Message, withDeath } from '../protocol/message.ts'
import type { Delivery, Outgoing } from './broker.ts'
import type { Entry, MemoryQueue } from './memory-queue.ts'
import type { MemoryStore } from './memory-store.ts'

/** Who lent a message out. */
export interface Lender {
  /** Ends a loan; false if it is over already. */
  release(delivery: MemoryDelivery): boolean
}

const done = Promise.resolve()

export class MemoryDelivery implements Delivery {
  readonly message: Message
  readonly queue: string
  readonly deliveryCount: number
  readonly #store: MemoryStore
  readonly #lender: Lender
  readonly #from: MemoryQueue
  readonly #entry: Entry
  #loan: AbortController | undefined
  #isLost = false

  constructor(store: MemoryStore, lender: Lender, from: MemoryQueue, entry: Entry) {
    this.message = entry.message
    this.queue = from.name
    this.deliveryCount = entry.deliveries
    this.#store = store
    this.#lender = lender
    this.#from = from
    this.#entry = entry
  }

  get isLost(): boolean {
    return this.#isLost
  }

  get lost(): AbortSignal {
    if (!this.#loan) {
      this.#loan = new AbortController()
      if (this.#isLost) this.#loan.abort(this.#lossReason())
    }
    return this.#loan.signal
  }

  acknowledge(successors?: readonly Outgoing[]): Promise<void> {
    if (!this.#lender.release(this)) return done
    if (successors) this.#store.publish(successors)
    this.#leaveQueue()
    return done
  }

  reject(options: { readonly requeue: true } | { readonly requeue: false; readonly reason: string }): Promise<void> {
    if (!this.#lender.release(this)) return done
    if (options.requeue) {
      this.#entry.dueAt = 0
      this.#store.giveBack(this.#from, this.#entry)
      return done
    }
    const death = {
      reason: options.reason,
      queue: this.queue,
      at: new Date().toISOString(),
      deliveries: this.deliveryCount,
    }
    this.#store.put(deadLetterQueue(this.queue), withDeath(this.message, death), 0)
    this.#leaveQueue()
    return done
  }

  defer(until: Date): Promise<void> {
    if (this.#lender.release(this)) this.#returnUnused(until.getTime())
    return done
  }

  /** The subscription ends: back to the old place as if it had never been lent. */
  giveBack(): void {
    if (!this.#lender.release(this)) return
    this.#returnUnused(0)
    this.#isLost = true
    this.#loan?.abort(this.#lossReason())
  }

  #lossReason(): LoanLost {
    return new LoanLost(`The subscription to queue ${this.queue} ended: its message went back to the queue.`)
  }

  #returnUnused(dueAt: number): void {
    this.#entry.deliveries -= 1
    this.#entry.dueAt = dueAt
    this.#store.giveBack(this.#from, this.#entry)
  }

  #leaveQueue(): void {
    this.#from.lent -= 1
    this.#store.tidy(this.#from)
  }
}
