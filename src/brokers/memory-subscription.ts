import { throwLater } from '../util/throw-later.ts'
import type { OnDeliveries, Subscription } from './broker.ts'
import { type Lender, MemoryDelivery } from './memory-delivery.ts'
import { type Entry, isBefore, type MemoryQueue } from './memory-queue.ts'
import type { MemoryLender, MemoryStore, Taker } from './memory-store.ts'

/** The most deliveries of one turn, so that a large prefetch does not hold up the event loop. */
const largestBatch = 1000

const done = Promise.resolve()

export class MemorySubscription implements Subscription, Taker, Lender, MemoryLender {
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
    store.lenders.add(this)
  }

  get claimedAtMs(): number {
    return Date.now()
  }

  lent(): Iterable<MemoryDelivery> {
    return this.#lent
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
    this.#store.lenders.delete(this)
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
