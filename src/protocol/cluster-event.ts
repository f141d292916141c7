/** What all events have. */
export interface EventOf<T extends string> {
  readonly type: T
  /** Node name of the worker, or of the program that sent a task. */
  readonly hostname: string
  /** When it happened, by the sender's clock, in ms since the epoch. */
  readonly timestampMs: number
  /** When it was heard here, in ms since the epoch. */
  readonly receivedAtMs: number
  /** Logical time: by it events of one cluster can be put in order. */
  readonly clock: number
  readonly pid: number | undefined
  /** The event as it came, with Celery's names. */
  readonly wire: Readonly<Record<string, unknown>>
}

/** A worker begins, lives or ends. */
export interface WorkerEvent extends EventOf<'worker-online' | 'worker-heartbeat' | 'worker-offline'> {
  /** How often it sends heartbeats. Seconds. */
  readonly freq: number | undefined
  /** Tasks that run in it. */
  readonly active: number | undefined
  /** Tasks that ever began in it. */
  readonly processed: number | undefined
  readonly loadavg: readonly number[] | undefined
  /** Which software it is (`celeriac`, `py-celery`), its version, its operating system. */
  readonly swIdent: string | undefined
  readonly swVer: string | undefined
  readonly swSys: string | undefined
}

interface TaskEventOf<T extends string> extends EventOf<T> {
  readonly taskId: string
}

/** How a task is introduced. */
export interface Introduction {
  readonly name: string | undefined
  /** As Python shows them. */
  readonly args: string | undefined
  readonly kwargs: string | undefined
  readonly rootId: string | undefined
  readonly parentId: string | undefined
  readonly retries: number | undefined
  /** ISO 8601. */
  readonly eta: string | undefined
  /** ISO 8601. */
  readonly expires: string | undefined
}

interface Thrown {
  /** As Python shows it: `ValueError('boom')`. */
  readonly exception: string | undefined
  readonly traceback: string | undefined
}

export interface TaskSentEvent extends TaskEventOf<'task-sent'>, Introduction {
  readonly queue: string | undefined
  readonly exchange: string | undefined
  readonly routingKey: string | undefined
}

export interface TaskReceivedEvent extends TaskEventOf<'task-received'>, Introduction {}

export interface TaskSucceededEvent extends TaskEventOf<'task-succeeded'> {
  /** As Python shows it. */
  readonly result: string | undefined
  readonly runtimeMs: number | undefined
}

export interface TaskRejectedEvent extends TaskEventOf<'task-rejected'> {
  readonly requeue: boolean | undefined
}

export interface TaskRevokedEvent extends TaskEventOf<'task-revoked'> {
  readonly terminated: boolean | undefined
  readonly signum: number | string | undefined
  readonly expired: boolean | undefined
}

/** What happens to a task. */
export type TaskEvent =
  | TaskSentEvent
  | TaskReceivedEvent
  | TaskEventOf<'task-started'>
  | TaskSucceededEvent
  | (TaskEventOf<'task-failed'> & Thrown)
  | (TaskEventOf<'task-retried'> & Thrown)
  | TaskRejectedEvent
  | TaskRevokedEvent
  | TaskEventOf<'task-cancelled'>

/** Anything else: events of a program's own, and what Celery's workers gossip. */
export interface CustomEvent extends EventOf<'custom'> {
  /** Such as `order-paid`. */
  readonly customType: string
  /** Of events such as `task-progress`. */
  readonly taskId: string | undefined
}

/** What workers tell of themselves and of their tasks. */
export type ClusterEvent = WorkerEvent | TaskEvent | CustomEvent
export type EventType = ClusterEvent['type']
