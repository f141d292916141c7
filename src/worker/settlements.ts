import type { Delivery } from '../brokers/broker.ts'
import { OperationalError } from '../errors.ts'

/** Between attempts while a store is away or full: about this long, up to ten times as long. */
const pauseMs = 200
const longestPauseMs = 2000

/**
 * What is on its way to broker and backend. A loan of a living worker does not lapse, so a settlement that failed is tried
 * again until it is done, the message is somebody else's, or the worker ends: else it would be held for ever.
 */
export class Settlements {
  #pending = 0
  #onNone: (() => void) | undefined
  readonly #ending = new AbortController()
  readonly report: (error: unknown) => void

  constructor(report: (error: unknown) => void) {
    this.report = report
  }

  /** Resolves when `work` is done or has failed for good. It may be called several times. */
  do(delivery: Delivery | undefined, work: () => Promise<void>): Promise<void> {
    this.#pending++
    return work().then(this.#ended, (error: unknown) => this.#again(error, delivery, work).finally(this.#ended))
  }

  /** Resolves when everything begun so far is done or has failed; from now on nothing is tried again. */
  async end(): Promise<void> {
    this.#ending.abort()
    if (this.#pending > 0) await new Promise<void>((resolve) => (this.#onNone = resolve))
  }

  readonly #ended = (): void => {
    if (--this.#pending === 0) this.#onNone?.()
  }

  async #again(firstError: unknown, delivery: Delivery | undefined, work: () => Promise<void>): Promise<void> {
    this.report(firstError)
    let error = firstError
    for (let waitMs = pauseMs; error instanceof OperationalError; waitMs = Math.min(longestPauseMs, waitMs * 1.5)) {
      if (delivery?.isLost || this.#ending.signal.aborted) return
      await this.#pause(waitMs * (0.5 + Math.random()))
      try {
        await work()
        return
      } catch (reason) {
        error = reason
      }
    }
    if (error !== firstError) this.report(error)
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#ending.signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#ending.signal.addEventListener('abort', done)
    })
  }
}
