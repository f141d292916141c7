import { LoanLost } from '../errors.ts'
import { deadLetterQueue, type Message, withDeath } from '../protocol/message.ts'
import { throwLater } from '../util/throw-later.ts'
import type { Delivery, OnDeliveries, Outgoing, Subscription } from './broker.ts'
import { type Entry, isBefore, type MemoryQueue } from './memory-queue.ts'
import type { MemoryStore, Taker } from './memory-store.ts'

/** The most deliveries of one turn, so that a large prefetch does not hold up the event loop. */
const largestBatch = 1000

const done = Promise.resolve()

export class MemorySubscription implements Subscription, Taker {
  queues: readonly MemoryQueue[] = []
  readonly #store: MemoryStore
  readonly #onDeliveries: OnDeliveries
  readonly #onDisposed: () => void
  readonly #lent = new Set<MemoryDelivery>()
  #prefetch: number
  #isPaused = false

  constructor(store: MemoryStore, onDeliveries: OnDeliveries, prefetch: number, onDisposed: () => void) {
    this.#store = store
    this.#onDeliveries = onDeliveries
    this.#onDisposed = onDisposed
    this.#prefetch = prefetch
    store.attach(this)
  }

  take(): boolean {
    const room = Math.min(this.#prefetch - this.#lent.size, largestBatch)
    if (this.#isPaused || room <= 0) return false
    const batch: MemoryDelivery[] = []
    while (batch.length < room) {
      const queue = this.#nextQueue()
      const entry = queue?.take()
      if (!queue || !entry) break
      batch.push(this.#lend(queue, entry))
    }
    if (batch.length > 0) this.#deliver(batch)
    return batch.length === room
  }

  /** Ends a loan; false if it is over already. */
  release(delivery: MemoryDelivery): boolean {
    const wasLent = this.#lent.delete(delivery)
    if (wasLent) this.#store.wake()
    return wasLent
  }

  add(queue: string): Promise<void> {
    this.#addQueue(queue)
    this.#store.wake()
    return done
  }

  cancel(queue: string): Promise<void> {
    this.#removeQueues((other) => other.name === queue)
    this.#store.wake()
    return done
  }

  setPrefetch(count: number): Promise<void> {
    this.#prefetch = count
    this.#store.wake()
    return done
  }

  pause(): Promise<void> {
    this.#isPaused = true
    this.#store.detach(this)
    return done
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pause()
    this.#removeQueues(() => true)
    for (const delivery of this.#lent) delivery.giveBack()
    this.#onDisposed()
  }

  #deliver(batch: readonly MemoryDelivery[]): void {
    try {
      this.#onDeliveries(batch)
    } catch (error) {
      throwLater(error)
    }
  }

  #lend(queue: MemoryQueue, entry: Entry): MemoryDelivery {
    entry.deliveries += 1
    queue.lent += 1
    const delivery = new MemoryDelivery(this.#store, this, queue, entry)
    this.#lent.add(delivery)
    return delivery
  }

  #nextQueue(): MemoryQueue | undefined {
    let best: MemoryQueue | undefined
    let bestEntry: Entry | undefined
    for (const queue of this.queues) {
      const entry = queue.first()
      if (entry && (!bestEntry || isBefore(entry, bestEntry))) {
        best = queue
        bestEntry = entry
      }
    }
    return best
  }

  #addQueue(name: string): void {
    if (this.queues.some((queue) => queue.name === name)) return
    const queue = this.#store.queue(name)
    queue.subscribers += 1
    this.queues = [...this.queues, queue]
  }

  #removeQueues(matches: (queue: MemoryQueue) => boolean): void {
    const removed = this.queues.filter(matches)
    this.queues = this.queues.filter((queue) => !matches(queue))
    for (const queue of removed) {
      queue.subscribers -= 1
      this.#store.tidy(queue)
    }
  }
}

class MemoryDelivery implements Delivery {
  readonly message: Message
  readonly queue: string
  readonly deliveryCount: number
  readonly #store: MemoryStore
  readonly #subscription: MemorySubscription
  readonly #from: MemoryQueue
  readonly #entry: Entry
  #loan: AbortController | undefined
  #isLost = false

  constructor(store: MemoryStore, subscription: MemorySubscription, from: MemoryQueue, entry: Entry) {
    this.message = entry.message
    this.queue = from.name
    this.deliveryCount = entry.deliveries
    this.#store = store
    this.#subscription = subscription
    this.#from = from
    this.#entry = entry
  }

  get lost(): AbortSignal {
    if (!this.#loan) {
      this.#loan = new AbortController()
      if (this.#isLost) this.#loan.abort(this.#lossReason())
    }
    return this.#loan.signal
  }

  acknowledge(successors?: readonly Outgoing[]): Promise<void> {
    if (!this.#subscription.release(this)) return done
    if (successors) this.#store.publish(successors)
    this.#leaveQueue()
    return done
  }

  reject(options: { readonly requeue: true } | { readonly requeue: false; readonly reason: string }): Promise<void> {
    if (!this.#subscription.release(this)) return done
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
    if (this.#subscription.release(this)) this.#returnUnused(until.getTime())
    return done
  }

  /** The subscription ends: back to the old place as if it had never been lent. */
  giveBack(): void {
    if (!this.#subscription.release(this)) return
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
