import { isMainThread } from 'node:worker_threads'
import type { Redis, RedisConnection, RedisSubscriber } from './redis.ts'
import { importNodeRedis } from './redis-client.ts'
import { ReconnectingConnection } from './redis-connection.ts'
import { withUrlOptions, type RedisOptions } from './redis-options.ts'
import { evictionPolicy } from './redis-server-check.ts'
import type { RedisSession } from './redis-session.ts'
import { SessionOpener } from './redis-session-opener.ts'
import { SharedSubscriber } from './redis-subscriber.ts'
import { parseRedisUrl } from './redis-url.ts'

export { defineScript } from './redis.ts'
export type { Redis, RedisArgument, RedisConnection, RedisScript, RedisSubscriber } from './redis.ts'
export type { RedisOptions } from './redis-options.ts'
export { isWithoutRoom, RedisConnectionLost, RedisReplyError } from './redis-errors.ts'
export { parseRedisOptions } from './redis-options.ts'

/**
 * Opens the Redis that a URL names. Rejects with OperationalError if it cannot be reached within `socket_connect_timeout`
 * or refuses the login, with ImproperlyConfigured for a wrong URL or option and where the package is missing. Warns of a
 * server that may evict keys.
 */
export async function openRedis(url: string, options: RedisOptions): Promise<Redis> {
  const location = parseRedisUrl(url)
  const opener = new SessionOpener(await importNodeRedis(), location, withUrlOptions(options, location.query))
  const session = await opener.openFirst('commands')
  if (isMainThread) await warnOfEviction(session)
  opener.watchSentinels()
  return new OpenedRedis(opener, location.db, session)
}

class OpenedRedis implements Redis {
  readonly prefix: string
  readonly db: number
  readonly options: RedisOptions
  readonly commands: RedisConnection
  readonly subscriber: RedisSubscriber
  readonly #opener: SessionOpener
  readonly #parts: Set<AsyncDisposable>

  constructor(opener: SessionOpener, db: number, session: RedisSession) {
    this.options = opener.options
    this.prefix = opener.options.globalKeyprefix
    this.db = db
    this.#opener = opener
    const commands = new ReconnectingConnection(opener.open('commands', 2), { isHeld: false, session })
    const subscriber = new SharedSubscriber(opener.open('subscriber', 3), this.options.socketTimeoutMs)
    this.commands = commands
    this.subscriber = subscriber
    this.#parts = new Set([commands, subscriber])
  }

  connect(name: string): RedisConnection {
    const onClosed = (): void => void this.#parts.delete(connection)
    const connection = new ReconnectingConnection(this.#opener.open(name, 2), { isHeld: true, onClosed })
    this.#parts.add(connection)
    return connection
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#opener[Symbol.dispose]()
    await Promise.all([...this.#parts].map((part) => part[Symbol.asyncDispose]()))
  }
}

/** The servers that were warned of: broker and result backend often have the same. */
const warnedOf = new Set<string>()

/** What may not be asked is not warned of. */
async function warnOfEviction(session: RedisSession): Promise<void> {
  const policy = evictionPolicy(await session.send(['INFO', 'memory']).catch(() => ''))
  if (policy === undefined || policy === 'noeviction' || warnedOf.has(session.where)) return
  warnedOf.add(session.where)
  process.emitWarning(
    `Redis at ${session.where} has maxmemory-policy ${policy}: when its memory is full it throws away messages or ` +
      'results without a word. Set it to noeviction',
    'CeleriacWarning',
  )
}
