/** Seconds as a number, as in Celery, or text with a unit: `'500ms'`, `'30s'`, `'10m'`, `'2h'`, `'1d'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** The milliseconds of a duration, or `undefined` if it is none: not finite, negative, or an unknown unit. */
export function parseDuration(duration: unknown): number | undefined {
  if (typeof duration === 'number') return Number.isFinite(duration) && duration >= 0 ? duration * 1000 : undefined
  if (typeof duration !== 'string') return undefined
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(duration.trim())
  if (!match) return undefined
  return Number(match[1]) * unitMs[match[2] as keyof typeof unitMs]
}

/** The milliseconds of a duration. Throws a RangeError that names `what` if it is none. */
export function durationMs(duration: Duration, what: string): number {
  const ms = parseDuration(duration)
  if (ms === undefined) {
    throw new RangeError(`${what} must be seconds or text like '500ms', '30s', '10m', '2h'; got ${String(duration)}`)
  }
  return ms
}
