import { isRecord } from './describe-value.ts'
import { asRecord, asText } from './reply-values.ts'

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

/** An outbox that a worker cannot send from: how often in a row it tried, and the last error. */
export interface OutboxTrouble {
  readonly orm: string
  readonly attempts: number
  readonly error: string
}

/** Names of members become camelCase; those of tasks and of resource usage stay as they are. */
export function decodeStats(value: unknown): WorkerStats {
  const stats = asRecord(value)
  const prefetchCount = stats['prefetch_count']
  const { autoscaler, rusage, pid } = stats
  return {
    total: asRecord(stats['total']) as Record<string, number>,
    pid: typeof pid === 'number' ? pid : undefined,
    clock: Number(stats['clock'] ?? 0),
    uptime: Number(stats['uptime'] ?? 0),
    pool: camelKeys(asRecord(stats['pool'])),
    broker: camelKeys(asRecord(stats['broker'])),
    prefetchCount: typeof prefetchCount === 'number' ? prefetchCount : undefined,
    autoscaler: isRecord(autoscaler) ? (autoscaler as unknown as WorkerStats['autoscaler']) : undefined,
    // 'N/A' on Windows
    rusage: isRecord(rusage) ? (rusage as Record<string, number>) : undefined,
  }
}

/** Of the stats of any worker. */
export function decodeOutboxTroubles(stats: unknown): OutboxTrouble[] {
  const told = asRecord(stats)['outbox_troubles']
  return (Array.isArray(told) ? told : []).map(asRecord).map(({ orm, attempts, error }) => ({
    orm: asText(orm),
    attempts: Number(attempts),
    error: asText(error),
  }))
}

function camelKeys(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => [
      key.replaceAll(/[-_]([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  )
}
