import type { RedisOptions } from './redis-options.ts'

interface Watched {
  /** Replies are outstanding. */
  readonly isWaiting: () => boolean
  /** Asks the server for a sign of life. */
  readonly ask: () => void
  readonly giveUp: (reason: Error) => void
}

/**
 * Notices a connection that is silent: no reply for `socket_timeout` though some are outstanding. Asks for a sign of life
 * where nothing was outstanding for `health_check_interval`. It counts looks and reads no clock, so that an event loop
 * that was blocked does not look like a server that was silent.
 */
export class Watchdog {
  /** Counted by who gets them. */
  replies = 0
  readonly #watched: Watched
  readonly #deadlineMs: number
  readonly #healthCheckMs: number
  readonly #everyMs: number
  #timer: NodeJS.Timeout | undefined
  #repliesSeen = 0
  #wasWaiting = false
  #quietMs = 0
  /** Until then the server may hold back a reply on purpose; by the clock of `performance`. */
  #allowedUntil = 0

  constructor(
    { socketTimeoutMs, healthCheckIntervalMs }: Pick<RedisOptions, 'socketTimeoutMs' | 'healthCheckIntervalMs'>,
    watched: Watched,
  ) {
    this.#watched = watched
    this.#deadlineMs = socketTimeoutMs
    this.#healthCheckMs = healthCheckIntervalMs || Infinity
    this.#everyMs = Math.max(10, Math.min(1000, Math.min(this.#deadlineMs, this.#healthCheckMs) / 4))
  }

  get isAllowing(): boolean {
    return performance.now() < this.#allowedUntil
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), this.#everyMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  allow(ms: number): void {
    this.#allowedUntil = Math.max(this.#allowedUntil, performance.now() + ms)
  }

  #look(): void {
    const isWaiting = this.#watched.isWaiting()
    const hasMoved = this.replies !== this.#repliesSeen || isWaiting !== this.#wasWaiting
    this.#repliesSeen = this.replies
    this.#wasWaiting = isWaiting
    this.#quietMs = hasMoved || (isWaiting && this.isAllowing) ? 0 : this.#quietMs + this.#everyMs
    if (isWaiting && this.#quietMs >= this.#deadlineMs) {
      this.#watched.giveUp(new Error(`no reply for ${this.#deadlineMs / 1000} s`))
    } else if (!isWaiting && this.#quietMs >= this.#healthCheckMs) {
      this.#quietMs = 0
      this.#watched.ask()
    }
  }
}
