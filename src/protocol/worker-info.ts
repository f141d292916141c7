import { isRecord } from './describe-value.ts'

/** A queue that a worker takes from (celery-wire 9.6). */
export interface QueueInfo {
  readonly name: string
  readonly exchange: { readonly name: string; readonly type: string }
  readonly routingKey: string
  /** As the worker told it, with all that kombu knows of a queue. */
  readonly details: Readonly<Record<string, unknown>>
}

/** What a worker tells of itself (celery-wire 9.4). */
export interface WorkerStats {
  /** How many tasks it began since it started, by name. */
  readonly total: Readonly<Record<string, number>>
  readonly pid: number | undefined
  readonly clock: number
  /** Seconds. */
  readonly uptime: number
  readonly pool: Readonly<Record<string, unknown>> & {
    readonly implementation?: string
    readonly maxConcurrency?: number
    readonly processes?: readonly number[]
  }
  readonly broker: Readonly<Record<string, unknown>> & {
    readonly transport?: string
    readonly hostname?: string | null
    readonly port?: number | null
    readonly virtualHost?: string
  }
  readonly prefetchCount: number | undefined
  /** Undefined: its pool does not scale. */
  readonly autoscaler: { readonly max: number; readonly min: number; readonly current: number } | undefined
  /** Undefined where the system does not tell. */
  readonly rusage: Readonly<Record<string, number>> | undefined
}

/** A queue with an exchange of its own name, as kombu describes it. */
export function encodeQueueInfo(name: string, exchange: { readonly name: string; readonly type: string }): object {
  return {
    name,
    exchange: {
      ...exchange,
      arguments: null,
      durable: true,
      passive: false,
      auto_delete: false,
      delivery_mode: null,
      no_declare: false,
    },
    routing_key: name,
    queue_arguments: null,
    binding_arguments: null,
    consumer_arguments: null,
    durable: true,
    exclusive: false,
    auto_delete: false,
    no_ack: false,
    alias: null,
    bindings: [],
    no_declare: null,
    expires: null,
    message_ttl: null,
    max_length: null,
    max_length_bytes: null,
    max_priority: null,
  }
}

export function decodeQueueInfo(value: unknown): QueueInfo {
  const queue = record(value)
  const exchange = record(queue['exchange'])
  return {
    name: text(queue['name'], ''),
    exchange: { name: text(exchange['name'], ''), type: text(exchange['type'], 'direct') },
    routingKey: text(queue['routing_key'], ''),
    details: queue,
  }
}

export interface StatsOptions {
  readonly total: Readonly<Record<string, number>>
  readonly pid: number
  readonly clock: number
  /** Seconds. */
  readonly uptime: number
  readonly pool: {
    readonly implementation: string
    readonly maxConcurrency: number
    readonly processes: readonly number[]
    readonly maxTasksPerChild: number | undefined
    /** Seconds: soft, hard. */
    readonly timeouts: readonly [number, number]
  }
  readonly broker: BrokerInfo
  readonly prefetchCount: number
  readonly autoscaler:
    | { readonly max: number; readonly min: number; readonly current: number; readonly qty: number }
    | undefined
  readonly rusage: ResourceUsage
  /** Outboxes that it cannot relay, which only celeriac has. */
  readonly outboxTroubles: readonly OutboxTrouble[]
}

/** An outbox that a worker cannot send from: how often in a row it tried, and the last error. */
export interface OutboxTrouble {
  readonly orm: string
  readonly attempts: number
  readonly error: string
}

export interface BrokerInfo {
  readonly hostname: string | undefined
  readonly userid: string | undefined
  readonly virtualHost: string
  readonly port: number | undefined
  readonly hasTls: boolean
  readonly transport: string
  /** Seconds. */
  readonly connectTimeout: number
  readonly transportOptions: unknown
}

/** As Node tells it. */
type ResourceUsage = Pick<
  NodeJS.ResourceUsage,
  | 'userCPUTime'
  | 'systemCPUTime'
  | 'maxRSS'
  | 'sharedMemorySize'
  | 'unsharedDataSize'
  | 'unsharedStackSize'
  | 'minorPageFault'
  | 'majorPageFault'
  | 'swappedOut'
  | 'fsRead'
  | 'fsWrite'
  | 'ipcSent'
  | 'ipcReceived'
  | 'signalsCount'
  | 'voluntaryContextSwitches'
  | 'involuntaryContextSwitches'
>

export function encodeStats(stats: StatsOptions): Record<string, unknown> {
  const { pool, broker, autoscaler } = stats
  return {
    total: stats.total,
    pid: stats.pid,
    // a text, as in Celery
    clock: String(stats.clock),
    uptime: stats.uptime,
    pool: {
      implementation: pool.implementation,
      'max-concurrency': pool.maxConcurrency,
      processes: pool.processes,
      'max-tasks-per-child': pool.maxTasksPerChild ?? 'N/A',
      'put-guarded-by-semaphore': false,
      timeouts: pool.timeouts,
    },
    broker: encodeBroker(broker),
    prefetch_count: stats.prefetchCount,
    ...(autoscaler && { autoscaler }),
    rusage: encodeUsage(stats.rusage),
    ...(stats.outboxTroubles.length > 0 && { outbox_troubles: stats.outboxTroubles }),
  }
}

/** Of the stats of any worker. */
export function decodeOutboxTroubles(stats: unknown): OutboxTrouble[] {
  const told = record(stats)['outbox_troubles']
  return (Array.isArray(told) ? told : []).map(record).map(({ orm, attempts, error }) => ({
    orm: text(orm, ''),
    attempts: Number(attempts),
    error: text(error, ''),
  }))
}

function encodeBroker(broker: BrokerInfo): Record<string, unknown> {
  return {
    hostname: broker.hostname ?? null,
    userid: broker.userid ?? null,
    virtual_host: broker.virtualHost,
    port: broker.port ?? null,
    insist: false,
    ssl: broker.hasTls,
    transport: broker.transport,
    connect_timeout: broker.connectTimeout,
    transport_options: broker.transportOptions,
    login_method: null,
    uri_prefix: null,
    heartbeat: 0,
    failover_strategy: 'round-robin',
    alternates: [],
    credential_provider: null,
  }
}

function encodeUsage(usage: ResourceUsage): Record<string, number> {
  return {
    utime: usage.userCPUTime / 1e6,
    stime: usage.systemCPUTime / 1e6,
    maxrss: usage.maxRSS,
    ixrss: usage.sharedMemorySize,
    idrss: usage.unsharedDataSize,
    isrss: usage.unsharedStackSize,
    minflt: usage.minorPageFault,
    majflt: usage.majorPageFault,
    nswap: usage.swappedOut,
    inblock: usage.fsRead,
    oublock: usage.fsWrite,
    msgsnd: usage.ipcSent,
    msgrcv: usage.ipcReceived,
    nsignals: usage.signalsCount,
    nvcsw: usage.voluntaryContextSwitches,
    nivcsw: usage.involuntaryContextSwitches,
  }
}

/** Names of members become camelCase; those of tasks and of resource usage stay as they are. */
export function decodeStats(value: unknown): WorkerStats {
  const stats = record(value)
  const prefetchCount = stats['prefetch_count']
  const { autoscaler, rusage, pid } = stats
  return {
    total: record(stats['total']) as Record<string, number>,
    pid: typeof pid === 'number' ? pid : undefined,
    clock: Number(stats['clock'] ?? 0),
    uptime: Number(stats['uptime'] ?? 0),
    pool: camelKeys(record(stats['pool'])),
    broker: camelKeys(record(stats['broker'])),
    prefetchCount: typeof prefetchCount === 'number' ? prefetchCount : undefined,
    autoscaler: isRecord(autoscaler) ? (autoscaler as unknown as WorkerStats['autoscaler']) : undefined,
    // 'N/A' on Windows
    rusage: isRecord(rusage) ? (rusage as Record<string, number>) : undefined,
  }
}

function text(value: unknown, missing: string): string {
  return typeof value === 'string' ? value : missing
}

function record(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {}
}

function camelKeys(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => [
      key.replaceAll(/[-_]([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  )
}
