/**
 * How many deliveries to hold. Tasks measured as short are taken ahead of the free slots, so that a round trip to the
 * broker is shared by many; long ones are not, so that they do not wait here while another worker is idle.
 */
export class DeliveryWindow {
  #concurrency: number
  /** Slots that are of no use. */
  #lost = 0
  readonly #multiplier: number
  #averageMs = Number.POSITIVE_INFINITY

  constructor(concurrency: number, multiplier: number) {
    this.#concurrency = concurrency
    this.#multiplier = multiplier
  }

  /** Takes a run time; returns true when `size` has changed. */
  observe(runtimeMs: number): boolean {
    const before = this.size
    this.#averageMs = Number.isFinite(this.#averageMs)
      ? this.#averageMs + (runtimeMs - this.#averageMs) / 20
      : runtimeMs
    return this.size !== before
  }

  /** There are more or fewer slots. */
  resize(concurrency: number): void {
    this.#concurrency = concurrency
  }

  /** So many slots are of no use at the moment. */
  lose(slots: number): void {
    this.#lost = slots
  }

  get size(): number {
    const slots = Math.max(1, this.#concurrency - this.#lost)
    if (this.#averageMs > longMs) return slots
    // Celery's 0: no bound. There is one all the same, because what is taken lies in memory.
    const ahead = this.#multiplier === 0 ? unboundedWindow : slots * this.#multiplier
    if (this.#averageMs > veryShortMs) return ahead
    const soonDone = Math.min((slots * aheadMs) / this.#averageMs, largestWindow)
    // In steps, so that it does not change with every task.
    return Math.max(ahead, 2 ** Math.floor(Math.log2(soonDone)))
  }
}

const longMs = 100
const veryShortMs = 5
/** Of very short ones about so many are taken as all slots together get done in this time. */
const aheadMs = 50
const largestWindow = 256
const unboundedWindow = 10_000
