/** Replies that a session waits for. While there are any, its socket keeps the process alive, and if it is held always. */
export class OutstandingReplies {
  readonly #keepAlive: (isNeeded: boolean) => void
  #count = 0
  #isHeld = true
  #onNone: (() => void) | undefined

  constructor(keepAlive: (isNeeded: boolean) => void) {
    this.#keepAlive = keepAlive
  }

  get areThere(): boolean {
    return this.#count > 0
  }

  hold(isHeld: boolean): void {
    this.#isHeld = isHeld
    if (this.#count === 0) this.#keepAlive(isHeld)
  }

  begin(): void {
    if (this.#count++ === 0 && !this.#isHeld) this.#keepAlive(true)
  }

  end(): void {
    if (--this.#count > 0) return
    if (!this.#isHeld) this.#keepAlive(false)
    this.#onNone?.()
  }

  /** Resolves when none is left, but no later than in `timeoutMs`. */
  async ended(timeoutMs: number): Promise<void> {
    if (this.#count === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onNone = resolve
    const timer = setTimeout(resolve, timeoutMs)
    await promise
    clearTimeout(timer)
  }
}
