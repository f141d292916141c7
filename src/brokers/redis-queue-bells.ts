import type { Redis, RedisConnection } from '../drivers/open-redis.ts'
import { RedisBell, type TakeBehind } from './redis-bell.ts'
import type { RedisNames } from './redis-names.ts'

/** As {@link TakeBehind}, from one queue. */
type TakeFromBehind = (connection: RedisConnection, queue: string) => Promise<void> | undefined

/** Queues that a connection waits at. Messages of further ones are found by looking, ten times a second. */
const mostBells = 16

/**
 * Rings for the queues of a subscription: a bell at each queue's first list, where Celery's producers put what has no
 * priority, and a channel by which TypeScript tells of all else.
 */
export class RedisQueueBells implements AsyncDisposable {
  readonly #redis: Redis
  readonly #names: RedisNames
  readonly #ring: () => void
  readonly #takeBehind: TakeFromBehind
  readonly #bells = new Map<string, RedisBell>()
  readonly #channels = new Map<string, Promise<AsyncDisposable | undefined>>()
  #isDisposed = false

  constructor(redis: Redis, names: RedisNames, ring: () => void, takeBehind: TakeFromBehind) {
    this.#redis = redis
    this.#names = names
    this.#ring = ring
    this.#takeBehind = takeBehind
  }

  /** Resolves when the queues that are left are not waited at any more. */
  async follow(queues: readonly string[]): Promise<void> {
    const left = [...this.#channels.keys()].filter((queue) => !queues.includes(queue))
    const leaving = left.map((queue) => this.#leave(queue))
    for (const queue of queues) if (!this.#channels.has(queue)) this.#join(queue)
    await Promise.all(leaving)
  }

  /** The next message of any queue rings. */
  arm(): void {
    for (const bell of this.#bells.values()) bell.arm()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    await Promise.all([...this.#channels.keys()].map((queue) => this.#leave(queue)))
  }

  #join(queue: string): void {
    if (this.#isDisposed) return
    if (this.#bells.size < mostBells) {
      const takeBehind: TakeBehind = (connection) => this.#takeBehind(connection, queue)
      const bell = new RedisBell(this.#redis, this.#names.list(queue, 0), this.#ring, takeBehind)
      this.#bells.set(queue, bell)
    }
    const channel = this.#names.wakeChannel(queue)
    // Without it messages with a priority are found a little later, by looking.
    const subscribed = this.#redis.subscriber.subscribe([channel], this.#ring, this.#ring).catch(() => undefined)
    this.#channels.set(queue, subscribed)
  }

  async #leave(queue: string): Promise<void> {
    const [bell, channel] = [this.#bells.get(queue), this.#channels.get(queue)]
    this.#bells.delete(queue)
    this.#channels.delete(queue)
    await Promise.all([
      bell?.[Symbol.asyncDispose](),
      channel?.then((subscribed) => subscribed?.[Symbol.asyncDispose]()),
    ])
  }
}
