/** Counts what happens, so that what processes tell of it can be put in order: each message carries the sender's count. */
export class LamportClock {
  #value: number

  constructor(initialValue: number = 0) {
    this.#value = initialValue
  }

  get value(): number {
    return this.#value
  }

  /** Something happens here, such as a message that is sent: returns its time. */
  forward(): number {
    return ++this.#value
  }

  /** A message came from a process whose clock was at `other`. Anything but a count leaves the clock alone. */
  adjust(other: unknown): number {
    if (Number.isSafeInteger(other)) this.#value = Math.max(this.#value, other as number) + 1
    return this.#value
  }
}
