const unitMs = { s: 1000, m: 60_000, h: 3_600_000 } as const

/** Count and unit of a rate as text. */
export const ratePattern: RegExp = /^(\d+(?:\.\d+)?)(?:\/([smh]))?$/

/**
 * The milliseconds from one start to the next at a rate such as `'10/s'`, `'100/m'`, `'1000/h'` or tasks a second.
 * Undefined: no limit, which is also what 0 means in Celery; `null` if it is no rate.
 */
export function rateIntervalMs(rate: unknown): number | undefined | null {
  if (typeof rate === 'number') return Number.isFinite(rate) && rate >= 0 ? intervalOf(rate, unitMs.s) : null
  const match = ratePattern.exec(`${rate as string}`.trim())
  if (!match) return null
  return intervalOf(Number(match[1]), unitMs[(match[2] ?? 's') as keyof typeof unitMs])
}

function intervalOf(count: number, ms: number): number | undefined {
  return count === 0 ? undefined : ms / count
}
