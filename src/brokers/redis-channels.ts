import { randomUUID } from 'node:crypto'
import { RedisConnectionLost } from '../drivers/redis-errors.ts'
import type { Redis } from '../drivers/redis.ts'
import { OperationalError } from '../errors.ts'
import { encodeEnvelope } from '../protocol/envelope.ts'
import { LargeEnvelopes } from '../protocol/large-envelope.ts'
import type { Message } from '../protocol/message.ts'
import type { Audience, Channel } from './broker.ts'
import { fanoutAddress, replyExchange, replyQueue, Topics, type FanoutOptions } from './redis-exchanges.ts'
import { RedisListener } from './redis-listener.ts'
import { RedisReplies } from './redis-replies.ts'
import { RedisRetained } from './redis-retained.ts'

/** How long a broadcast waits for the connection to come back. */
const sendTimeoutMs = 10_000
/** Bytes, or characters. */
const largeBody = 4096

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
  readonly #large = new LargeEnvelopes()
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
   * Resolves to who hears it, where the server tells.
   */
  async broadcast(
    message: Message,
    channel: Channel,
    retainMs: number,
    routingKey?: string,
  ): Promise<Audience | undefined> {
    this.#assertOpen('broadcast')
    const address = fanoutAddress(channel, this.#eventExchange)
    const exchange = address?.exchange ?? replyExchange
    const key = address ? (routingKey ?? address.routingKey) : replyQueue(channel).oid
    const { properties } = message
    const sent = { ...message, properties: { ...properties, priority: properties.priority ?? 0 } }
    const to = { exchange, routingKey: key, deliveryTag: randomUUID() }
    const topic = this.#topics.topic(exchange, key)
    if (address && retainMs <= 0) {
      const envelope = message.body.length > largeBody ? this.#large.encode(sent, to) : encodeEnvelope(sent, to)
      const args = ['PUBLISH', topic, envelope]
      return this.#send(false, async () => this.#audience(channel, await this.#redis.commands.send(args)))
    }
    const envelope = encodeEnvelope(sent, to)
    await this.#send(retainMs > 0, () =>
      address ? this.#retained.publish(channel, envelope, topic, retainMs) : this.#replies.send(channel, envelope),
    )
    return undefined
  }

  /** The server counts connections, of which this broker has one for all that listen here. */
  #audience(channel: Channel, connections: unknown): Audience {
    const here = [...this.#listening.values()].filter((each) => each === channel).length
    return { here, elsewhere: Math.max(0, Number(connections) - (here > 0 ? 1 : 0)) }
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
