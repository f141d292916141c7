import { ImproperlyConfigured } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import { unknownKeys } from '../util/unknown-keys.ts'
import type { WorkerOptions } from './worker-options.ts'

const options = {
  queues: true,
  name: true,
  pool: true,
  concurrency: true,
  autoscale: true,
  prefetchMultiplier: true,
  maxTasksPerChild: true,
  maxMemoryPerChild: true,
  appModule: true,
  include: true,
  shutdownTimeout: true,
  timeLimit: true,
  softTimeLimit: true,
  drain: true,
  taskEvents: true,
  heartbeatInterval: true,
  withoutHeartbeat: true,
  withoutMingle: true,
  healthPort: true,
  healthFile: true,
} satisfies Record<keyof WorkerOptions, true>

/** Throws ImproperlyConfigured for options that a worker does not have, and queues that are no list of names. */
export function checkWorkerOptions(given: WorkerOptions): void {
  const problems = unknownKeys(given, Object.keys(options), 'option of a worker')
  const queues: unknown = given.queues
  if (queues !== undefined && !isListOfNames(queues))
    problems.push(`queues must be a list of names, got ${describeValue(queues)}`)
  if (problems.length > 0) throw new ImproperlyConfigured(`new Worker():\n  ${problems.join('\n  ')}`)
}

function isListOfNames(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string' && name !== '')
}
