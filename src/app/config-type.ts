/** Where a task's messages go, as `task_routes` says it. */
export interface Route {
  readonly queue?: string | undefined
  /** 0 to 9, higher first. */
  readonly priority?: number | undefined
}

type SerializerName = 'json' | 'msgpack' | 'yaml'
type CompressionName = 'gzip' | 'zlib' | 'brotli' | 'zstd'
type LogStyle = 'auto' | 'pretty' | 'json'

type UseSsl = boolean | Readonly<Record<string, unknown>> | undefined

export interface BrokerConfig {
  readonly url: string
  /** Milliseconds. */
  readonly connectionTimeoutMs: number
  readonly connectionRetryOnStartup: boolean
  /** Undefined: for ever. */
  readonly connectionMaxRetries: number | undefined
  readonly useSsl: UseSsl
  readonly transportOptions: Readonly<Record<string, unknown>>
}

export interface ResultConfig {
  /** The URL of the result backend; undefined: results are not kept. */
  readonly backend: string | undefined
  readonly backendTransportOptions: Readonly<Record<string, unknown>>
  /** Milliseconds; undefined: results never expire. */
  readonly expiresMs: number | undefined
  readonly extended: boolean
  /** Milliseconds; undefined: by `expiresMs`. */
  readonly chordTimeoutMs: number | undefined
  readonly serializer: SerializerName
  /** Defaults to the top-level `acceptContent`. */
  readonly acceptContent: readonly string[]
}

export interface TaskConfig {
  readonly serializer: SerializerName
  readonly compression: CompressionName | undefined
  readonly defaultQueue: string
  readonly defaultPriority: number | undefined
  readonly inheritParentPriority: boolean
  /** In the order in which they were written; the first name or glob that fits counts. */
  readonly routes: Readonly<Record<string, Route>>
  readonly broadcastQueues: readonly string[]
  /** Globs; undefined: all where only celeriac reads the store. */
  readonly celeriacQueues: readonly string[] | undefined
  readonly acksLate: boolean
  readonly trackStarted: boolean
  /** Milliseconds. */
  readonly timeLimitMs: number | undefined
  /** Milliseconds. */
  readonly softTimeLimitMs: number | undefined
  readonly ignoreResult: boolean
  readonly storeErrorsEvenIfIgnored: boolean
  readonly alwaysEager: boolean
  readonly eagerPropagates: boolean
  readonly storeEagerResult: boolean
  readonly defaultRateLimit: string | number | undefined
  readonly maxDeliveries: number
  /** Milliseconds. */
  readonly publishTimeoutMs: number
  /** Bytes. */
  readonly maxMessageSize: number
  readonly dispatch: 'auto' | 'afterCommit' | 'outbox' | 'now'
  readonly sendSentEvent: boolean
}

export interface EventConfig {
  readonly exchange: string
}

export interface OutboxConfig {
  readonly table: string
  /** Milliseconds. */
  readonly pollIntervalMs: number
}

type PoolName = 'async' | 'solo' | 'threads' | 'processes'

/** How many bodies a worker may run at once, by how much there is to do. */
export interface Autoscale {
  readonly max: number
  readonly min: number
}

export interface WorkerConfig {
  readonly pool: PoolName
  /** Undefined: what suits the pool. */
  readonly concurrency: number | undefined
  readonly autoscale: Autoscale | undefined
  readonly isolatedConcurrency: number | undefined
  readonly maxTasksPerChild: number | undefined
  /** Bytes. */
  readonly maxMemoryPerChild: number | undefined
  /** Milliseconds. */
  readonly procAliveTimeoutMs: number
  readonly prefetchMultiplier: number
  /** Milliseconds. */
  readonly shutdownTimeoutMs: number
  readonly sendTaskEvents: boolean
  readonly poolRestarts: boolean
  readonly enableRemoteControl: boolean
  readonly disableRateLimits: boolean
  /** Milliseconds. */
  readonly revokeExpiresMs: number
  readonly revokesMax: number
  /** Milliseconds; undefined: no warning. */
  readonly blockWarningMs: number | undefined
  /** Milliseconds. */
  readonly outageToleranceMs: number
  readonly logStyle: LogStyle
}

/** Every setting, complete and frozen. The docs of the fields are in the schema: `celeriac config` prints them. */
export interface Config {
  readonly timezone: string
  readonly enableUtc: true
  readonly imports: readonly string[]
  readonly include: readonly string[]
  readonly acceptContent: readonly string[]
  readonly redisBackendUseSsl: UseSsl
  /** Milliseconds; undefined: they never expire. */
  readonly deadLetterExpiresMs: number | undefined
  readonly broker: BrokerConfig
  readonly result: ResultConfig
  readonly task: TaskConfig
  readonly worker: WorkerConfig
  readonly outbox: OutboxConfig
  readonly event: EventConfig
}
