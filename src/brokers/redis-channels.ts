import { randomUUID } from 'node:crypto'
import { RedisConnectionLost } from '../drivers/redis-errors.ts'
import type { Redis } from '../drivers/redis.ts'
import { OperationalError } from '../errors.ts'
import { encodeEnvelope } from '../protocol/envelope.ts'
import type { Message } from '../protocol/message.ts'
import type { Channel } from './broker.ts'
import { fanoutAddress, replyExchange, replyQueue, Topics, type FanoutOptions } from './redis-exchanges.ts'
import { RedisListener } from './redis-listener.ts'
import { RedisReplies } from './redis-replies.ts'
import { RedisRetained } from './redis-retained.ts'

/** How long a broadcast waits for the connection to come back. */
const sendTimeoutMs = 10_000

/**
 * Channels as kombu has them: its exchanges over pub/sub, and lists for replies. What is retained is kept in keys of our
 * own.
 *
 * kombu also writes a binding for each mailbox. Nobody reads it, and a killed worker would leave it behind, so there is
 * none here.
 */
export class RedisChannels implements AsyncDisposable {
  readonly #redis: Redis
  readonly #topics: Topics
  readonly #eventExchange: string | undefined
  readonly #retained: RedisRetained
  readonly #replies: RedisReplies
  readonly #listening = new Map<AsyncDisposable, Channel>()
  #mayNotAsk = false
  #isDisposed = false

  constructor(redis: Redis, options: FanoutOptions = {}, eventExchange?: string) {
    this.#eventExchange = eventExchange
    this.#redis = redis
    this.#topics = new Topics(redis.prefix, redis.db, options)
    this.#retained = new RedisRetained(redis)
    this.#replies = new RedisReplies(redis)
  }

  /**
   * Rejects with OperationalError. Only what is retained is sent again when a lost connection left in doubt whether it went.
   * Resolves to how many heard it, where the server tells.
   */
  async broadcast(
    message: Message,
    channel: Channel,
    retainMs: number,
    routingKey?: string,
  ): Promise<number | undefined> {
    this.#assertOpen('broadcast')
    const address = fanoutAddress(channel, this.#eventExchange)
    const exchange = address?.exchange ?? replyExchange
    const key = address ? (routingKey ?? address.routingKey) : replyQueue(channel).oid
    const { properties } = message
    const envelope = encodeEnvelope(
      { ...message, properties: { ...properties, priority: properties.priority ?? 0 } },
      { exchange, routingKey: key, deliveryTag: randomUUID() },
    )
    const topic = this.#topics.topic(exchange, key)
    return this.#send(retainMs > 0, async () => {
      if (!address) await this.#replies.send(channel, envelope)
      else if (retainMs > 0) await this.#retained.publish(channel, envelope, topic, retainMs)
      else return this.#counted(channel, await this.#redis.commands.send(['PUBLISH', topic, envelope]))
      return undefined
    })
  }

  /** The server counts connections, of which this process has one for all that listen here. */
  #counted(channel: Channel, connections: unknown): number {
    const here = [...this.#listening.values()].filter((each) => each === channel).length
    return Number(connections) + Math.max(0, here - 1)
  }

  /** False only if the server knows nobody who may listen. */
  async isHeard(channel: Channel): Promise<boolean> {
    const address = fanoutAddress(channel, this.#eventExchange)
    if (!address || this.#mayNotAsk) return true
    const topic = this.#topics.topic(address.exchange, address.routingKey)
    const asked = [
      this.#redis.commands.send(['PUBSUB', 'NUMPAT']),
      this.#redis.commands.send(['PUBSUB', 'NUMSUB', topic]),
    ]
    try {
      const [patterns, [, subscribers] = []] = (await Promise.all(asked)) as [unknown, unknown[]?]
      return Number(patterns) > 0 || Number(subscribers) > 0
    } catch (error) {
      // A user who may publish, and not ask.
      if (!(error instanceof RedisConnectionLost)) this.#mayNotAsk = true
      return true
    }
  }

  /** Goes on after each reconnect, with what was retained meanwhile; then tells that something may have been missed. */
  async listen(
    channel: Channel,
    onMessage: (message: Message) => void,
    onMissed?: () => void,
  ): Promise<AsyncDisposable> {
    this.#assertOpen('listen')
    const listening = await this.#listen(channel, onMessage, onMissed)
    let ended: Promise<void> | undefined
    const handle: AsyncDisposable = {
      [Symbol.asyncDispose]: () => {
        this.#listening.delete(handle)
        return (ended ??= Promise.resolve(listening[Symbol.asyncDispose]()))
      },
    }
    this.#listening.set(handle, channel)
    // Disposed of meanwhile: nobody else would end it.
    if (this.#isDisposed) await this[Symbol.asyncDispose]()
    this.#assertOpen('listen')
    return handle
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    await Promise.all([...this.#listening.keys()].map((listening) => listening[Symbol.asyncDispose]()))
  }

  async #listen(
    channel: Channel,
    onMessage: (message: Message) => void,
    onMissed: (() => void) | undefined,
  ): Promise<AsyncDisposable> {
    const address = fanoutAddress(channel, this.#eventExchange)
    if (!address) return this.#replies.listen(channel, onMessage)
    const listener = new RedisListener(onMessage, (after) => this.#retained.read(channel, after), onMissed)
    const heard = this.#topics.heard(address)
    const { subscriber } = this.#redis
    const hear = (text: string): void => listener.hear(text)
    const subscription = await ('pattern' in heard
      ? subscriber.psubscribe(heard.pattern, hear, listener.resubscribed)
      : subscriber.subscribe([heard.topic], hear, listener.resubscribed))
    const listening = {
      [Symbol.asyncDispose]: async () => {
        listener.close()
        await subscription[Symbol.asyncDispose]()
      },
    }
    try {
      await listener.start()
    } catch (error) {
      await listening[Symbol.asyncDispose]()
      throw error
    }
    return listening
  }

  #assertOpen(operation: string): void {
    if (this.#isDisposed)
      throw new OperationalError(`The Redis broker was disposed of and cannot ${operation}; open a new one`)
  }

  async #send<T>(isRetained: boolean, send: () => Promise<T>): Promise<T> {
    const giveUpAt = performance.now() + sendTimeoutMs
    for (;;) {
      try {
        return await send()
      } catch (error) {
        const leftMs = giveUpAt - performance.now()
        const mayGoAgain = error instanceof RedisConnectionLost && (isRetained || !error.mayHaveRun)
        if (!mayGoAgain || leftMs <= 0) throw error
        await this.#redis.commands.ready(leftMs)
      }
    }
  }
}
