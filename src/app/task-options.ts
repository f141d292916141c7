import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Duration } from '../util/duration.ts'
import type { ModelHandle } from './model-handle.ts'
import type { MissingPolicy, ModelPolicy } from './model-policy.ts'
import type { AnyParameter } from './task-parameters.ts'

/** An error class, or a function that says whether it means this error. */
export type ErrorMatcher = (abstract new (...args: never[]) => Error) | ((error: unknown) => boolean)

/**
 * What a call does when a transaction is open: `auto` and `afterCommit` send it after the commit, `outbox` writes it with
 * the transaction, `now` does not wait. Without a transaction it is sent at once.
 */
export const dispatchModes = ['auto', 'afterCommit', 'outbox', 'now'] as const
export type DispatchMode = (typeof dispatchModes)[number]

/** Where a task runs: in a slot that is a thread, or a process. */
export type IsolateMode = 'thread' | 'process'

/** What `app.task(name, options, body)` takes; everything unset comes from the settings. */
export interface TaskOptions extends ModelPolicy {
  /** Default 3. `Infinity`: for ever. */
  readonly maxRetries?: number
  /** Wait before a retry without `retryBackoff`. Default 180 s. */
  readonly retryDelay?: Duration
  /** Errors that start a retry by themselves. */
  readonly autoretryFor?: readonly ErrorMatcher[]
  readonly dontAutoretryFor?: readonly ErrorMatcher[]
  /** Waits factor * 2^retries instead; `true` is a factor of 1 s. */
  readonly retryBackoff?: boolean | Duration
  /** Default 600 s. */
  readonly retryBackoffMax?: Duration
  /** Takes a random part of the backoff, so that failures do not come back all at once. Default true. */
  readonly retryJitter?: boolean
  /** Acknowledge after the body (default) or just before it (`false`: at most once). */
  readonly acksLate?: boolean
  readonly ignoreResult?: boolean
  /** Stores failures even if results are ignored. */
  readonly storeErrorsEvenIfIgnored?: boolean
  /** Stores STARTED, with pid and host name, when the body begins. */
  readonly trackStarted?: boolean
  /** Where the worker sends events, it does of this task. Default true. */
  readonly sendEvents?: boolean
  /** Calls not started by then are discarded as REVOKED. */
  readonly expires?: Duration
  /** 0..9, higher first. */
  readonly priority?: number
  readonly queue?: string
  /** Starts of this task in one worker: `'10/s'`, `'100/m'`, `'1000/h'`, or tasks a second; 0: no limit. */
  readonly rateLimit?: string | number
  /** Hard: the attempt is over, FAILURE TimeLimitExceeded. 0: no limit. */
  readonly timeLimit?: Duration
  /** Soft: the task's signal aborts with SoftTimeLimitExceeded. 0: no limit. */
  readonly softTimeLimit?: Duration
  /** Names of the arguments in order, so that Python's keyword arguments find their place. */
  readonly parameters?: readonly string[]
  /**
   * Arguments that are shown nowhere: by name (of `parameters` or keyword arguments) or position, or all of them. They
   * are masked in logs, errors, representations and extended results; the message itself holds them.
   */
  readonly secret?: true | readonly (string | number)[]
  /** Validates the list of arguments, at the call and again in the worker, where its output is what the body gets. */
  readonly input?: StandardSchemaV1
  /** Validates what the body returned; its output is the result. */
  readonly output?: StandardSchemaV1
  /** Errors that are part of the business: stored as FAILURE, logged without stack. */
  readonly throws?: readonly ErrorMatcher[]
  readonly serializer?: string
  readonly compression?: string
  readonly dispatch?: DispatchMode
  /**
   * Run it in a thread or process of its own, whatever the pool of the worker: for tasks that compute. Default: in the
   * worker's pool.
   */
  readonly isolate?: IsolateMode
  /** The only models that the arguments may hold: classes, tables or labels. Default: any that an ORM in use knows. */
  readonly models?: readonly ModelHandle[]
}

/** `TaskOptions` with declared parameters. */
export interface DeclaredTaskOptions<P extends readonly AnyParameter[], Missing extends MissingPolicy> extends Omit<
  TaskOptions,
  'missing' | 'models'
> {
  /** The parameters of the body: `model`, `models`, `lazy` and `value`. */
  readonly takes: P
  readonly missing?: Missing
}
