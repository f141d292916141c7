import os from 'node:os'
import type { Config } from '../app/config.ts'
import type { Kind } from '../app/setting-kind.ts'
import { memory, pool as poolKind } from '../app/special-kinds.ts'
import { ImproperlyConfigured } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import type { PoolKind } from '../pools/open-pool.ts'

/** Where and how many bodies run. */
export interface PoolOptions {
  /** `prefork` is `processes`. Default: `worker_pool` (`async`). */
  readonly pool?: PoolKind | 'prefork'
  /** How many bodies run at once. Default: `worker_concurrency`: 10 in `async`, the number of CPUs in threads and processes. */
  readonly concurrency?: number
  /** Instead of a fixed `concurrency`: by how much there is to do. Default: `worker_autoscale`. */
  readonly autoscale?: { readonly max: number; readonly min: number }
  /** Replaces a thread or process after so many tasks. Default: `worker_max_tasks_per_child`. */
  readonly maxTasksPerChild?: number
  /** Replaces one that takes more at the end of a task: KiB, or text such as `'200MB'`. Default: `worker_max_memory_per_child`. */
  readonly maxMemoryPerChild?: number | string
  /**
   * The module that makes the app, which threads and processes import: its path or `import.meta.url`. Default: the
   * module in which `new Celeriac()` was called.
   */
  readonly appModule?: string | URL
  /** More modules that threads and processes import. Default: those in which the worker's tasks were defined. */
  readonly include?: readonly string[]
}

/** Options and settings, complete. */
export interface ResolvedPoolOptions {
  readonly kind: PoolKind
  /** At the start. */
  readonly size: number
  readonly autoscale: { readonly max: number; readonly min: number } | undefined
  readonly isolatedSize: number
  readonly maxTasksPerChild: number | undefined
  /** Bytes. */
  readonly maxMemoryPerChild: number | undefined
  readonly startTimeoutMs: number
}

/** Each takes the memory of a program: who asks for more has mistyped, and would take the machine down. */
const mostSlots = 1000

/** How many slots a pool may have. */
export function mostSlotsOf(kind: PoolKind): number {
  return kind === 'threads' || kind === 'processes' ? mostSlots : Infinity
}

/** Throws ImproperlyConfigured or RangeError for what cannot be. */
export function resolvePoolOptions(options: PoolOptions, { worker }: Config): ResolvedPoolOptions {
  const kind = options.pool === undefined ? worker.pool : check(poolKind, 'pool', options.pool)
  const autoscale = options.autoscale ?? (options.concurrency === undefined ? worker.autoscale : undefined)
  const concurrency = options.concurrency ?? worker.concurrency ?? defaultSize(kind)
  const cpus = os.availableParallelism()
  const size = kind === 'solo' ? 1 : (autoscale?.min ?? concurrency)
  const most = mostSlotsOf(kind)
  checkCount('concurrency', size, most)
  if (autoscale) {
    if (typeof autoscale !== 'object')
      throw new ImproperlyConfigured(`autoscale must be { max, min }, got ${describeValue(autoscale)}`)
    checkCount('autoscale.max', autoscale.max, most)
    if (autoscale.max < autoscale.min)
      throw new RangeError(`autoscale.max (${autoscale.max}) must not be below autoscale.min (${autoscale.min})`)
  }
  checkCount('worker_isolated_concurrency', worker.isolatedConcurrency ?? cpus, mostSlots)
  const maxTasksPerChild = options.maxTasksPerChild ?? worker.maxTasksPerChild
  if (maxTasksPerChild !== undefined) checkCount('maxTasksPerChild', maxTasksPerChild)
  return {
    kind,
    size,
    autoscale: kind === 'solo' ? undefined : autoscale,
    isolatedSize: worker.isolatedConcurrency ?? cpus,
    maxTasksPerChild,
    maxMemoryPerChild:
      options.maxMemoryPerChild === undefined
        ? worker.maxMemoryPerChild
        : check(memory, 'maxMemoryPerChild', options.maxMemoryPerChild),
    startTimeoutMs: worker.procAliveTimeoutMs,
  }
}

function defaultSize(kind: PoolKind): number {
  return kind === 'async' ? 10 : os.availableParallelism()
}

function check<T>(kind: Kind<T>, name: string, value: unknown): T {
  const result = kind.schema().safeParse(value)
  if (!result.success) throw new ImproperlyConfigured(`${name} must be ${kind.expects}; got ${JSON.stringify(value)}`)
  return result.data
}

function checkCount(name: string, count: number, most = Infinity): void {
  if (!Number.isInteger(count) || count < 1)
    throw new RangeError(`${name} must be a whole number from 1, got ${describeValue(count)}`)
  if (count > most)
    throw new ImproperlyConfigured(`${name} is ${count}: a pool of threads or processes has ${most} slots at most`)
}
