import type { Redis } from '../drivers/open-redis.ts'
import type { OnDeliveries, SubscribeOptions } from './broker.ts'
import type { RedisConsumer } from './redis-consumer.ts'
import type { RedisDeclarations } from './redis-declarations.ts'
import type { RedisLedger } from './redis-ledger.ts'
import type { RedisNames } from './redis-names.ts'
import type { RedisPersistence } from './redis-persistence.ts'
import { RedisSubscription } from './redis-subscription.ts'
import { RedisTaker } from './redis-taker.ts'

interface Parts {
  readonly redis: Redis
  readonly names: RedisNames
  readonly declarations: RedisDeclarations
  readonly persistence: RedisPersistence
  readonly ledger: RedisLedger
  readonly consumer: RedisConsumer
}

/** The subscriptions of one broker. What they hold and nobody has seen goes back when they end. */
export class RedisSubscriptions implements AsyncDisposable {
  readonly #parts: Parts
  readonly #open = new Set<RedisSubscription>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** It takes nothing until it is woken. */
  add(queues: readonly string[], onDeliveries: OnDeliveries, options: SubscribeOptions): RedisSubscription {
    const { redis, names, ledger, consumer, declarations } = this.#parts
    const taker = new RedisTaker(redis, names, consumer, ledger, redis.options)
    const parts = { redis, names, ledger, taker, declarations }
    const subscription = new RedisSubscription(parts, queues, onDeliveries, options, {
      paused: this.#noteDraining,
      disposed: this.#end,
    })
    this.#open.add(subscription)
    this.#noteDraining()
    return subscription
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#parts.persistence.isDraining = true
    await Promise.allSettled([...this.#open].map((subscription) => subscription[Symbol.asyncDispose]()))
  }

  readonly #noteDraining = (): void => {
    this.#parts.persistence.isDraining = [...this.#open].every(({ isPaused }) => isPaused)
  }

  readonly #end = async (subscription: RedisSubscription): Promise<void> => {
    const { ledger, consumer } = this.#parts
    await ledger.idle()
    await this.#clearDoubt()
    const lease = consumer.leaseIfKnown
    const unused = (lease?.held.items() ?? []).filter(
      ({ isLent, loan }) => isLent && loan.release === subscription.release,
    )
    try {
      await ledger.giveBack(unused)
    } catch {
      // The server is away: they come back with the end of the lease.
    }
    for (const delivery of unused) delivery.tellLost()
    this.#open.delete(subscription)
  }

  /** A take that waited at the server may have been carried out while its connection was closed. */
  async #clearDoubt(): Promise<void> {
    try {
      await this.#parts.consumer.clearDoubt()
    } catch {
      // The server is away: what it took comes back with the end of the lease.
    }
  }
}
