import type { OutboxTrouble } from './worker-stats.ts'

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
