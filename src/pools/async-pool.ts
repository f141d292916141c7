import { TimeLimitExceeded } from '../errors.ts'
import { abortReasons, softLimitPassed } from './abort-reasons.ts'
import { LazyAbort } from './lazy-abort.ts'
import type { Attempt, CancelReason, Execute, Execution, Job, Loan, Outcome, Pool } from './pool.ts'
import { setLongTimeout } from '../util/long-timeout.ts'

export interface AsyncPoolOptions {
  readonly size: number
  readonly execute: Execute
  /** Called when a body has ended and its slot is free, in the middle of what it does next: put off what takes long. */
  readonly onSlotFree: () => void
  /** Called when a body was abandoned. */
  readonly onAbandoned?: () => void
}

/**
 * Runs bodies in this event loop. A body cannot be killed here: one that is terminated is abandoned and fenced, what it
 * still does is not accepted, and it keeps its slot until it ends.
 */
export class AsyncPool implements Pool {
  #size: number
  #busy = 0
  readonly #execute: Execute
  readonly #onSlotFree: () => void
  readonly #onAbandoned: (() => void) | undefined
  readonly #abandoned = new Set<Job>()

  constructor({ size, execute, onSlotFree, onAbandoned }: AsyncPoolOptions) {
    this.#size = size
    this.#execute = execute
    this.#onSlotFree = onSlotFree
    this.#onAbandoned = onAbandoned
  }

  get size(): number {
    return this.#size
  }

  get busy(): number {
    return this.#busy
  }

  get abandoned(): readonly Job[] {
    return [...this.#abandoned]
  }

  get pids(): readonly number[] {
    return [process.pid]
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  hasRoom(): boolean {
    return this.#busy < this.#size
  }

  run(job: Job, loan?: Loan, onStarted?: () => void): Execution {
    this.#busy++
    onStarted?.()
    const execution = new AsyncExecution(job, loan, this)
    void this.#execute(job, execution).then((outcome) => execution.end(outcome))
    return execution
  }

  /** Called by executions: the body has ended. */
  release(job: Job): void {
    this.#busy--
    if (this.#abandoned.size > 0) this.#abandoned.delete(job)
    this.#onSlotFree()
  }

  /** Called by executions: the attempt is over, its body is not. */
  abandon(job: Job): void {
    this.#abandoned.add(job)
    this.#onAbandoned?.()
  }

  resize(size: number): Promise<void> {
    this.#size = size
    this.#onSlotFree()
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }
}

/** running -> body ended -> settled, or running -> settled (terminated, timed out): then the body is fenced. */
class AsyncExecution implements Execution, Attempt {
  readonly outcome: Promise<Outcome>
  #resolve!: (outcome: Outcome) => void
  #state: 'running' | 'bodyEnded' | 'settled' = 'running'
  #cancelled: CancelReason | undefined
  readonly #abort = new LazyAbort()
  readonly #startedAt = performance.now()
  readonly #softTimer: NodeJS.Timeout | undefined
  readonly #hardTimer: NodeJS.Timeout | undefined
  readonly #job: Job
  readonly #loan: Loan | undefined
  readonly #pool: AsyncPool
  #holdsSlot = true

  constructor(job: Job, loan: Loan | undefined, pool: AsyncPool) {
    const { softTimeLimitMs, hardTimeLimitMs } = job
    this.#job = job
    this.#loan = loan
    this.#pool = pool
    this.outcome = new Promise((resolve) => (this.#resolve = resolve))
    if (softTimeLimitMs !== undefined) {
      this.#softTimer = setLongTimeout(() => this.#abort.abort(softLimitPassed(softTimeLimitMs)), softTimeLimitMs)
    }
    if (hardTimeLimitMs !== undefined)
      this.#hardTimer = setLongTimeout(() => this.#timeOut(hardTimeLimitMs), hardTimeLimitMs)
  }

  get pid(): number {
    return process.pid
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get cancelled(): CancelReason | undefined {
    return this.#cancelled
  }

  bodyEnded(): boolean {
    this.#clearTimers()
    this.#freeSlot()
    // Looked at anew: a process that was frozen may not have been told yet.
    if (this.#loan?.isLost) this.terminate('loanLost')
    if (this.#state !== 'running') return false
    this.#state = 'bodyEnded'
    return true
  }

  cancel(reason: CancelReason): void {
    if (this.#state !== 'running') return
    this.#cancelled ??= reason
    this.#abort.abort(abortReasons[reason]())
  }

  terminate(reason: CancelReason): void {
    // An attempt whose result is being stored is as good as done: ending it now could leave two truths.
    if (this.#state !== 'running') return
    this.cancel(reason)
    this.#settle({ kind: 'cancelled', runtimeMs: performance.now() - this.#startedAt, reason })
  }

  /** The pipeline is through. */
  end(outcome: Outcome): void {
    this.#freeSlot()
    this.#settle(outcome)
  }

  #settle(outcome: Outcome): void {
    this.#clearTimers()
    if (this.#state === 'settled') return
    this.#state = 'settled'
    this.#resolve(outcome)
    if (this.#holdsSlot) this.#pool.abandon(this.#job)
  }

  #freeSlot(): void {
    if (!this.#holdsSlot) return
    this.#holdsSlot = false
    this.#pool.release(this.#job)
  }

  #timeOut(limitMs: number): void {
    this.#abort.abort(new TimeLimitExceeded(`time limit of ${limitMs / 1000} s`))
    this.#settle({ kind: 'timedOut', runtimeMs: performance.now() - this.#startedAt, limitMs })
  }

  #clearTimers(): void {
    if (this.#softTimer) clearTimeout(this.#softTimer)
    if (this.#hardTimer) clearTimeout(this.#hardTimer)
  }
}
