import type { Redis, RedisConnection, RedisSubscriber } from './redis.ts'
import { importNodeRedis, type NodeRedisModule, type RedisTarget } from './redis-client.ts'
import { ReconnectingConnection, type OpenSession } from './redis-connection.ts'
import { withUrlOptions, type RedisOptions } from './redis-options.ts'
import { RedisSession } from './redis-session.ts'
import { SharedSubscriber } from './redis-subscriber.ts'
import { parseRedisUrl, type RedisLocation } from './redis-url.ts'

export { defineScript } from './redis.ts'
export { RedisConnectionLost, RedisReplyError } from './redis-errors.ts'
export { parseRedisOptions } from './redis-options.ts'

/**
 * Opens the Redis that a URL names. Rejects with OperationalError if it cannot be reached now, with ImproperlyConfigured
 * for a wrong URL or option and where the package is missing.
 */
export async function openRedis(url: string, options: RedisOptions): Promise<Redis> {
  const location = parseRedisUrl(url)
  const all = withUrlOptions(options, location.query)
  const module = await importNodeRedis()
  const opener = new Opener(module, location, all)
  const session = await opener.open('commands', 2)(true, new AbortController().signal)
  return new OpenedRedis(opener, location.db, session)
}

/** Opens sessions, each time where the location says now. */
class Opener {
  readonly options: RedisOptions
  readonly #module: NodeRedisModule
  readonly #location: RedisLocation

  constructor(module: NodeRedisModule, location: RedisLocation, options: RedisOptions) {
    this.#module = module
    this.#location = location
    this.options = options
  }

  open(name: string, resp: 2 | 3): OpenSession {
    const setup = { module: this.#module, options: this.options, resp, name }
    return async (isHeld, signal) => RedisSession.open(this.#target(), setup, isHeld, signal)
  }

  #target(): RedisTarget {
    const { path, addresses, username, password, db, hasTls } = this.#location
    const [server = { host: 'localhost', port: 6379 }] = addresses
    const tls = hasTls || this.options.ssl ? (this.options.ssl ?? {}) : undefined
    return { address: path === undefined ? server : { path }, username, password, db, tls }
  }
}

class OpenedRedis implements Redis {
  readonly prefix: string
  readonly db: number
  readonly commands: RedisConnection
  readonly subscriber: RedisSubscriber
  readonly #opener: Opener
  readonly #own: AsyncDisposable[]

  constructor(opener: Opener, db: number, session: RedisSession) {
    const { globalKeyprefix, socketTimeoutMs } = opener.options
    this.prefix = globalKeyprefix
    this.db = db
    this.#opener = opener
    const commands = new ReconnectingConnection(opener.open('commands', 2), false, session)
    const subscriber = new SharedSubscriber(opener.open('subscriber', 3), socketTimeoutMs)
    this.commands = commands
    this.subscriber = subscriber
    this.#own = [commands, subscriber]
  }

  connect(name: string): RedisConnection {
    const connection = new ReconnectingConnection(this.#opener.open(name, 2), true)
    this.#own.push(connection)
    return connection
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#own.map((part) => part[Symbol.asyncDispose]()))
  }
}
