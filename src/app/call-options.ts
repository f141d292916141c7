import { InvalidArguments } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import { reservedHeaders } from '../protocol/task-message.ts'
import { parseDuration, type Duration } from '../util/duration.ts'
import { unknownKeys } from '../util/unknown-keys.ts'
import { wrongDurations, wrongFlags, wrongLimits } from './option-problems.ts'
import type { PublishRetryPolicy } from './publish-retry.ts'
import type { AnySignature, ErrorCallback } from './signature.ts'
import { type DispatchMode, dispatchModes } from './task-options.ts'
import { parseTime } from './zoned-time.ts'

/** Options of one call; what is unset comes from the task, then from the settings. */
export interface CallOptions {
  /** Not before this long from now. */
  readonly countdown?: Duration
  /** Not before this time; ISO 8601 text without an offset is in the app's `timezone`. */
  readonly eta?: Date | string
  /** Discarded as REVOKED if not started by then. */
  readonly expires?: Duration | Date
  readonly queue?: string
  /** 0..9, higher first. */
  readonly priority?: number
  /** Any text that is not empty; default: a new UUID. */
  readonly taskId?: string
  /** Headers of your own: in `request.headers`, kept on retries. */
  readonly headers?: Readonly<Record<string, unknown>>
  readonly timeLimit?: Duration
  readonly softTimeLimit?: Duration
  readonly ignoreResult?: boolean
  /** Python's keyword arguments. */
  readonly kwargs?: Readonly<Record<string, unknown>>
  readonly serializer?: string
  readonly compression?: string
  /** Name for logs and monitors. */
  readonly shadow?: string
  /** What logs and monitors show instead of the arguments. */
  readonly argsRepr?: string
  readonly kwargsRepr?: string
  /** Try again while the broker cannot be reached. Default true. */
  readonly retry?: boolean
  readonly retryPolicy?: PublishRetryPolicy
  readonly dispatch?: DispatchMode
  /** Sent with the result when the call succeeded. */
  readonly link?: AnySignature | readonly AnySignature[]
  /** Called when it failed. */
  readonly linkError?: ErrorCallback | readonly ErrorCallback[]
  /** Labels by name: `request.stamps` of the task, and of what follows from it. */
  readonly stamps?: Readonly<Record<string, unknown>>
}

const durations = ['countdown', 'timeLimit', 'softTimeLimit'] as const
const flags = ['ignoreResult', 'retry'] as const
const known: readonly string[] = [
  ...durations,
  ...([
    'eta',
    'expires',
    'queue',
    'priority',
    'taskId',
    'headers',
    'ignoreResult',
    'kwargs',
    'serializer',
    'compression',
  ] as const),
  ...(['shadow', 'argsRepr', 'kwargsRepr', 'retry', 'retryPolicy', 'dispatch', 'link', 'linkError', 'stamps'] as const),
]

const texts = ['shadow', 'argsRepr', 'kwargsRepr', 'serializer', 'compression'] as const

/** Of a call that has none: known to need no check. */
export const noOptions: CallOptions = Object.freeze({})

/** Throws InvalidArguments with everything that is wrong with the options of one call. */
export function checkCallOptions(taskName: string, options: CallOptions): void {
  const given = options as Readonly<Record<string, unknown>>
  const problems = [...unknownKeys(given, known, 'option of a call'), ...wrongDurations(given, durations)]
  checkTimes(options, problems)
  checkNames(options, problems)
  for (const key of texts) {
    if (given[key] !== undefined && typeof given[key] !== 'string')
      problems.push(`${key} must be text, got ${describeValue(given[key])}`)
  }
  checkDispatch(options, problems)
  problems.push(...wrongFlags(given, flags))
  if (problems.length > 0)
    throw new InvalidArguments(`${taskName} was called with wrong options:\n  ${problems.join('\n  ')}`)
}

function checkDispatch({ dispatch }: CallOptions, problems: string[]): void {
  if (dispatch !== undefined && !dispatchModes.includes(dispatch))
    problems.push(`dispatch must be one of ${dispatchModes.join(', ')}; got ${describeValue(dispatch)}`)
}

/** A message writes no time after the year 9999. */
const endOfTime = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

function checkTimes(options: CallOptions, problems: string[]): void {
  const { eta, expires, countdown, timeLimit, softTimeLimit } = options
  for (const key of ['countdown', 'expires'] as const) {
    const lifeMs = parseDuration(options[key])
    if (lifeMs !== undefined && Date.now() + lifeMs > endOfTime)
      problems.push(`${key} (${shown(options[key])}) must end before the year 10000`)
  }
  for (const key of ['eta', 'expires'] as const) {
    const time = options[key]
    if (time instanceof Date && time.getTime() > endOfTime) problems.push(`${key} must be before the year 10000`)
  }
  if (eta !== undefined && !isValidDate(typeof eta === 'string' ? parseTime(eta, 'UTC') : eta)) {
    problems.push(`eta must be a valid Date or an ISO 8601 time, got ${shown(eta)}`)
  }
  if (expires !== undefined && !isValidDate(expires) && parseDuration(expires) === undefined)
    problems.push(`expires must be a Date or a duration, got ${shown(expires)}`)
  if (eta !== undefined && countdown !== undefined)
    problems.push('eta and countdown say the same thing: give one of them')
  problems.push(...wrongLimits({ timeLimit, softTimeLimit }))
}

function checkNames({ taskId, queue, priority, kwargs, headers, stamps }: CallOptions, problems: string[]): void {
  if (taskId !== undefined && (typeof taskId !== 'string' || taskId === '' || taskId.length > 155))
    problems.push(`taskId must be text of 1 to 155 characters, got ${describeValue(taskId)}`)
  if (queue !== undefined && (typeof queue !== 'string' || queue === '' || queue.length > 200))
    problems.push(`queue must be a name of 1 to 200 characters, got ${describeValue(queue)}`)
  if (priority !== undefined && !(Number.isInteger(priority) && priority >= 0 && priority <= 9))
    problems.push(`priority must be 0..9, got ${describeValue(priority)}`)
  for (const [key, value] of Object.entries({ kwargs, headers, stamps })) {
    if (value !== undefined && !isPlainObject(value))
      problems.push(`${key} must be an object, got ${describeValue(value)}`)
  }
  for (const name of isPlainObject(headers) ? Object.keys(headers ?? {}) : []) {
    if (reservedHeaders.has(name)) problems.push(`headers.${name} is a header of Celery's own: choose another name`)
  }
}

/** Dates and texts as they were given. */
function shown(value: unknown): string {
  return value instanceof Date ? String(value) : describeValue(value)
}

function isValidDate(value: unknown): boolean {
  return value instanceof Date && !Number.isNaN(value.getTime())
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
