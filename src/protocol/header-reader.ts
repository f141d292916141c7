import { DecodeError } from '../errors.ts'
import { describeValue, isRecord } from './describe-value.ts'
import { parseIsoDate } from './iso-date.ts'

type Fields = Readonly<Record<string, unknown>>

const maxNameLength = 1000

function malformed(name: string, expected: string, got: unknown): DecodeError {
  return new DecodeError(`The header ${name} must be ${expected}, got ${describeValue(got)}`)
}

/** A text that must be there and may be 1000 characters long. */
export function readName(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value === 'string' && value.length > 0 && value.length <= maxNameLength) return value
  throw malformed(name, `a text of 1 to ${maxNameLength} characters`, value)
}

export function readText(fields: Fields, name: string): string | undefined {
  const value = fields[name]
  if (value === null || value === undefined) return undefined
  if (typeof value !== 'string') throw malformed(name, 'a text or null', value)
  return value
}

export function readCount(fields: Fields, name: string): number | undefined {
  const value = fields[name]
  if (value === null || value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw malformed(name, 'a whole number, 0 or more', value)
  }
  return value
}

export function readFlag(fields: Fields, name: string): boolean | undefined {
  const value = fields[name]
  if (value === null || value === undefined) return undefined
  if (typeof value !== 'boolean') throw malformed(name, 'true, false or null', value)
  return value
}

export function readDate(fields: Fields, name: string, naive: 'utc' | 'local'): Date | undefined {
  const value = fields[name]
  if (value === null || value === undefined) return undefined
  const date = typeof value === 'string' ? parseIsoDate(value, naive) : undefined
  if (date === undefined) throw malformed(name, 'an ISO 8601 date and time or null', value)
  return date
}

export interface TimeLimits {
  readonly hard: number | undefined
  readonly soft: number | undefined
}

const noLimits: TimeLimits = { hard: undefined, soft: undefined }

/** `[hard, soft]` in seconds; 0 means none, as in Celery. */
export function readTimeLimits(fields: Fields): TimeLimits {
  const value = fields['timelimit']
  if (value === null || value === undefined) return noLimits
  if (!Array.isArray(value) || (value.length !== 0 && value.length !== 2)) {
    throw malformed('timelimit', 'a list [hard, soft], an empty list or null', value)
  }
  const [hard, soft] = value as unknown[]
  if (hard === null && soft === null) return noLimits
  return { hard: readSeconds(hard), soft: readSeconds(soft) }
}

function readSeconds(value: unknown): number | undefined {
  if (value === null || value === undefined || value === 0) return undefined
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw malformed('timelimit', 'a list of two numbers of seconds or nulls', value)
  }
  return value
}

export function readTexts(fields: Fields, name: string): readonly string[] | undefined {
  const value = fields[name]
  if (value === null || value === undefined) return undefined
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value as string[]
  throw malformed(name, 'a list of texts or null', value)
}

const nothing: Fields = Object.freeze({})

export function readRecord(fields: Fields, name: string): Fields {
  const value = fields[name]
  if (value === null || value === undefined) return nothing
  if (!isRecord(value)) throw malformed(name, 'an object or null', value)
  return value
}
