import { isRedisScheme } from '../drivers/redis-url.ts'
import { ImproperlyConfigured } from '../errors.ts'
import type { Broker } from './broker.ts'

export interface OpenBrokerOptions {
  /** `broker_transport_options`: what they may be depends on the scheme. */
  readonly transportOptions?: Readonly<Record<string, unknown>>
  /** `broker_connection_timeout`: how long one attempt to connect to a server may take. Default: the broker's own. */
  readonly connectionTimeoutMs?: number
  /** `event_exchange`: how the channel `events` is named among Celery's exchanges. Default `celeryev`. */
  readonly eventExchange?: string
}

/**
 * Opens the broker that a URL names: `memory:`, `memory:name`, `sqlite:./celeriac.db`,
 * `redis://localhost`. Each is imported only when it is
 * used. Throws ImproperlyConfigured for an unknown scheme or option, OperationalError if the store cannot be used.
 */
export async function openBroker(url: string, options: OpenBrokerOptions = {}): Promise<Broker> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase()
  if (scheme !== undefined && isRedisScheme(scheme)) return openRedis(url, options)
  const { transportOptions = {} } = options
  switch (scheme) {
    case 'memory':
      refuseOptions(transportOptions)
      return (await import('./memory.ts')).openMemoryBroker(url)
    case 'sqlite': {
      const [{ openSqliteBroker }, { parseSqliteBrokerOptions }] = await Promise.all([
        import('./sqlite.ts'),
        import('./sqlite-options.ts'),
      ])
      return openSqliteBroker(url, parseSqliteBrokerOptions(transportOptions))
    }
    case 'amqp':
    case 'amqps':
    case 'postgres':
    case 'postgresql':
      throw new ImproperlyConfigured(
        `Broker '${scheme}:' is not available in this release; use redis:, sqlite: or memory:`,
      )
    case undefined:
    default:
      throw new ImproperlyConfigured(
        `Expected a broker URL that starts with redis:, sqlite: or memory:, got ${scheme ? `'${scheme}:'` : `'${url}'`}`,
      )
  }
}

async function openRedis(
  url: string,
  { transportOptions, connectionTimeoutMs, eventExchange }: OpenBrokerOptions,
): Promise<Broker> {
  const [{ openRedisBroker }, { parseRedisOptions }] = await Promise.all([
    import('./redis.ts'),
    import('../drivers/open-redis.ts'),
  ])
  const connecting = connectionTimeoutMs === undefined ? {} : { socketConnectTimeout: connectionTimeoutMs / 1000 }
  const options = parseRedisOptions({ ...connecting, ...transportOptions }, 'the Redis broker')
  return openRedisBroker(url, options, eventExchange)
}

function refuseOptions(options: Readonly<Record<string, unknown>>): void {
  const names = Object.keys(options)
  if (names.length === 0) return
  throw new ImproperlyConfigured(`The memory broker takes no transport options, got ${names.join(', ')}`)
}

/**
 * The broker with some queues that give each message to every subscriber. `routingKey` is what workers of Celery listen
 * to: their default routing key.
 */
export async function withBroadcastQueues(
  broker: Broker,
  names: readonly string[],
  routingKey: string,
): Promise<Broker> {
  if (names.length === 0) return broker
  const { BroadcastQueues } = await import('./broadcast-queues.ts')
  return new BroadcastQueues(broker, names, routingKey)
}
