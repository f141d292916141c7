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
  #turn: Promise<{ readonly confirmed: Promise<unknown> } | undefined> | undefined
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
    topics.add(names, listening)
    if (++this.#subscriptions === 1) this.#connect().hold(true)
    try {
      await this.#confirmed(topics)
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
        // The next session tries it again, also where the server refused it: nobody must be deaf without knowing.
        (error: unknown) => session.end(error),
      )
    }
  }

  async #confirmed(topics: RedisTopics): Promise<void> {
    const connection = this.#connect()
    const giveUpAt = performance.now() + this.#timeoutMs
    this.#turn ??= Promise.resolve().then(() => this.#flush(connection))
    let sent = await this.#turn
    for (;;) {
      try {
        if (sent) return void (await sent.confirmed)
      } catch (error) {
        if (!(error instanceof RedisConnectionLost)) throw error
      }
      await connection.ready(Math.max(0, giveUpAt - performance.now()))
      // All that is wanted was asked for on the new session.
      sent = { confirmed: topics.subscribed }
    }
  }

  /**
   * Sends what this turn asked for when its first microtask runs. A reply comes after all that was published before the
   * command, and so does that to a PING where nothing is new.
   */
  #flush(connection: ReconnectingConnection): { readonly confirmed: Promise<unknown> } | undefined {
    this.#turn = undefined
    if (!connection.isReady) return undefined
    const [channels, patterns] = [this.#channels.flush(), this.#patterns.flush()]
    return { confirmed: channels || patterns ? Promise.all([channels, patterns]) : this.caughtUp() }
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
