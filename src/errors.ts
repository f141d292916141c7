/** The root of everything celeriac throws on purpose. `code` is stable across releases; `message` is for people. */
export abstract class CeleriacError extends Error {
  abstract readonly code: string

  constructor(message: string, options?: ErrorOptions) {
    super(message, options?.cause === undefined ? undefined : options)
    this.name = new.target.name
  }
}

/** Thrown when settings, options or a task definition are wrong; the message lists every problem found. */
export class ImproperlyConfigured extends CeleriacError {
  readonly code = 'IMPROPERLY_CONFIGURED'
}

/** Thrown when a broker or a result backend cannot do what was asked: unreachable, locked, read-only, full, foreign. */
export class OperationalError extends CeleriacError {
  readonly code = 'OPERATIONAL'
}

/** Thrown when a server of a broker or a result backend cannot be reached: it may be there later. */
export class Unreachable extends OperationalError {}

/** Thrown when the connection to such a server was lost, or there is none at the moment. */
export class ConnectionLost extends OperationalError {}

/** Thrown when arguments or a result cannot be written: a function, a cycle, an unknown class instance, too large. */
export class EncodeError extends CeleriacError {
  readonly code = 'ENCODE'
}

/** Thrown when bytes that came in are not what they claim to be. */
export class DecodeError extends CeleriacError {
  readonly code = 'DECODE'
}

/** Thrown when a message's content type is not in `accept_content`. */
export class ContentDisallowed extends DecodeError {}

/** Thrown when a task name is not in the registry. */
export class NotRegistered extends CeleriacError {
  readonly code = 'NOT_REGISTERED'
}

/** Thrown when two tasks claim one name; the message names both places. */
export class AlreadyRegistered extends CeleriacError {
  readonly code = 'ALREADY_REGISTERED'
}

/** Thrown when a call's arguments do not fit the task: validators, `parameters`, an instance of an unknown model. */
export class InvalidArguments extends CeleriacError {
  readonly code = 'INVALID_ARGUMENTS'
}

/** Thrown by `AsyncResult.get` when the result is not there in time. */
export class TimeoutError extends CeleriacError {
  readonly code = 'TIMEOUT'
}

/** Thrown by `AsyncResult.get` for a task that failed: what it threw, described, never revived. */
export class TaskError extends CeleriacError {
  readonly code = 'TASK_FAILED'
  readonly taskId: string
  /** The class name of what the task threw, such as `'KeyError'`. */
  readonly type: string
  /** The module of that class as the worker told it, such as `'builtins'`. */
  readonly module: string | undefined
  /** The arguments of the exception; the first is usually its message. */
  readonly details: readonly unknown[]
  /** The stack or Python traceback as text. */
  readonly traceback: string | undefined

  constructor(options: {
    readonly taskId: string
    readonly type: string
    readonly message: string
    readonly module?: string | undefined
    readonly details?: readonly unknown[]
    readonly traceback?: string | undefined
  }) {
    super(`${options.type}: ${options.message}`)
    this.taskId = options.taskId
    this.type = options.type
    this.module = options.module
    this.details = options.details ?? []
    this.traceback = options.traceback
  }
}

/** Thrown by `AsyncResult.get` for a revoked or expired task, and the reason of `signal` inside one that runs. */
export class TaskRevoked extends CeleriacError {
  readonly code = 'TASK_REVOKED'
}

/** Thrown by `currentTask().retry()`: leaves the body and asks for another attempt. Rethrow it if you catch it. */
export class Retry extends CeleriacError {
  readonly code = 'RETRY'
  /** When the next attempt is due. */
  readonly when: Date

  constructor(when: Date, cause?: unknown) {
    super(`Retry at ${when.toISOString()}`, { cause })
    this.when = when
  }
}

/** Thrown when a task was retried `maxRetries` times and failed again without an error of its own to report. */
export class MaxRetriesExceeded extends CeleriacError {
  readonly code = 'MAX_RETRIES_EXCEEDED'
}

/** Throw it in a body to end the task without storing a result. */
export class Ignore extends CeleriacError {
  readonly code = 'IGNORE'

  constructor(message = 'ignored') {
    super(message)
  }
}

/** Throw it in a body to refuse the message: to the dead letters, or back to the queue with `requeue`. */
export class Reject extends CeleriacError {
  readonly code = 'REJECT'
  readonly requeue: boolean

  constructor(reason: string, options: { readonly requeue?: boolean } = {}) {
    super(reason)
    this.requeue = options.requeue ?? false
  }
}

/** The reason of `signal` when the soft time limit passed; thrown by the pending helpers of `currentTask()`. */
export class SoftTimeLimitExceeded extends CeleriacError {
  readonly code = 'SOFT_TIME_LIMIT_EXCEEDED'
}

/** The failure of a task whose hard time limit passed. */
export class TimeLimitExceeded extends CeleriacError {
  readonly code = 'TIME_LIMIT_EXCEEDED'
}

/** The failure of a task whose worker died under it more often than `maxDeliveries` allows. */
export class WorkerLost extends CeleriacError {
  readonly code = 'WORKER_LOST'
}

/** The reason of `signal` when the worker stops before the task is done; the message goes back to its queue. */
export class WorkerShutdown extends CeleriacError {
  readonly code = 'WORKER_SHUTDOWN'
}

/** The reason of `signal` when the broker lent the message to somebody else; nothing this attempt does is accepted. */
export class LoanLost extends CeleriacError {
  readonly code = 'LOAN_LOST'
}

/** Thrown when a row that a task was given does not exist. */
export class RowMissing extends CeleriacError {
  readonly code = 'ROW_MISSING'
}

/** Thrown when a row is missing or older than it was at the call, but may still appear; worth another attempt. */
export class RowNotYetVisible extends CeleriacError {
  readonly code = 'ROW_NOT_YET_VISIBLE'
}

/** Thrown when a row was changed since the call, and the task asks for `changed: 'error'`. */
export class RowChanged extends CeleriacError {
  readonly code = 'ROW_CHANGED'
}

/** Thrown when a row is of another class of its hierarchy than the task declared: a Dog that became a Cat. */
export class ModelTypeChanged extends CeleriacError {
  readonly code = 'MODEL_TYPE_CHANGED'
}

/** Thrown when the database of a model cannot be reached; says nothing about the row. */
export class DatabaseUnavailable extends CeleriacError {
  readonly code = 'DATABASE_UNAVAILABLE'
}

/** Thrown when a model label is not registered, or the task did not declare that it takes that model. */
export class UnknownModel extends CeleriacError {
  readonly code = 'UNKNOWN_MODEL'
}

/**
 * Thrown at the call for an instance of a registered model that has no primary key yet, or was loaded without it, or that
 * may be of either of two databases.
 */
export class UnidentifiableInstance extends CeleriacError {
  readonly code = 'UNIDENTIFIABLE_INSTANCE'
}

/** The failure of a large workflow whose later part is not in the result backend any more: flushed, or expired. */
export class WorkflowLost extends CeleriacError {
  readonly code = 'WORKFLOW_LOST'
}
