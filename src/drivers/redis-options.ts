import { ImproperlyConfigured } from '../errors.ts'
import { nearest } from '../util/nearest.ts'
import { optionKinds } from './redis-option-kinds.ts'
import type { RedisTlsOptions } from './redis-tls-options.ts'

export type QueueOrder = 'round_robin' | 'sorted' | 'priority'

/** `broker_transport_options` and `result_backend_transport_options` of Redis, complete. Plain data, to send to threads. */
export interface RedisOptions {
  /** In front of every key and channel; the result backend has a rule of its own for what stands between. */
  readonly globalKeyprefix: string
  readonly visibilityTimeoutMs: number
  /** How long the loans of a worker that vanished last (`lease_seconds`, not Celery's). */
  readonly leaseMs: number
  /** How long a reply may take before the connection counts as lost. */
  readonly socketTimeoutMs: number
  readonly socketConnectTimeoutMs: number
  readonly socketKeepalive: boolean
  /** An idle connection is asked for a sign of life this often; 0: never. */
  readonly healthCheckIntervalMs: number
  /** For CLIENT LIST; undefined: `celeriac-` and what the connection is for. */
  readonly clientName: string | undefined
  readonly prioritySteps: readonly number[]
  readonly sep: string
  readonly queueOrderStrategy: QueueOrder
  /** True: `/{db}.` */
  readonly fanoutPrefix: boolean | string
  readonly fanoutPatterns: boolean
  readonly unackedKey: string
  readonly unackedIndexKey: string
  readonly unackedMutexKey: string
  readonly unackedMutexExpireMs: number
  readonly resultChordOrdered: boolean
  /** How long results are tried to be stored while there is no connection (`timeout` of `retry_policy`). */
  readonly retryTimeoutMs: number
  readonly masterName: string | undefined
  readonly sentinelUsername: string | undefined
  readonly sentinelPassword: string | undefined
  readonly sentinelSsl: RedisTlsOptions | undefined
  readonly ssl: RedisTlsOptions | undefined
}

const defaults: RedisOptions = {
  globalKeyprefix: '',
  visibilityTimeoutMs: 3_600_000,
  leaseMs: 30_000,
  socketTimeoutMs: 10_000,
  socketConnectTimeoutMs: 4000,
  socketKeepalive: true,
  healthCheckIntervalMs: 10_000,
  clientName: undefined,
  prioritySteps: [0, 3, 6, 9],
  sep: '\x06\x16',
  queueOrderStrategy: 'round_robin',
  fanoutPrefix: true,
  fanoutPatterns: true,
  unackedKey: 'unacked',
  unackedIndexKey: 'unacked_index',
  unackedMutexKey: 'unacked_mutex',
  unackedMutexExpireMs: 300_000,
  resultChordOrdered: true,
  retryTimeoutMs: 30_000,
  masterName: undefined,
  sentinelUsername: undefined,
  sentinelPassword: undefined,
  sentinelSsl: undefined,
  ssl: undefined,
}

/**
 * Options of Celery and kombu without a meaning here: connections are shared, tried again and kept alive anyway, nobody
 * polls, and every message has a queue.
 */
const ignored: ReadonlySet<string> = new Set(
  (
    'maxConnections retryOnTimeout unackedRestoreLimit unackedRestoreInterval unackedRestoreThrottle ackEmulation ' +
    'bodyEncoding maxRetries intervalStart intervalStep intervalMax retryErrors connectRetries ' +
    'minOtherSentinels reauthCheckInterval socketReadSize socketKeepaliveOptions resultChordJoinTimeout ' +
    'resultChordRetryInterval threadSafe pollingInterval deadletterQueue'
  ).split(' '),
)

/**
 * The transport options of a Redis broker or result backend. Names are those of Celery in snake_case or camelCase, times
 * are seconds. Throws ImproperlyConfigured with all that is wrong; `what` names whose options they are.
 */
export function parseRedisOptions(options: Readonly<Record<string, unknown>>, what: string): RedisOptions {
  return { ...defaults, ...read(Object.entries(options), `Transport options of ${what}`) }
}

/** With what a URL names after its `?`. */
export function withUrlOptions(options: RedisOptions, query: ReadonlyMap<string, string>): RedisOptions {
  const fromUrl = read(query, "After the '?' of the Redis URL")
  return { ...options, ...fromUrl, ...(fromUrl.ssl && { ssl: { ...options.ssl, ...fromUrl.ssl } }) }
}

function read(entries: Iterable<readonly [string, unknown]>, where: string): Partial<RedisOptions> {
  const problems: string[] = []
  let found: Partial<RedisOptions> = {}
  for (const [name, value] of entries) {
    const camel = name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
    if (value === undefined || value === null || ignored.has(camel)) continue
    const kind = Object.hasOwn(optionKinds, camel) ? optionKinds[camel] : undefined
    const meant = kind?.read(value)
    if (!kind) problems.push(unknownOption(name, camel))
    else if (!meant) problems.push(`${name}: expected ${kind.expected}, got ${describe(name, value)}`)
    else found = { ...found, ...meant, ...(meant.ssl && { ssl: { ...found.ssl, ...meant.ssl } }) }
  }
  if (problems.length > 0) throw new ImproperlyConfigured(`${where}: ${problems.join('; ')}`)
  return found
}

/** What may hold a password is not shown. */
function describe(name: string, value: unknown): string {
  return name.includes('sentinel') || name.startsWith('ssl') ? typeof value : JSON.stringify(value)
}

function unknownOption(name: string, camel: string): string {
  const known = Object.keys(optionKinds)
  const meant = nearest(camel, known)
  const written = (option: string): string => (camel === name && name !== name.toLowerCase() ? option : snake(option))
  return `${name}: unknown${meant ? `, did you mean ${written(meant)}?` : ` (known: ${known.map(written).join(', ')})`}`
}

function snake(camel: string): string {
  return camel.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
