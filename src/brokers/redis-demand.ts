/** One take holds up the server, and its deliveries the event loop: both no longer than some milliseconds. */
const largestTake = 1000
/** Takes on their way at once, while there is more than is asked for: one is carried out, the other waits. */
const mostTakes = 2
/**
 * While there is more, slots are filled in so many steps, so that server and worker are busy at the same time: some messages
 * are taken while others run, and the results of again others are stored.
 */
const steps = 8
const smallestStep = 16

/** How many messages a subscription is to ask for, by its slots, its takes and what the last of them found. */
export class RedisDemand {
  prefetch: number
  /** Lent, or on the way here. */
  #occupied = 0
  /** Takes that the server has not answered. */
  #asking = 0
  #isFull = false

  constructor(prefetch: number) {
    this.prefetch = prefetch
  }

  /** A take is on its way. */
  get isAsking(): boolean {
    return this.#asking > 0
  }

  /** The last take found as much as it asked for: there is most likely more. */
  get isFull(): boolean {
    return this.#isFull
  }

  /** How many to ask for now. While one take is on its way, another is worth it only for a whole step. */
  get wanted(): number {
    const free = Math.min(this.prefetch - this.#occupied, largestTake)
    if (!this.#isFull) return this.#asking === 0 ? free : 0
    if (this.#asking >= mostTakes) return 0
    const step = Math.max(Math.ceil(this.prefetch / steps), Math.min(smallestStep, Math.ceil(this.prefetch / 2)))
    return this.#asking === 0 || free >= step ? Math.min(free, step) : 0
  }

  /** Half of the slots stay for takes that ask for more. */
  get mayWaitForOne(): boolean {
    return (this.#occupied + 1) * 2 <= this.prefetch
  }

  asked(wanted: number): void {
    this.#occupied += wanted
    this.#asking += 1
  }

  answered(): void {
    this.#asking -= 1
  }

  found(count: number, wanted: number): void {
    this.#occupied -= wanted - count
    this.#isFull = count === wanted
  }

  /** So many slots are taken, or free if negative. */
  occupy(count: number): void {
    this.#occupied += count
  }
}
