/** How often in a row children may die while they load or do nothing: about 20 s. */
const mostFailures = 10
const firstPauseMs = 100
const longestPauseMs = 5000
/** A death that long ago says nothing about the next child. */
const forgottenAfterMs = 60_000

/** Decides when a child that died is replaced: at once, later and later, and not any more. */
export class SlotStarts {
  #failures = 0
  #failedAt = Number.NEGATIVE_INFINITY
  #wasEverReady = false
  readonly #now: () => number

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Milliseconds to wait before the next one; undefined: give up. */
  get pauseMs(): number | undefined {
    if (this.#failures === 0) return 0
    // What does not even load the first time is not going to.
    if (this.#failures >= mostFailures || !this.#wasEverReady) return undefined
    return Math.min(firstPauseMs * 2 ** (this.#failures - 1), longestPauseMs)
  }

  ready(): void {
    this.#wasEverReady = true
  }

  /** A job was done: children of this kind live. */
  worked(): void {
    this.#failures = 0
  }

  /** A child died while it loaded, or while it had nothing to do: no job is to blame. Several that were there together count as one. */
  failed(startedAtMs: number): void {
    const now = this.#now()
    if (now - this.#failedAt > forgottenAfterMs) this.#failures = 0
    else if (this.#failures > 0 && startedAtMs <= this.#failedAt) return
    this.#failedAt = now
    this.#failures++
  }
}
