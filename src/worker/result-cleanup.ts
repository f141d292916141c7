import type { ResultBackend } from '../backends/backend.ts'
import type { Logger } from '../util/logger.ts'

/** As often as results expire, so that no more than twice as many are kept, within these bounds. */
const longestPauseMs = 10 * 60_000
const shortestPauseMs = 60_000
/** The first round comes soon, but not while the worker starts; several workers do not do it at once. */
const firstWithinMs = 60_000

/** Deletes expired results now and then, as Celery's `backend_cleanup` does: what is stored stays bounded without beat. */
export class ResultCleanup implements AsyncDisposable {
  readonly #backend: ResultBackend
  readonly #log: Logger
  readonly #pauseMs: number
  #timer: NodeJS.Timeout
  #running: Promise<void> = Promise.resolve()

  /** `expiresMs`: how long results are kept; undefined: for ever. */
  constructor(backend: ResultBackend, log: Logger, expiresMs: number | undefined, random: () => number = Math.random) {
    this.#backend = backend
    this.#log = log
    this.#pauseMs = Math.min(longestPauseMs, Math.max(shortestPauseMs, expiresMs ?? longestPauseMs))
    this.#timer = setTimeout(this.#run, firstWithinMs * (0.5 + random() / 2)).unref()
  }

  readonly #run = (): void => {
    this.#running = this.#clean().finally(() => {
      this.#timer = setTimeout(this.#run, this.#pauseMs).unref()
    })
  }

  async #clean(): Promise<void> {
    try {
      const deleted = await this.#backend.deleteExpired()
      if (deleted > 0) this.#log.info({ deleted }, 'Deleted {deleted} expired results')
    } catch (error) {
      const minutes = this.#pauseMs / 60_000
      this.#log.warn({ err: error, minutes }, 'Expired results could not be deleted; trying again in {minutes} min')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running
    clearTimeout(this.#timer)
  }
}
