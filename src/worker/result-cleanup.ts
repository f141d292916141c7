import type { ResultBackend } from '../backends/backend.ts'
import type { Logger } from '../util/logger.ts'

const intervalMs = 10 * 60_000
/** The first round comes soon, but not while the worker starts; several workers do not do it at once. */
const firstWithinMs = 60_000

/** Deletes expired results now and then, as Celery's `backend_cleanup` does: what is stored stays bounded without beat. */
export class ResultCleanup implements AsyncDisposable {
  readonly #backend: ResultBackend
  readonly #log: Logger
  #timer: NodeJS.Timeout
  #running: Promise<void> = Promise.resolve()

  constructor(backend: ResultBackend, log: Logger, random: () => number = Math.random) {
    this.#backend = backend
    this.#log = log
    this.#timer = setTimeout(this.#run, firstWithinMs * (0.5 + random() / 2)).unref()
  }

  readonly #run = (): void => {
    this.#running = this.#clean().finally(() => {
      this.#timer = setTimeout(this.#run, intervalMs).unref()
    })
  }

  async #clean(): Promise<void> {
    try {
      const deleted = await this.#backend.deleteExpired()
      if (deleted > 0) this.#log.info({ deleted }, 'Deleted {deleted} expired results')
    } catch (error) {
      this.#log.warn({ err: error }, 'Expired results could not be deleted; trying again in ten minutes')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running
    clearTimeout(this.#timer)
  }
}
