import { reprValue } from '../protocol/python-repr.ts'
import { rateIntervalMs } from '../util/rate.ts'
import { CommandError } from './command-error.ts'

interface Rate {
  /** As in Celery, `'0/s'` is a rate, by which nothing is limited either. */
  readonly isNone: boolean
  /** From one start to the next; undefined: no limit. */
  readonly intervalMs: number | undefined
}

/** A rate limit as remote control gives it: text, a number a second, or null or 0 for none. Problems as Celery words them. */
export function parseRate(rate: unknown): Rate | { readonly problem: string } {
  if (rate === null || rate === undefined || rate === 0 || rate === '' || rate === false)
    return { isNone: true, intervalMs: undefined }
  if (typeof rate !== 'string' && typeof rate !== 'number')
    throw new CommandError('TypeError', `rate_limit must be a text or a number, got ${reprValue(rate)}`)
  const [count = '', unit] = String(rate).split('/')
  if (unit !== undefined && !['', 's', 'm', 'h'].includes(unit)) throw new CommandError('KeyError', unit)
  const intervalMs = rateIntervalMs(unit === '' ? count : rate)
  if (intervalMs !== null) return { isNone: false, intervalMs }
  const problem = `could not convert string to float: ${reprValue(count)}`
  return { problem: `Invalid rate limit string: ValueError(${reprValue(problem)})` }
}
