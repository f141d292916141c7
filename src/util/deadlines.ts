import { setLongTimeout } from './long-timeout.ts'

/**
 * A link of the chain of those that are pending, oldest first. A class and no literal: a literal of which V8 sees many
 * alive when a program starts is allocated among the old objects from then on, and keeps what it refers to until these are
 * collected.
 */
class Guarded {
  readonly expiresAt: number
  readonly expire: () => void
  previous: Guarded | undefined
  next: Guarded | undefined

  constructor(expiresAt: number, expire: () => void, previous: Guarded | undefined) {
    this.expiresAt = expiresAt
    this.expire = expire
    this.previous = previous
    this.next = undefined
  }
}

/** One deadline for many promises: a single timer serves all that are pending, oldest first. */
export class Deadlines {
  readonly #timeoutMs: number
  #first: Guarded | undefined
  #last: Guarded | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /**
   * Settles as `promise` does, or rejects with what `onLate` makes once the deadline has passed. What `recover` makes of an
   * error takes its place.
   */
  guard<T>(promise: Promise<T>, onLate: () => Error, recover?: (error: unknown) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const guarded = new Guarded(performance.now() + this.#timeoutMs, () => reject(onLate()), this.#last)
      this.#add(guarded)
      const onValue = (value: T): void => {
        this.#remove(guarded)
        resolve(value)
      }
      const onError = (error: unknown): void => {
        this.#remove(guarded)
        reject(error as Error)
      }
      promise.then(onValue, recover ? (error: unknown) => void recover(error).then(onValue, onError) : onError)
    })
  }

  #add(guarded: Guarded): void {
    if (this.#last) this.#last.next = guarded
    else {
      this.#first = guarded
      this.#timer?.ref()
    }
    this.#last = guarded
    this.#timer ??= setLongTimeout(this.#sweep, this.#timeoutMs)
  }

  /** The timer goes on, without keeping the process alive: the next promise most likely comes before it fires. */
  #remove(guarded: Guarded): void {
    const { previous, next } = guarded
    if (!previous && this.#first !== guarded) return
    if (previous) previous.next = next
    else this.#first = next
    if (next) next.previous = previous
    else this.#last = previous
    // A link that went, once it is old, must not keep what came after it from being collected.
    guarded.previous = guarded.next = undefined
    if (!this.#first) this.#timer?.unref()
  }

  readonly #sweep = (): void => {
    this.#timer = undefined
    for (let guarded = this.#first; guarded; guarded = this.#first) {
      const leftMs = guarded.expiresAt - performance.now()
      if (leftMs > 0) {
        this.#timer = setLongTimeout(this.#sweep, leftMs)
        return
      }
      this.#remove(guarded)
      guarded.expire()
    }
  }
}
