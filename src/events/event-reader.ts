import type { ClusterEvent } from '../protocol/cluster-event.ts'
import { setLongTimeout } from '../util/long-timeout.ts'

/** One iteration or capture: what it has not seen yet. */
export class EventReader {
  count = 0
  readonly #maxPending: number
  #pending: ClusterEvent[] = []
  #isEnded = false
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(maxPending: number) {
    this.#maxPending = maxPending
  }

  /** Returns how many events were dropped. */
  tell(event: ClusterEvent): number {
    this.count++
    if (this.#maxPending > 0) this.#pending.push(event)
    const dropped = this.#maxPending > 0 && this.#pending.length > this.#maxPending * 1.25
    if (dropped) this.#pending = this.#pending.slice(-this.#maxPending)
    this.#wake?.()
    return dropped ? Math.ceil(this.#maxPending / 4) : 0
  }

  fail(error: unknown): void {
    this.#failure ??= { error }
    this.end()
  }

  end(): void {
    this.#isEnded = true
    this.#wake?.()
  }

  /** Undefined at the end. */
  async next(): Promise<ClusterEvent | undefined> {
    while (this.#pending.length === 0 && !this.#isEnded) await this.#woken()
    if (this.#failure) throw this.#failure.error
    return this.#pending.shift()
  }

  /** Resolves after `limit` events, or when none came for `timeoutMs`. */
  async heard(limit: number, timeoutMs: number | undefined): Promise<void> {
    let last = -1
    while (this.count < limit && !this.#isEnded && this.count > last) {
      last = timeoutMs === undefined ? -1 : this.count
      await this.#woken(timeoutMs)
    }
    if (this.#failure) throw this.#failure.error
  }

  async #woken(timeoutMs?: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    const timer = timeoutMs === undefined ? undefined : setLongTimeout(resolve, timeoutMs)
    await promise
    clearTimeout(timer)
    this.#wake = undefined
  }
}
