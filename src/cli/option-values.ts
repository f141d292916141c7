import type { Autoscale } from '../app/config-type.ts'
import { parseTime } from '../app/zoned-time.ts'
import { InvalidArgumentError } from 'commander'
import { parseDuration, type Duration } from '../util/duration.ts'
import { logLevels, type LogLevel } from '../util/logger.ts'

/** `30`, `'30s'`, `'10m'`. */
export function duration(text: string): Duration {
  const value = /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : text.trim()
  if (parseDuration(value) === undefined) {
    throw new InvalidArgumentError("Expected seconds, or text such as '500ms', '30s', '10m', '2h'.")
  }
  return value as Duration
}

export function wholeNumber(minimum: number, maximum: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() !== '' && Number.isInteger(value) && value >= minimum && value <= maximum) return value
    const range = maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`
    throw new InvalidArgumentError(`Expected a whole number ${range}.`)
  }
}

const poolNames = ['async', 'solo', 'threads', 'processes', 'prefork'] as const
export type PoolName = (typeof poolNames)[number]

/** `prefork` is Celery's name of `processes`. */
export function poolName(text: string): PoolName {
  const name = poolNames.find((one) => one === text)
  if (name === undefined) throw new InvalidArgumentError('Expected async, solo, threads or processes (or prefork).')
  return name
}

/** `10,2`. */
export function autoscale(text: string): Autoscale {
  const [max = 0, min = 0] = text.split(',').map(Number)
  if (/^\s*\d+\s*,\s*\d+\s*$/.test(text) && min >= 1 && max >= min) return { max, min }
  throw new InvalidArgumentError("Expected the most and the least from 1, such as '10,2'.")
}

/** KiB as in Celery, or text with a unit. */
export function memorySize(text: string): number | string {
  if (/^\s*\d+\s*$/.test(text)) return Number(text)
  if (/^\s*\d+(\.\d+)?\s*[kmg]?b\s*$/i.test(text)) return text
  throw new InvalidArgumentError("Expected KiB, or text such as '200MB'.")
}

/** `a,b`; may be given several times. */
export function list(text: string, before: readonly string[] | undefined): readonly string[] {
  const items = text.split(',').map((item) => item.trim())
  if (items.includes('')) throw new InvalidArgumentError('Expected names with commas between them, such as a,b.')
  return [...new Set([...(before ?? []), ...items])]
}

/** Left as text: the app knows its time zone. */
export function time(text: string): string {
  if (parseTime(text, 'UTC')) return text
  throw new InvalidArgumentError("Expected an ISO 8601 date and time such as '2030-01-31T08:00:00Z'.")
}

export function jsonList(text: string): readonly unknown[] {
  const value = json(text)
  if (!Array.isArray(value)) throw new InvalidArgumentError(`Expected a JSON list such as '[2, 3]', got ${text}.`)
  return value
}

export function jsonObject(text: string): Readonly<Record<string, unknown>> {
  const value = json(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidArgumentError(`Expected a JSON object such as '{"x": 2}', got ${text}.`)
  }
  return value as Record<string, unknown>
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new InvalidArgumentError(`This is not JSON: ${(error as Error).message}.`)
  }
}

/** Celery's names too: `INFO`, `WARNING`, `CRITICAL`. */
export function logLevel(text: string): LogLevel {
  const name = text.toLowerCase()
  const aliases: Readonly<Record<string, LogLevel>> = { warning: 'warn', critical: 'error', fatal: 'error' }
  const level = aliases[name] ?? logLevels.find((one) => one === name)
  if (level === undefined) throw new InvalidArgumentError('Expected debug, info, warning or error.')
  return level
}
