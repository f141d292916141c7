import type { StandardSchemaV1 } from '@standard-schema/spec'
import { ImproperlyConfigured } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import { durationMs, parseDuration, type Duration } from '../util/duration.ts'
import { nearest } from '../util/nearest.ts'
import { rateIntervalMs } from '../util/rate.ts'
import type { Config } from './config.ts'
import { isModelHandle, type ModelHandle } from './model-handle.ts'
import { policyNames, policyProblems, type MissingPolicy, type ModelPolicy } from './model-policy.ts'
import { isParameter, type AnyParameter } from './task-parameters.ts'

/** An error class, or a function that says whether it means this error. */
export type ErrorMatcher = (abstract new (...args: never[]) => Error) | ((error: unknown) => boolean)

/**
 * What a call does when a transaction is open: `auto` and `afterCommit` send it after the commit, `outbox` writes it with
 * the transaction, `now` does not wait. Without a transaction it is sent at once.
 */
export type DispatchMode = 'auto' | 'afterCommit' | 'outbox' | 'now'

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
  /** Hard: the attempt is over, FAILURE TimeLimitExceeded. */
  readonly timeLimit?: Duration
  /** Soft: the task's signal aborts with SoftTimeLimitExceeded. */
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

export interface RetryPolicy {
  readonly maxRetries: number
  readonly delayMs: number
  readonly autoretryFor: readonly ErrorMatcher[]
  readonly dontAutoretryFor: readonly ErrorMatcher[]
  /** Undefined: no backoff. */
  readonly backoffMs: number | undefined
  readonly backoffMaxMs: number
  readonly jitter: boolean
}

/** Options and settings merged once, when a task first meets its app. */
export interface CompiledOptions {
  readonly retry: RetryPolicy
  readonly acksLate: boolean
  readonly ignoreResult: boolean
  readonly storeErrorsEvenIfIgnored: boolean
  readonly trackStarted: boolean
  readonly sendEvents: boolean
  readonly expiresMs: number | undefined
  readonly priority: number | undefined
  readonly queue: string | undefined
  readonly timeLimitMs: number | undefined
  readonly softTimeLimitMs: number | undefined
  /** From one start to the next; undefined: no rate limit. */
  readonly rateIntervalMs: number | undefined
  readonly serializer: string
  readonly compression: string | undefined
  readonly dispatch: DispatchMode
  readonly isolate: IsolateMode | undefined
}

const booleans = [
  'retryJitter',
  'acksLate',
  'ignoreResult',
  'storeErrorsEvenIfIgnored',
  'trackStarted',
  'sendEvents',
] as const
const durations = ['retryDelay', 'retryBackoffMax', 'expires', 'timeLimit', 'softTimeLimit'] as const
const others = [
  'maxRetries',
  'autoretryFor',
  'dontAutoretryFor',
  'retryBackoff',
  'priority',
  'queue',
  'rateLimit',
  'parameters',
  'secret',
  'input',
  'output',
  'throws',
  'serializer',
  'compression',
  'dispatch',
  'isolate',
  'models',
  'takes',
] as const
const known: readonly string[] = [...booleans, ...durations, ...others, ...policyNames]

/** Throws ImproperlyConfigured with every wrong option of the task, so that JavaScript users learn what the types say. */
export function checkTaskOptions(name: string, options: TaskOptions): void {
  const problems: string[] = []
  const given = options as Readonly<Record<string, unknown>>
  for (const key of Object.keys(given)) {
    if (known.includes(key)) continue
    const near = nearest(key, known)
    problems.push(`${key} is no task option${near ? `; did you mean ${near}?` : ''}`)
  }
  for (const key of booleans) {
    if (given[key] !== undefined && typeof given[key] !== 'boolean')
      problems.push(`${key} must be true or false, got ${describeValue(given[key])}`)
  }
  for (const key of durations) {
    if (given[key] !== undefined && parseDuration(given[key]) === undefined)
      problems.push(`${key} must be seconds or text like '30s', got ${describeValue(given[key])}`)
  }
  checkNumbers(options, problems)
  checkModels(given, problems)
  if (problems.length > 0) throw new ImproperlyConfigured(`task ${name}:\n  ${problems.join('\n  ')}`)
}

function checkNumbers(options: TaskOptions, problems: string[]): void {
  const { isolate, maxRetries, priority, rateLimit, retryBackoff, timeLimit, softTimeLimit } = options
  if (maxRetries !== undefined && !(maxRetries >= 0))
    problems.push(`maxRetries must be a count or Infinity, got ${String(maxRetries)}`)
  if (priority !== undefined && !(Number.isInteger(priority) && priority >= 0 && priority <= 9))
    problems.push(`priority must be 0..9, got ${String(priority)}`)
  if (retryBackoff !== undefined && typeof retryBackoff !== 'boolean' && parseDuration(retryBackoff) === undefined) {
    problems.push(`retryBackoff must be true or a duration, got ${String(retryBackoff)}`)
  }
  if (rateLimit !== undefined && rateIntervalMs(rateLimit) === null)
    problems.push(
      `rateLimit must be tasks a second or text like '10/s', '100/m', '1000/h', got ${describeValue(rateLimit)}`,
    )
  if (isolate !== undefined && !['thread', 'process'].includes(isolate))
    problems.push(`isolate must be 'thread' or 'process', got ${describeValue(isolate)}`)
  const hard = parseDuration(timeLimit)
  const soft = parseDuration(softTimeLimit)
  if (hard !== undefined && soft !== undefined && soft > hard)
    problems.push(`softTimeLimit (${softTimeLimit}) must not be longer than timeLimit (${timeLimit})`)
}

function checkModels(given: Readonly<Record<string, unknown>>, problems: string[]): void {
  problems.push(...policyProblems(given))
  const { takes, models, parameters } = given
  if (models !== undefined && !(Array.isArray(models) && models.every(isModelHandle)))
    problems.push(`models must be a list of model classes or labels, got ${describeValue(models)}`)
  if (takes === undefined) return
  if (!Array.isArray(takes) || !takes.every(isParameter)) {
    problems.push(`takes must be a list of model(), models(), lazy() and value(), got ${describeValue(takes)}`)
    return
  }
  if (models !== undefined) problems.push('models has no meaning beside takes, which declares each argument')
  if (Array.isArray(parameters) && parameters.length !== takes.length)
    problems.push(`parameters names ${parameters.length} arguments, takes declares ${takes.length}`)
}

/** The options of a task in an app: task before settings. */
export function compileTaskOptions(options: TaskOptions, config: Config): CompiledOptions {
  const { retryBackoff } = options
  const settings = config.task
  return Object.freeze({
    retry: {
      maxRetries: options.maxRetries ?? 3,
      delayMs: ms(options.retryDelay) ?? 180_000,
      autoretryFor: options.autoretryFor ?? [],
      dontAutoretryFor: options.dontAutoretryFor ?? [],
      backoffMs:
        retryBackoff === undefined || retryBackoff === false
          ? undefined
          : retryBackoff === true
            ? 1000
            : ms(retryBackoff),
      backoffMaxMs: ms(options.retryBackoffMax) ?? 600_000,
      jitter: options.retryJitter ?? true,
    },
    acksLate: options.acksLate ?? settings.acksLate,
    ignoreResult: options.ignoreResult ?? settings.ignoreResult,
    storeErrorsEvenIfIgnored: options.storeErrorsEvenIfIgnored ?? settings.storeErrorsEvenIfIgnored,
    trackStarted: options.trackStarted ?? settings.trackStarted,
    sendEvents: options.sendEvents ?? true,
    expiresMs: ms(options.expires),
    priority: options.priority ?? settings.defaultPriority,
    queue: options.queue,
    timeLimitMs: ms(options.timeLimit) ?? settings.timeLimitMs,
    softTimeLimitMs: ms(options.softTimeLimit) ?? settings.softTimeLimitMs,
    rateIntervalMs: config.worker.disableRateLimits
      ? undefined
      : (rateIntervalMs(options.rateLimit ?? settings.defaultRateLimit ?? 0) ?? undefined),
    serializer: options.serializer ?? settings.serializer,
    compression: options.compression ?? settings.compression,
    dispatch: options.dispatch ?? settings.dispatch,
    isolate: options.isolate,
  })
}

function ms(duration: Duration | undefined): number | undefined {
  return duration === undefined ? undefined : durationMs(duration, 'a duration')
}
