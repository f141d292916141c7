import { median } from './statistics.ts'
import type { JudgedRow, Run } from './suite.ts'

/** What a measurement gave; a figure that a contestant does not have is left out. */
export type Figures<Figure extends string> = Readonly<Partial<Record<Figure, number>>>

/** One of the things that are measured side by side. */
export interface Contestant<Figure extends string> {
  readonly peer: string
  readonly role: 'ours' | 'limit' | 'peer'
  /** Measures once, on a fresh store. */
  measure(): Promise<Figures<Figure>>
}

export interface FigureOptions {
  readonly unit: string
  /** Least ratio to a peer, by its name. */
  readonly ratios?: Readonly<Record<string, number>>
  /** Greatest ratio to a peer, for times and CPU. */
  readonly ratiosAtMost?: Readonly<Record<string, number>>
  readonly atLeast?: number
  readonly lessThan?: number
}

/**
 * Measures every contestant once a round, in rotated order, so that the figures of a round are neighbours in time: ratios
 * are taken within a round and hold on a machine whose speed drifts.
 */
export async function compare<Figure extends string>(
  run: Run,
  figures: Readonly<Record<Figure, FigureOptions>>,
  contestants: readonly Contestant<Figure>[],
): Promise<JudgedRow[]> {
  const rounds: Map<string, Figures<Figure>>[] = []
  for (let round = 0; round < run.rounds; round++) {
    const measured = new Map<string, Figures<Figure>>()
    for (const contestant of rotated(contestants, round)) {
      const values = await contestant.measure()
      measured.set(contestant.peer, values)
      for (const figure of names(figures)) {
        const value = values[figure]
        if (value === undefined) continue
        const { unit } = figures[figure]
        run.progress(`${round + 1}/${run.rounds} ${figure}, ${contestant.peer}: ${shortNumber(value)} ${unit}`)
      }
    }
    rounds.push(measured)
  }
  return names(figures).flatMap((figure) => rowsOf(figure, figures[figure], contestants, rounds))
}

function rowsOf<Figure extends string>(
  figure: Figure,
  options: FigureOptions,
  contestants: readonly Contestant<Figure>[],
  rounds: readonly ReadonlyMap<string, Figures<Figure>>[],
): JudgedRow[] {
  const valuesOf = (peer: string): number[] => rounds.map((round) => round.get(peer)?.[figure] ?? Number.NaN)
  const ratioTo = (peer: string): number => {
    const theirs = valuesOf(peer)
    return median(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)))
  }
  const own = contestants.find(({ role }) => role === 'ours')
  if (!own) throw new Error(`${figure}: nobody of the contestants is ours`)
  const ours = valuesOf(own.peer)
  // Where less is better, a part of what is possible says nothing.
  const raw = options.ratiosAtMost ? undefined : contestants.find(({ role }) => role === 'limit')
  const common = { case: figure, ours: median(ours), unit: options.unit, limit: raw ? ratioTo(raw.peer) : null }
  const peers = contestants.filter(({ role, peer }) => role !== 'ours' && valuesOf(peer).every(Number.isFinite))
  if (peers.length === 0) return [judge({ ...common, peer: null, theirs: null, ratio: null }, options, true)]
  return peers.map(({ peer }, index) =>
    judge({ ...common, peer, theirs: median(valuesOf(peer)), ratio: ratioTo(peer) }, options, index === 0),
  )
}

/** What is asked of our figure by itself is judged once, in the first row. */
function judge(
  row: JudgedRow,
  { ratios, ratiosAtMost, atLeast, lessThan }: FigureOptions,
  isFirst: boolean,
): JudgedRow {
  const leastRatio = row.peer === null ? undefined : ratios?.[row.peer]
  const greatestRatio = row.peer === null ? undefined : ratiosAtMost?.[row.peer]
  if (leastRatio !== undefined) {
    return { ...row, target: `ratio >= ${leastRatio}`, isMet: (row.ratio ?? 0) >= leastRatio }
  }
  if (greatestRatio !== undefined) {
    return { ...row, target: `ratio <= ${greatestRatio}`, isMet: (row.ratio ?? Number.NaN) <= greatestRatio }
  }
  if (isFirst && atLeast !== undefined) return { ...row, target: `ours >= ${atLeast}`, isMet: row.ours >= atLeast }
  if (isFirst && lessThan !== undefined) return { ...row, target: `ours < ${lessThan}`, isMet: row.ours < lessThan }
  return row
}

function rotated<T>(list: readonly T[], by: number): T[] {
  const start = by % list.length
  return [...list.slice(start), ...list.slice(0, start)]
}

function names<Figure extends string>(figures: Readonly<Record<Figure, unknown>>): Figure[] {
  return Object.keys(figures) as Figure[]
}

export function shortNumber(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en')
  return value.toFixed(Math.abs(value) >= 100 ? 0 : 2)
}
