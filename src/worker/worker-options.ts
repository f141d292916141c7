import type { Duration } from '../util/duration.ts'
import type { HealthAddress } from './health-server.ts'
import type { PoolOptions } from './pool-options.ts'

export interface WorkerOptions extends PoolOptions {
  /** Default: `task_default_queue` and `task_broadcast_queues`. */
  readonly queues?: readonly string[]
  /** Node name; `%h`, `%n`, `%d` are filled in. Default `celery@%h`. */
  readonly name?: string
  readonly prefetchMultiplier?: number
  /** How long a warm shutdown waits for running tasks. Default: `worker_shutdown_timeout`. */
  readonly shutdownTimeout?: Duration
  /** For tasks that have no limits of their own. */
  readonly timeLimit?: Duration
  readonly softTimeLimit?: Duration
  /** Stops by itself once its queues are empty and nothing runs. */
  readonly drain?: boolean
  /** Sends events of tasks for monitors to watch. Default: `worker_send_task_events`. Remote control may change it. */
  readonly taskEvents?: boolean
  /** From one event `worker-heartbeat` to the next. Default 2 s. */
  readonly heartbeatInterval?: Duration
  /** Sends neither heartbeats nor the events that say when the worker begins and ends. */
  readonly withoutHeartbeat?: boolean
  /** Does not ask the other workers what is revoked, at its start and when it was cut off. */
  readonly withoutMingle?: boolean
  /** Answers probes of a supervisor and scrapes of Prometheus over HTTP: a port (on all addresses) or host:port. Default: none. */
  readonly healthPort?: HealthAddress
  /** A file whose age tells whether the worker is ready. Default: none. */
  readonly healthFile?: string
}
