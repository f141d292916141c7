import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis, RedisConnection } from '../drivers/redis.ts'
import type { Message } from '../protocol/message.ts'
import type { Channel } from './broker.ts'
import { replyExchange, replyQueue } from './redis-exchanges.ts'
import { tell } from './redis-listener.ts'

const separator = '\x06\x16'
/** kombu drops replies that nobody fetched after ten seconds; a list that nobody reads must not stay. */
const unreadMs = 600_000
/** Above kombu's least lifetime of a binding by far, renewed long before. */
const bindingMs = 4 * 3_600_000
const renewBindingMs = 3_600_000
/** How long the server waits for a reply before the reader asks again. */
const waitMs = 1000
const retryPauseMs = 200

type Listener = (message: Message) => void

/**
 * Replies to remote control: kombu's list for each who asks, found by its binding to the exchange of replies. Messages for
 * nobody are dropped.
 */
export class RedisReplies {
  readonly #redis: Redis
  readonly #readers = new Map<string, ReplyReader>()

  constructor(redis: Redis) {
    this.#redis = redis
  }

  async send(channel: Channel, envelope: string): Promise<void> {
    const { oid } = replyQueue(channel)
    const { commands, prefix } = this.#redis
    const bindings = (await commands.send(['SMEMBERS', bindingKey(prefix)])) as readonly string[]
    const queues = bindings.map((member) => member.split(separator)).filter(([key]) => key === oid)
    const steps = queues.flatMap(([, , queue]) => [
      ['LPUSH', `${prefix}${queue}`, envelope],
      ['PEXPIRE', `${prefix}${queue}`, String(unreadMs)],
    ])
    if (steps.length > 0) await commands.transaction(steps)
  }

  async listen(channel: Channel, onMessage: Listener): Promise<AsyncDisposable> {
    const { oid, queue } = replyQueue(channel)
    const reader = this.#readers.get(oid) ?? new ReplyReader(this.#redis, oid, queue)
    this.#readers.set(oid, reader)
    // Its own function, so that one listener may listen twice.
    const listener: Listener = (message) => onMessage(message)
    reader.listeners.add(listener)
    const stop = async (): Promise<void> => {
      if (!reader.listeners.delete(listener) || reader.listeners.size > 0) return
      this.#readers.delete(oid)
      await reader.stop()
    }
    try {
      await reader.started
    } catch (error) {
      await stop()
      throw error
    }
    return { [Symbol.asyncDispose]: stop }
  }
}

/** Reads one list of replies over a connection of its own, for all who listen to it in this process. */
class ReplyReader {
  readonly listeners = new Set<Listener>()
  readonly started: Promise<void>
  readonly #redis: Redis
  readonly #member: string
  readonly #key: string
  readonly #connection: RedisConnection
  readonly #reading: Promise<void>
  readonly #ending = new AbortController()
  #boundAtMs = 0

  constructor(redis: Redis, oid: string, queue: string) {
    this.#redis = redis
    this.#member = [oid, '', queue].join(separator)
    this.#key = redis.prefix + queue
    this.#connection = redis.connect('replies')
    this.started = this.#connection.ready().then(() => this.#bind())
    this.#reading = this.started.then(
      () => this.#read(),
      () => undefined,
    )
  }

  async stop(): Promise<void> {
    this.#ending.abort()
    await this.#connection[Symbol.asyncDispose]()
    await this.#reading
    const { commands, prefix } = this.#redis
    const undone = commands.transaction([
      ['SREM', bindingKey(prefix), this.#member],
      ['DEL', this.#key],
    ])
    // What stays behind expires.
    await undone.catch(() => undefined)
  }

  async #read(): Promise<void> {
    const { signal } = this.#ending
    while (!signal.aborted) {
      try {
        if (!this.#connection.isReady) await this.#connection.ready()
        if (performance.now() - this.#boundAtMs > renewBindingMs) await this.#bind()
        const reply = (await this.#connection.send(['BRPOP', this.#key, String(waitMs / 1000)], {
          blocksMs: waitMs,
        })) as readonly string[] | null
        if (reply) for (const listener of this.listeners) tell(listener, String(reply[1]))
      } catch {
        // A new server may not know the binding.
        this.#boundAtMs = Number.NEGATIVE_INFINITY
        await sleep(retryPauseMs, undefined, { ref: false, signal }).catch(() => undefined)
      }
    }
  }

  /** As kombu does: tables of bindings are swept once their time is over. */
  async #bind(): Promise<void> {
    const { prefix } = this.#redis
    const until = Date.now() + bindingMs
    await this.#connection.transaction([
      ['SADD', bindingKey(prefix), this.#member],
      ['ZADD', `${prefix}_kombu.binding_deadlines`, 'GT', String(until), replyExchange],
    ])
    this.#boundAtMs = performance.now()
  }
}

function bindingKey(prefix: string): string {
  return `${prefix}_kombu.binding.${replyExchange}`
}
