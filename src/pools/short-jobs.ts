import type { Job } from './pool.ts'

/** About what the way to a slot and back takes: a slot holds as many short jobs as bridge it. */
const tripMs = 0.3
const longestMs = 2
const mostAhead = 8

/**
 * How many jobs a slot may hold ahead of the one that runs. None but very short ones, so that a job waits behind another
 * for a moment at most while a slot elsewhere is free.
 */
export class ShortJobs {
  readonly #averageMs = new Map<string, number>()

  observe(taskName: string, runtimeMs: number): void {
    const average = this.#averageMs.get(taskName)
    this.#averageMs.set(taskName, average === undefined ? runtimeMs : average + (runtimeMs - average) / 8)
  }

  /** 0 for a job that is not known to be short. */
  aheadOf({ headers }: Job): number {
    const average = this.#averageMs.get(headers.task) ?? Number.POSITIVE_INFINITY
    return average > longestMs ? 0 : Math.min(mostAhead, Math.ceil(tripMs / Math.max(average, 0.01)))
  }
}
