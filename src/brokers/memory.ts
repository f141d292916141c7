import { ImproperlyConfigured, OperationalError } from '../errors.ts'
import type { Message } from '../protocol/message.ts'
import { SharedByName } from '../util/shared-by-name.ts'
import { whyNoMemoryHere } from '../util/slot-mark.ts'
import type {
  Audience,
  BroadcastOptions,
  Broker,
  Channel,
  FindOptions,
  FindResult,
  IsOver,
  OnDeliveries,
  Outgoing,
  Page,
  SubscribeOptions,
  Subscription,
} from './broker.ts'
import { findInMemory } from './memory-search.ts'
import { MemoryStore } from './memory-store.ts'
import { MemorySubscription } from './memory-subscription.ts'

/** The one thing that makes `memory:name` the same broker for a whole process. */
const sharedStores = new SharedByName<MemoryStore>()

/**
 * Opens a broker in this process's memory: for tests, and for programs that do their work themselves.
 *
 * `memory:` is a broker of its own. `memory:name` (or `memory://name`) is one store for all brokers of this process
 * that are opened with the same name; its messages are gone when the last of them is disposed of.
 */
export function openMemoryBroker(url: string): Broker {
  const problem = whyNoMemoryHere('broker')
  if (problem !== undefined) throw new ImproperlyConfigured(problem)
  const name = url.replace(/^memory:(\/\/)?/, '')
  if (name === '') return new MemoryBroker(new MemoryStore(), () => {})
  const share = sharedStores.share(name, () => new MemoryStore())
  return new MemoryBroker(share.value, () => share.release())
}

const publishesPerTurn = 1000

class MemoryBroker implements Broker {
  readonly #store: MemoryStore
  readonly #onDisposed: () => void
  readonly #open = new Set<AsyncDisposable>()
  #isDisposed = false
  #sinceTurn = 0

  constructor(store: MemoryStore, onDisposed: () => void) {
    this.#store = store
    this.#onDisposed = onDisposed
  }

  async publish(messages: readonly Outgoing[]): Promise<void> {
    this.#assertOpen('publish')
    this.#store.publish(messages)
    this.#sinceTurn += messages.length
    if (this.#sinceTurn < publishesPerTurn) return
    // A loop that awaits each publish would otherwise never let anything else run.
    this.#sinceTurn = 0
    await new Promise((resolve) => setImmediate(resolve))
  }

  async subscribe(
    queues: readonly string[],
    onDeliveries: OnDeliveries,
    { prefetch }: SubscribeOptions,
  ): Promise<Subscription> {
    this.#assertOpen('subscribe')
    const subscription: MemorySubscription = new MemorySubscription(this.#store, onDeliveries, prefetch, () => {
      this.#open.delete(subscription)
    })
    this.#open.add(subscription)
    for (const queue of queues) await subscription.add(queue)
    return subscription
  }

  async broadcast(message: Message, channel: Channel, { retainMs = 0 }: BroadcastOptions = {}): Promise<Audience> {
    this.#assertOpen('broadcast')
    return { here: this.#store.channels.broadcast(message, channel, retainMs), elsewhere: 0 }
  }

  isHeard(channel: Channel): Promise<boolean> {
    return Promise.resolve(this.#store.channels.isHeard(channel))
  }

  async listen(channel: Channel, onMessage: (message: Message) => void): Promise<AsyncDisposable> {
    this.#assertOpen('listen')
    const listener: AsyncDisposable = this.#store.channels.listen(channel, onMessage, () => this.#open.delete(listener))
    this.#open.add(listener)
    return listener
  }

  async count(queue: string): Promise<number> {
    this.#assertOpen('count')
    return this.#store.find(queue)?.waiting ?? 0
  }

  async purge(name: string): Promise<number> {
    this.#assertOpen('purge')
    const queue = this.#store.find(name)
    if (!queue) return 0
    const count = queue.clear()
    this.#store.tidy(queue)
    return count
  }

  async prune(name: string, limit: number, isOver: IsOver): Promise<Message['headers'][]> {
    this.#assertOpen('prune')
    const queue = this.#store.find(name)
    if (!queue) return []
    const gone = queue.prune(limit, isOver)
    this.#store.tidy(queue)
    return gone
  }

  async peek(queue: string, { offset, limit, only }: Page): Promise<Message[]> {
    this.#assertOpen('peek')
    const entries = this.#store.find(queue)?.list(only) ?? []
    return entries.slice(offset, offset + limit).map((entry) => entry.message)
  }

  async queues(): Promise<string[]> {
    this.#assertOpen('queues')
    return this.#store.names()
  }

  async find(taskId: string, { limit }: FindOptions): Promise<FindResult> {
    this.#assertOpen('find a message')
    return findInMemory(this.#store, taskId, limit)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDisposed) return
    this.#isDisposed = true
    for (const resource of this.#open) await resource[Symbol.asyncDispose]()
    this.#onDisposed()
  }

  #assertOpen(operation: string): void {
    if (this.#isDisposed) {
      throw new OperationalError(`The memory broker was disposed of and cannot ${operation}; open a new one.`)
    }
  }
}
