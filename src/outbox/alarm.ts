import { setLongTimeout } from '../util/long-timeout.ts'

/** Waits that end early when somebody rings, also if that was while nobody waited, and when the signal aborts. */
export class Alarm {
  readonly #signal: AbortSignal
  #isRung = false
  #wake: (() => void) | undefined

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  ring(): void {
    this.#isRung = true
    this.#wake?.()
  }

  async wait(ms: number): Promise<void> {
    if (!this.#isRung) await this.#sleep(ms, (wake) => (this.#wake = wake))
    this.#wake = undefined
    this.#isRung = false
  }

  /** Nobody can ring: after an error, more work is no reason to hurry. */
  async pause(ms: number): Promise<void> {
    await this.#sleep(ms, () => undefined)
  }

  async #sleep(ms: number, started: (wake: () => void) => void): Promise<void> {
    if (this.#signal.aborted) return
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        this.#signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = setLongTimeout(end, ms)
      this.#signal.addEventListener('abort', end, { once: true })
      started(end)
    })
  }
}
