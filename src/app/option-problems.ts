import { describeValue } from '../protocol/describe-value.ts'
import { parseDuration } from '../util/duration.ts'
import { nearest } from '../util/nearest.ts'

type Given = Readonly<Record<string, unknown>>

/** What is wrong with each key that is not known. `what`: what it is not; `otherwise`: what to say where no name is near. */
export function unknownKeys(given: object, known: readonly string[], what: string, otherwise = ''): string[] {
  const unknown = Object.keys(given).filter((key) => !known.includes(key))
  return unknown.map((key) => {
    const near = nearest(key, known)
    return `${key} is no ${what}${near ? `; did you mean ${near}?` : otherwise}`
  })
}

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
