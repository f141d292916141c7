import { throwLater } from '../util/throw-later.ts'
import type { RedisMessageListener } from './redis.ts'
import type { RedisSession } from './redis-session.ts'

/** Who listens, to one or many topics. */
export interface RedisListening {
  readonly onMessage: RedisMessageListener
  readonly onResubscribed: (() => void) | undefined
  /** The server confirmed it once. */
  isConfirmed: boolean
}

/** Names of one command: more would hold up the server. */
const largestCommand = 5000

/**
 * Channels or patterns with their listeners. What becomes wanted in one turn of the event loop is one command, and so is
 * what is no longer wanted. The commands of a session are answered in their order: who waits for the last SUBSCRIBE has
 * all before it.
 */
export class RedisTopics {
  /** Lists, never changed but replaced: most have one listener, for a short time. Empty: not yet unsubscribed from. */
  readonly #topics = new Map<string, readonly RedisListening[]>()
  /** Each pattern hears by itself, because a message does not name its pattern. Channels have one listener in common. */
  readonly #patternListeners = new Map<string, RedisMessageListener>()
  readonly #isPattern: boolean
  #session: RedisSession | undefined
  #subscribed: Promise<unknown> = Promise.resolve()
  #wanted: string[] = []
  #unwanted: string[] = []

  constructor(isPattern: boolean) {
    this.#isPattern = isPattern
  }

  /** Of the last commands that were sent. */
  get subscribed(): Promise<unknown> {
    return this.#subscribed
  }

  add(names: readonly string[], listening: RedisListening): void {
    for (const name of names) {
      const listeners = this.#topics.get(name)
      this.#topics.set(name, listeners ? [...listeners, listening] : [listening])
      if (!listeners) this.#wanted.push(name)
    }
  }

  remove(names: readonly string[], listening: RedisListening): void {
    for (const name of names) {
      const listeners = this.#topics.get(name)
      if (!listeners?.includes(listening)) continue
      const left = listeners.filter((other) => other !== listening)
      this.#topics.set(name, left)
      if (left.length > 0) continue
      if (this.#unwanted.length === 0) setImmediate(() => this.#unsubscribe())
      this.#unwanted.push(name)
    }
  }

  /** Subscribes to everything on a new session; resolves with those who listened on an older one. */
  async resume(session: RedisSession): Promise<readonly RedisListening[]> {
    this.#session = session
    const again = new Set<RedisListening>()
    for (const listeners of this.#topics.values()) {
      for (const listening of listeners) if (listening.isConfirmed) again.add(listening)
    }
    this.#wanted = []
    await this.#send([...this.#topics.keys()])
    return [...again]
  }

  /** Sends what became wanted in this turn; undefined if that is nothing. */
  flush(): Promise<unknown> | undefined {
    const wanted = this.#wanted
    this.#wanted = []
    return this.#send(wanted)
  }

  #send(names: readonly string[]): Promise<unknown> | undefined {
    const session = this.#session
    if (!session || names.length === 0) return undefined
    const sent = this.#batches(names).map(({ batch, hear }) =>
      this.#isPattern
        ? session.pubSub('PSUBSCRIBE', (client) => client.pSubscribe(batch, hear))
        : session.pubSub('SUBSCRIBE', (client) => client.subscribe(batch, hear)),
    )
    this.#subscribed = Promise.all(sent)
    this.#subscribed.catch(() => {})
    return this.#subscribed
  }

  /** What is wanted again meanwhile stays subscribed to. */
  #unsubscribe(): void {
    const names = this.#unwanted.filter((name) => this.#topics.get(name)?.length === 0)
    this.#unwanted = []
    const batches = this.#batches(names)
    for (const name of names) {
      this.#topics.delete(name)
      this.#patternListeners.delete(name)
    }
    for (const { batch, hear } of batches) {
      const sent = this.#isPattern
        ? this.#session?.pubSub('PUNSUBSCRIBE', (client) => client.pUnsubscribe(batch, hear))
        : this.#session?.pubSub('UNSUBSCRIBE', (client) => client.unsubscribe(batch, hear))
      // Lost with the connection, which then is subscribed to nothing.
      sent?.catch(() => {})
    }
  }

  #batches(names: readonly string[]): { readonly batch: string[]; readonly hear: RedisMessageListener }[] {
    if (this.#isPattern) return names.map((name) => ({ batch: [name], hear: this.#patternListener(name) }))
    const batches = []
    for (let from = 0; from < names.length; from += largestCommand) {
      batches.push({ batch: names.slice(from, from + largestCommand), hear: this.#hear })
    }
    return batches
  }

  #patternListener(pattern: string): RedisMessageListener {
    const known = this.#patternListeners.get(pattern)
    const hear = known ?? ((text: string, channel: string) => this.#tell(pattern, text, channel))
    if (!known) this.#patternListeners.set(pattern, hear)
    return hear
  }

  readonly #hear = (text: string, channel: string): void => this.#tell(channel, text, channel)

  #tell(name: string, text: string, channel: string): void {
    this.#session?.heard()
    const listeners = this.#topics.get(name)
    if (!listeners) return
    for (const { onMessage } of listeners) {
      try {
        onMessage(text, channel)
      } catch (error) {
        throwLater(error)
      }
    }
  }
}
