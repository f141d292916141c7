interface Guarded {
  readonly expiresAt: number
  expire(): void
}

/** One deadline for many promises: a single timer serves all that are pending, oldest first. */
export class Deadlines {
  readonly #timeoutMs: number
  readonly #pending = new Set<Guarded>()
  #timer: NodeJS.Timeout | undefined

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** Settles as `promise` does, or rejects with what `onLate` makes once the deadline has passed. */
  guard<T>(promise: Promise<T>, onLate: () => Error): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const guarded: Guarded = { expiresAt: performance.now() + this.#timeoutMs, expire: () => reject(onLate()) }
      this.#add(guarded)
      promise.then(
        (value) => {
          this.#remove(guarded)
          resolve(value)
        },
        (error: unknown) => {
          this.#remove(guarded)
          reject(error as Error)
        },
      )
    })
  }

  #add(guarded: Guarded): void {
    if (this.#pending.size === 0) this.#timer?.ref()
    this.#pending.add(guarded)
    this.#timer ??= setTimeout(this.#sweep, this.#timeoutMs)
  }

  /** The timer goes on, without keeping the process alive: the next promise most likely comes before it fires. */
  #remove(guarded: Guarded): void {
    this.#pending.delete(guarded)
    if (this.#pending.size === 0) this.#timer?.unref()
  }

  readonly #sweep = (): void => {
    this.#timer = undefined
    for (const guarded of this.#pending) {
      const leftMs = guarded.expiresAt - performance.now()
      if (leftMs > 0) {
        this.#timer = setTimeout(this.#sweep, leftMs)
        return
      }
      this.#pending.delete(guarded)
      guarded.expire()
    }
  }
}
