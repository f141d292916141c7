import type { Logger } from '../util/logger.ts'

/** Whether a worker can do its work. */
export interface WorkerHealth {
  readonly isReady: boolean
  /** Why not. */
  readonly reason: string | undefined
  /** Since when this holds. */
  readonly since: Date
  /** When the broker last answered the question for messages; undefined before it was asked. */
  readonly lastClaim: Date | undefined
}

/** With empty queues brokers ask only every few seconds. */
const shortestSilenceMs = 15_000

/** Starting, ready, or unable to take messages for longer than a short outage may last. */
export class Readiness {
  readonly #log: Logger
  readonly #toleranceMs: number
  readonly #now: () => number
  #state: 'starting' | 'taking' | 'stopped' = 'starting'
  #changedAt: number
  #outage: { readonly since: number; readonly reason: Error } | undefined
  #stuck: { readonly since: number; readonly reason: string } | undefined
  #claimedAt: (() => number | undefined) | undefined

  constructor(log: Logger, toleranceMs: number, now: () => number = Date.now) {
    this.#log = log
    this.#toleranceMs = toleranceMs
    this.#now = now
    this.#changedAt = now()
  }

  /** From now on messages are taken. `claimedAt` tells when the broker answered last, in ms since the epoch. */
  take(claimedAt: () => number | undefined): void {
    this.#claimedAt = claimedAt
    this.#enter('taking')
  }

  stop(): void {
    this.#enter('stopped')
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

  /** Why no task can begin; undefined: they can again. */
  readonly onStuck = (reason: string | undefined): void => {
    if (reason === undefined && this.#isLong(this.#stuck)) this.#changedAt = this.#now()
    this.#stuck = reason === undefined ? undefined : { since: this.#now(), reason }
  }

  get health(): WorkerHealth {
    const claimedAt = this.#claimedAt?.()
    const lastClaim = claimedAt === undefined ? undefined : new Date(claimedAt)
    const problem = this.#problem(claimedAt)
    const since = new Date(problem?.since ?? this.#changedAt)
    return { isReady: problem === undefined, reason: problem?.reason, since, lastClaim }
  }

  #enter(state: 'taking' | 'stopped'): void {
    this.#state = state
    this.#changedAt = this.#now()
  }

  #problem(claimedAt: number | undefined): { readonly since: number; readonly reason: string } | undefined {
    if (this.#state !== 'taking') return { since: this.#changedAt, reason: `the worker is ${this.#state}` }
    const outage = this.#outage
    if (outage && this.#isLong(outage)) return { since: outage.since, reason: outage.reason.message }
    if (this.#isLong(this.#stuck)) return this.#stuck
    const silentMs = Math.max(this.#toleranceMs, shortestSilenceMs)
    if (claimedAt === undefined || this.#now() - claimedAt < silentMs) return undefined
    const seconds = Math.round((this.#now() - claimedAt) / 1000)
    return { since: claimedAt, reason: `the broker has not answered for ${seconds}s` }
  }

  #isLong(trouble: { readonly since: number } | undefined): boolean {
    return trouble !== undefined && this.#now() - trouble.since >= this.#toleranceMs
  }
}
