/** What is measured, and how much of a rise is none. */
export interface Measure {
  readonly name: string
  readonly unit: '' | 'MB'
  /** A rise up to here, over the whole measured time, is noise. */
  readonly allowed: number
  /** The same as a share of the middle value; the greater of the two counts. */
  readonly allowedShare?: number
}

export interface Trend {
  readonly measure: Measure
  /** Medians of the first and the last quarter. */
  readonly first: number
  readonly last: number
  /** What the series rose by, as the median of all slopes between two samples says: outliers do not count. */
  readonly rise: number
  readonly allowed: number
  readonly isLevel: boolean
}

/** Judges evenly spaced samples. */
export function trendOf(measure: Measure, series: readonly number[]): Trend {
  const quarter = Math.max(1, Math.floor(series.length / 4))
  const slopes: number[] = []
  for (let i = 0; i < series.length; i++)
    for (let j = i + 1; j < series.length; j++) slopes.push(((series[j] ?? 0) - (series[i] ?? 0)) / (j - i))
  const rise = median(slopes) * Math.max(0, series.length - 1)
  const allowed = Math.max(measure.allowed, median(series) * (measure.allowedShare ?? 0))
  return {
    measure,
    first: median(series.slice(0, quarter)),
    last: median(series.slice(-quarter)),
    rise,
    allowed,
    isLevel: rise <= allowed,
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length % 2 === 1) return sorted[middle] ?? 0
  return sorted.length === 0 ? 0 : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
