import { describeValue } from '../protocol/describe-value.ts'
import { parseDuration } from '../util/duration.ts'

type Given = Readonly<Record<string, unknown>>

/** What is wrong with those that are given and no booleans. */
export function wrongFlags(given: Given, keys: readonly string[]): string[] {
  const wrong = keys.filter((key) => given[key] !== undefined && typeof given[key] !== 'boolean')
  return wrong.map((key) => `${key} must be true or false, got ${describeValue(given[key])}`)
}

/** What is wrong with those that are given and no durations. */
export function wrongDurations(given: Given, keys: readonly string[]): string[] {
  const wrong = keys.filter((key) => given[key] !== undefined && parseDuration(given[key]) === undefined)
  return wrong.map((key) => `${key} must be seconds or text like '30s', got ${describeValue(given[key])}`)
}

/** What is wrong with a soft limit beside a hard one, of which 0 is none. */
export function wrongLimits({ timeLimit, softTimeLimit }: Given): string[] {
  const hard = parseDuration(timeLimit)
  const soft = parseDuration(softTimeLimit)
  if (hard === undefined || hard <= 0 || soft === undefined || soft <= hard) return []
  return [`softTimeLimit (${String(softTimeLimit)}) must not be longer than timeLimit (${String(timeLimit)})`]
}
