import { OperationalError } from '../errors.ts'
import { throwLater } from '../util/throw-later.ts'
import type { RedisMessageListener, RedisSubscriber } from './redis.ts'
import { ReconnectingConnection, type OpenSession } from './redis-connection.ts'
import { RedisConnectionLost } from './redis-errors.ts'
import { RedisTopics, type RedisListening } from './redis-topics.ts'

/** See {@link RedisSubscriber}. */
export class SharedSubscriber implements RedisSubscriber, AsyncDisposable {
  readonly #open: OpenSession
  readonly #timeoutMs: number
  readonly #channels = new RedisTopics(false)
  readonly #patterns = new RedisTopics(true)
  #connection: ReconnectingConnection | undefined
  #subscriptions = 0
  #flush: Promise<void> | undefined
  #isClosed = false

  constructor(open: OpenSession, timeoutMs: number) {
    this.#open = open
    this.#timeoutMs = timeoutMs
  }

  subscribe(
    channels: readonly string[],
    onMessage: RedisMessageListener,
    onResubscribed?: () => void,
  ): Promise<AsyncDisposable> {
    return this.#subscribe(this.#channels, [...new Set(channels)], onMessage, onResubscribed)
  }

  psubscribe(pattern: string, onMessage: RedisMessageListener, onResubscribed?: () => void): Promise<AsyncDisposable> {
    return this.#subscribe(this.#patterns, [pattern], onMessage, onResubscribed)
  }

  /** The reply to a PING comes after all that was published before it. */
  async caughtUp(): Promise<void> {
    await this.#connection?.send(['PING'])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await this.#connection?.[Symbol.asyncDispose]()
  }

  async #subscribe(
    topics: RedisTopics,
    names: readonly string[],
    onMessage: RedisMessageListener,
    onResubscribed: (() => void) | undefined,
  ): Promise<AsyncDisposable> {
    if (this.#isClosed) throw new OperationalError('Redis: the connection was closed')
    const listening: RedisListening = { onMessage, onResubscribed, isConfirmed: false }
    let isOver = false
    const end = (): void => {
      if (isOver) return
      isOver = true
      topics.remove(names, listening)
      if (--this.#subscriptions === 0) this.#connection?.hold(false)
    }
    const isNew = topics.add(names, listening)
    if (++this.#subscriptions === 1) this.#connect().hold(true)
    try {
      await this.#confirmed(topics, isNew)
    } catch (error) {
      end()
      throw error
    }
    listening.isConfirmed = true
    return { [Symbol.asyncDispose]: async () => end() }
  }

  #connect(): ReconnectingConnection {
    if (this.#connection) return this.#connection
    const connection = new ReconnectingConnection(this.#open, { isHeld: true })
    connection.onReady(() => this.#resume(connection))
    this.#connection = connection
    return connection
  }

  #resume({ session }: ReconnectingConnection): void {
    if (!session) return
    for (const topics of [this.#channels, this.#patterns]) {
      topics.resume(session).then(
        (listening) => tellAll(listening),
        // Of the session that ended: the next one does it again. What else was wrong is told to who subscribes.
        () => {},
      )
    }
  }

  /** All that is asked for in this turn is sent when its first microtask runs. */
  async #confirmed(topics: RedisTopics, isNew: boolean): Promise<void> {
    const connection = this.#connect()
    this.#flush ??= Promise.resolve().then(() => {
      this.#flush = undefined
      this.#channels.flush()
      this.#patterns.flush()
    })
    await this.#flush
    const giveUpAt = performance.now() + this.#timeoutMs
    for (;;) {
      await connection.ready(Math.max(0, giveUpAt - performance.now()))
      try {
        if (isNew) await topics.subscribed
        else await this.caughtUp()
        return
      } catch (error) {
        if (!(error instanceof RedisConnectionLost) || performance.now() >= giveUpAt) throw error
      }
    }
  }
}

function tellAll(listening: readonly RedisListening[]): void {
  for (const { onResubscribed } of listening) {
    try {
      onResubscribed?.()
    } catch (error) {
      throwLater(error)
    }
  }
}
