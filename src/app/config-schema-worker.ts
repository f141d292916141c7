import type { WorkerConfig } from './config-type.ts'
import { setting, type Settings } from './setting.ts'
import { duration, flag, integer, limit, oneOf, optional } from './setting-kinds.ts'
import { autoscale, memory, pool } from './special-kinds.ts'

const day = 24 * 3_600_000

export const workerSettings: Settings<WorkerConfig> = {
  pool: setting(
    pool,
    'async',
    "Where tasks run: 'async' in the worker's event loop, 'solo' there and one at a time, 'threads', or 'processes' (Celery's prefork).",
  ),
  concurrency: setting(
    optional(integer(1)),
    undefined,
    'How many tasks a worker runs at once; unset: 10 with the pool async, the number of CPUs with threads and processes.',
  ),
  autoscale: setting(
    optional(autoscale),
    undefined,
    "How many tasks a worker runs at once at most and at least, by how much there is to do, such as '10,2'.",
  ),
  isolatedConcurrency: setting(
    optional(integer(1)),
    undefined,
    'How many tasks with the option isolate run at once, beside those of the pool; unset: the number of CPUs.',
  ),
  maxTasksPerChild: setting(
    optional(integer(1)),
    undefined,
    'A thread or process is replaced after so many tasks; unset: never.',
  ),
  maxMemoryPerChild: setting(
    optional(memory),
    undefined,
    'A thread or process is replaced after the task at whose end it took more: its heap, or the memory of the process.',
  ),
  procAliveTimeoutMs: setting(limit, 60_000, 'How long a thread or process may take to load the app (Celery: 4).'),
  prefetchMultiplier: setting(integer(0), 4, 'Messages a worker may hold for each slot; 0: no bound.'),
  shutdownTimeoutMs: setting(
    duration,
    25_000,
    'How long a warm shutdown waits for running tasks before it turns cold and gives them back; below the 30 s after which Kubernetes kills.',
  ),
  sendTaskEvents: setting(
    flag,
    false,
    'Send events of tasks for monitors to watch. Those of the worker itself, such as heartbeats, are always sent.',
  ),
  poolRestarts: setting(
    flag,
    false,
    'Obey pool_restart of remote control: threads and processes are replaced, and load the app anew.',
  ),
  enableRemoteControl: setting(flag, true, 'Answer and obey remote control; false: nothing but revokes.'),
  disableRateLimits: setting(flag, false, 'Pay no attention to rate limits.'),
  revokeExpiresMs: setting(limit, 7 * day, 'How long the revoke of a task is remembered.'),
  revokesMax: setting(integer(1), 50_000, 'How many revoked tasks a worker remembers.'),
  blockWarningMs: setting(optional(limit), 1000, 'Warn of a task that blocks the event loop for longer; null: never.'),
  outageToleranceMs: setting(
    duration,
    30_000,
    'A worker that could not take messages for longer reports that it is not ready.',
  ),
  logStyle: setting(
    oneOf('auto', 'pretty', 'json'),
    'auto',
    "How log lines look; 'auto': pretty in a terminal, else JSON.",
  ),
}
