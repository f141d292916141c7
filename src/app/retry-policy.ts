import type { RetryPolicy } from './compiled-options.ts'
import type { ErrorMatcher } from './task-options.ts'

/** Milliseconds until attempt `retries + 1`: the delay, or factor * 2^retries, capped, and a random part of that with jitter. */
export function retryDelayMs(policy: RetryPolicy, retries: number, random: () => number = Math.random): number {
  if (policy.backoffMs === undefined) return policy.delayMs
  const delayMs = Math.min(policy.backoffMaxMs, policy.backoffMs * 2 ** Math.min(retries, 60))
  return policy.jitter ? Math.floor(random() * delayMs) : delayMs
}

/** May the task be retried once more after `retries` earlier ones? */
export function hasRetriesLeft(maxRetries: number, retries: number): boolean {
  return retries < maxRetries
}

/** Does this error start a retry by itself (`autoretryFor`, less `dontAutoretryFor`)? */
export function isAutoRetried(policy: RetryPolicy, error: unknown): boolean {
  return (
    policy.autoretryFor.some((matcher) => matches(matcher, error)) &&
    !policy.dontAutoretryFor.some((matcher) => matches(matcher, error))
  )
}

/** An error class, or a predicate. A class is told by its prototype. */
function matches(matcher: ErrorMatcher, error: unknown): boolean {
  if (isErrorClass(matcher)) return error instanceof matcher
  return matcher(error)
}

type ErrorClass = abstract new (...args: never[]) => Error

function isErrorClass(matcher: ErrorMatcher): matcher is ErrorClass {
  return matcher === Error || (matcher as { prototype?: unknown }).prototype instanceof Error
}
