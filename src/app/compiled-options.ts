import { durationMs, type Duration } from '../util/duration.ts'
import { rateIntervalMs } from '../util/rate.ts'
import type { Config } from './config.ts'
import type { DispatchMode, ErrorMatcher, IsolateMode, TaskOptions } from './task-options.ts'

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
