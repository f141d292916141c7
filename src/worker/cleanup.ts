import type { Logger } from '../util/logger.ts'

/** As often as things expire, so that no more than twice as many are kept, within these bounds. */
const longestPauseMs = 10 * 60_000
const shortestPauseMs = 60_000
/** The first round comes soon, but not while the worker starts; several workers do not do it at once. */
const firstWithinMs = 60_000

export interface CleanupOptions {
  /** Such as `Expired results`. */
  readonly what: string
  readonly log: Logger
  /** How long they are kept; undefined: for ever. */
  readonly expiresMs: number | undefined
  /** Deletes what expired, and says so. */
  readonly clean: () => Promise<void>
  readonly random?: () => number
}

/** Deletes what expired now and then, as Celery's `backend_cleanup` does: what is stored stays bounded without beat. */
export class Cleanup implements AsyncDisposable {
  readonly #options: CleanupOptions
  readonly #pauseMs: number
  #timer: NodeJS.Timeout
  #running: Promise<void> = Promise.resolve()

  constructor(options: CleanupOptions) {
    const { expiresMs, random = Math.random } = options
    this.#options = options
    this.#pauseMs = Math.min(longestPauseMs, Math.max(shortestPauseMs, expiresMs ?? longestPauseMs))
    this.#timer = setTimeout(this.#run, firstWithinMs * (0.5 + random() / 2)).unref()
  }

  readonly #run = (): void => {
    this.#running = this.#clean().finally(() => {
      this.#timer = setTimeout(this.#run, this.#pauseMs).unref()
    })
  }

  async #clean(): Promise<void> {
    const { clean, log, what } = this.#options
    try {
      await clean()
    } catch (error) {
      const minutes = this.#pauseMs / 60_000
      log.warn({ err: error, what, minutes }, '{what} could not be deleted; trying again in {minutes} min')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running
    clearTimeout(this.#timer)
  }
}
