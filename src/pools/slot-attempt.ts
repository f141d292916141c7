import { abortReasons, softLimitPassed } from './abort-reasons.ts'
import { LazyAbort } from './lazy-abort.ts'
import type { Attempt, CancelReason } from './pool.ts'
import type { SlotJob } from './slot-messages.ts'
import { setLongTimeout } from '../util/long-timeout.ts'

/** One job as the child sees it. */
export interface SlotAttempt extends Attempt {
  /** While the body runs, stores `state` by way of the parent; after that it goes with the answer. */
  store(state: string): Promise<void>
}

/** What the parent is asked: to store a state, or without one, whether the body is still accepted. */
type Ask = (number: number, state?: string) => Promise<void>

/** What the pipeline in the child sees of its slot. */
export class RunningAttempt implements SlotAttempt {
  readonly job: SlotJob
  /** What goes with the answer. */
  lastStates: string[] | undefined
  #cancelled: CancelReason | undefined
  readonly #abort = new LazyAbort()
  #softTimer: NodeJS.Timeout | undefined
  #hasEnded = false
  readonly #ask: Ask

  constructor(job: SlotJob, ask: Ask) {
    this.job = job
    this.#ask = ask
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get cancelled(): CancelReason | undefined {
    return this.#cancelled
  }

  begin(): void {
    const { softTimeLimitMs } = this.job
    if (softTimeLimitMs !== undefined)
      this.#softTimer = setLongTimeout(() => this.#abort.abort(softLimitPassed(softTimeLimitMs)), softTimeLimitMs)
  }

  /** Whether what it did is accepted, the parent decides: it knows the loan and the limits. */
  bodyEnded(): boolean {
    clearTimeout(this.#softTimer)
    this.#hasEnded = true
    return true
  }

  isAccepted(): Promise<boolean> {
    return this.#ask(this.job.number).then(
      () => true,
      () => false,
    )
  }

  store(state: string): Promise<void> {
    if (!this.#hasEnded) return this.#ask(this.job.number, state)
    ;(this.lastStates ??= []).push(state)
    return Promise.resolve()
  }

  cancel(reason: CancelReason): void {
    if (this.#hasEnded || this.#cancelled) return
    this.#cancelled = reason
    this.#abort.abort(abortReasons[reason]())
  }
}
