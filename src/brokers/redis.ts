import { openRedis, type Redis, type RedisOptions } from '../drivers/open-redis.ts'
import { OperationalError } from '../errors.ts'
import type { Message } from '../protocol/message.ts'
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
  PublishOptions,
  SubscribeOptions,
  Subscription,
} from './broker.ts'
import { RedisChannels } from './redis-channels.ts'
import { RedisConsumer } from './redis-consumer.ts'
import { RedisDeclarations } from './redis-declarations.ts'
import { RedisInspection } from './redis-inspection.ts'
import type { RedisLease } from './redis-lease.ts'
import { RedisLedger } from './redis-ledger.ts'
import { RedisNames } from './redis-names.ts'
import { RedisPersistence } from './redis-persistence.ts'
import { pruneRedis } from './redis-prune.ts'
import { RedisPublisher } from './redis-publisher.ts'
import { RedisSearch } from './redis-search.ts'
import { RedisSubscriptions } from './redis-subscriptions.ts'
import { RedisSweep } from './redis-sweep.ts'
import { RedisUpkeep } from './redis-upkeep.ts'

/** How long a publish whose connection broke is sent again, where the caller does not say. */
const publishTimeoutMs = 10_000

/**
 * Opens the broker at a Redis: `redis://localhost:6379/0`. It shares keys and algorithms with Celery's transport of the
 * same name, so that producers and workers of Python and TypeScript may use the same queues.
 */
export async function openRedisBroker(
  url: string,
  options: RedisOptions,
  eventExchange?: string,
): Promise<RedisBroker> {
  return new RedisBroker(await openRedis(url, options), url, eventExchange)
}

/** kombu's queues and channels on Redis. */
export class RedisBroker implements Broker {
  readonly #redis: Redis
  readonly #names: RedisNames
  readonly #publisher: RedisPublisher
  readonly #ledger: RedisLedger
  readonly #consumer: RedisConsumer
  readonly #sweep: RedisSweep
  readonly #upkeep: RedisUpkeep
  readonly #channels: RedisChannels
  readonly #isCluster: boolean
  readonly #inspection: RedisInspection
  readonly #subscriptions: RedisSubscriptions
  #disposal: Promise<void> | undefined

  /** Takes over `redis`. Use {@link openRedisBroker}. */
  constructor(redis: Redis, url: string, eventExchange?: string) {
    const { options } = redis
    this.#redis = redis
    this.#names = new RedisNames(options)
    const declarations = new RedisDeclarations(redis, this.#names)
    this.#publisher = new RedisPublisher(redis, this.#names, declarations)
    const persistence = new RedisPersistence(redis)
    const { visibilityTimeoutMs } = options
    this.#ledger = new RedisLedger(redis, this.#names, declarations, persistence, visibilityTimeoutMs)
    this.#sweep = new RedisSweep(redis, this.#names, options)
    this.#consumer = new RedisConsumer(redis, this.#names, url, options, this.#giveBackUnknown)
    this.#ledger.consumer = this.#consumer
    this.#upkeep = new RedisUpkeep(this.#sweep, this.#consumer, options)
    this.#isCluster = /^rediss?\+cluster:/i.test(url)
    this.#channels = new RedisChannels(redis, options, eventExchange)
    this.#inspection = new RedisInspection(redis, this.#names)
    this.#subscriptions = new RedisSubscriptions({
      redis,
      names: this.#names,
      declarations,
      persistence,
      ledger: this.#ledger,
      consumer: this.#consumer,
    })
  }

  publish(
    messages: readonly Outgoing[],
    { giveUpAt = Date.now() + publishTimeoutMs }: PublishOptions = {},
  ): Promise<void> {
    try {
      this.#assertOpen('publish')
      return this.#publisher.publish(messages, giveUpAt)
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }

  async subscribe(
    queues: readonly string[],
    onDeliveries: OnDeliveries,
    options: SubscribeOptions,
  ): Promise<Subscription> {
    this.#assertOpen('subscribe')
    const subscription = this.#subscriptions.add(queues, onDeliveries, options)
    this.#upkeep.start()
    subscription.wake()
    return subscription
  }

  async broadcast(message: Message, channel: Channel, options: BroadcastOptions = {}): Promise<Audience | undefined> {
    this.#assertOpen('broadcast')
    const { retainMs = 0, routingKey } = options
    const audience = await this.#channels.broadcast(message, channel, retainMs, routingKey)
    // A node of a cluster counts only its own listeners.
    return this.#isCluster ? undefined : audience
  }

  async isHeard(channel: Channel): Promise<boolean> {
    this.#assertOpen('ask who listens')
    // A node of a cluster knows only its own listeners.
    return this.#isCluster || (await this.#channels.isHeard(channel))
  }

  async listen(
    channel: Channel,
    onMessage: (message: Message) => void,
    onMissed?: () => void,
  ): Promise<AsyncDisposable> {
    this.#assertOpen('listen')
    return this.#channels.listen(channel, onMessage, onMissed)
  }

  async count(queue: string): Promise<number> {
    this.#assertOpen('count')
    return this.#inspection.count(queue)
  }

  async purge(queue: string): Promise<number> {
    this.#assertOpen('purge')
    return this.#inspection.purge(queue)
  }

  async prune(queue: string, limit: number, isOver: IsOver): Promise<Message['headers'][]> {
    this.#assertOpen('prune')
    return pruneRedis(this.#redis, this.#names, queue, limit, isOver)
  }

  async peek(queue: string, page: Page): Promise<Message[]> {
    this.#assertOpen('peek')
    return this.#inspection.peek(queue, page)
  }

  async queues(): Promise<string[]> {
    this.#assertOpen('list its queues')
    return this.#inspection.queues()
  }

  async find(taskId: string, { limit }: FindOptions): Promise<FindResult> {
    this.#assertOpen('find a message')
    const queues = await this.#inspection.queues()
    return new RedisSearch(this.#redis, this.#names).find(queues, taskId, limit)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose()
    return this.#disposal
  }

  async #dispose(): Promise<void> {
    await this.#subscriptions[Symbol.asyncDispose]()
    await this.#ledger.idle()
    await this.#publisher.idle()
    await this.#upkeep.stop()
    await this.#channels[Symbol.asyncDispose]()
    try {
      await this.#consumer.resign()
    } catch {
      // The lease ends by itself.
    } finally {
      await this.#redis[Symbol.asyncDispose]()
    }
  }

  /** Messages that a broken connection took: nobody here has seen them. */
  readonly #giveBackUnknown = (lease: RedisLease, tags: readonly string[]): Promise<void> =>
    this.#sweep.giveBack(tags, this.#names.held(lease.id))

  #assertOpen(operation: string): void {
    if (this.#disposal)
      throw new OperationalError(`The Redis broker was disposed of and cannot ${operation}; open a new one`)
  }
}
