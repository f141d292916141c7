import type { Logger } from '../util/logger.ts'

/** Whether a worker can do its work. */
export interface WorkerHealth {
  readonly isReady: boolean
  /** Why not. */
  readonly reason: string | undefined
  /** Since when this holds. */
  readonly since: Date
}

/** Starting, ready, or unable to take messages for longer than a short outage may last. */
export class Readiness {
  readonly #log: Logger
  readonly #toleranceMs: number
  readonly #now: () => number
  #state: 'starting' | 'taking' | 'stopped' = 'starting'
  #changedAt: number
  #outage: { readonly since: number; readonly reason: Error } | undefined

  constructor(log: Logger, toleranceMs: number, now: () => number = Date.now) {
    this.#log = log
    this.#toleranceMs = toleranceMs
    this.#now = now
    this.#changedAt = now()
  }

  enter(state: 'taking' | 'stopped'): void {
    this.#state = state
    this.#changedAt = this.#now()
  }

  /** What the broker tells of its outages. */
  readonly onOutage = (reason: Error | undefined): void => {
    if (reason) {
      this.#outage ??= { since: this.#now(), reason }
      this.#log.error({ err: reason, reason: reason.message }, 'No messages can be taken, trying on: {reason}')
    } else if (this.#outage) {
      const seconds = ((this.#now() - this.#outage.since) / 1000).toFixed(1)
      this.#outage = undefined
      this.#changedAt = this.#now()
      this.#log.info({ seconds }, 'Messages can be taken again, after {seconds}s')
    }
  }

  get health(): WorkerHealth {
    const outage = this.#outage
    if (this.#state === 'taking' && outage && this.#now() - outage.since >= this.#toleranceMs) {
      return { isReady: false, reason: outage.reason.message, since: new Date(outage.since) }
    }
    const since = new Date(this.#changedAt)
    if (this.#state === 'taking') return { isReady: true, reason: undefined, since }
    return { isReady: false, reason: `the worker is ${this.#state}`, since }
  }
}
