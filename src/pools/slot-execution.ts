import type { CancelReason, Execution, Job, Loan, Outcome } from './pool.ts'
import type { SlotAnswer } from './slot-messages.ts'
import { setLongTimeout } from '../util/long-timeout.ts'

/** What an execution asks of the slot that it was given to. */
export interface ExecutionSlot {
  readonly pid: number | undefined
  cancel(execution: SlotExecution, reason: CancelReason): void
  /** Ends the slot if this is what runs in it. */
  killUnder(execution: SlotExecution, reason: string): void
}

export interface SlotExecutionOptions {
  readonly job: Job
  readonly loan: Loan | undefined
  /** It is the first in its slot. */
  readonly onStarted: (() => void) | undefined
  /** How long a body that was told to stop may take. */
  readonly graceMs: number
  /** Stores a state, as the child encoded it. */
  readonly store: (state: string) => Promise<void>
  /** What became of a job whose state could not be stored. */
  readonly notStored: (error: unknown) => { readonly reason: string; readonly isTransient: boolean }
  /** The body is over, or never ran: called once. */
  readonly onOver: (execution: SlotExecution) => void
}

/**
 * One job as the parent sees it: waiting -> running -> answered -> settled. The parent alone stores and settles, so what
 * a child says after its job was settled (out of time, terminated, loan lost) is not accepted.
 */
export class SlotExecution implements Execution {
  readonly outcome: Promise<Outcome>
  readonly job: Job
  #state: 'waiting' | 'running' | 'answered' | 'settled' = 'waiting'
  #resolve!: (outcome: Outcome) => void
  #slot: ExecutionSlot | undefined
  #cancelled: CancelReason | undefined
  #startedAt = 0
  #timer: NodeJS.Timeout | undefined
  #graceTimer: NodeJS.Timeout | undefined
  #isOver = false
  /** The states that the body stored: the last one follows them. */
  #stored: Promise<void> = Promise.resolve()
  readonly #options: SlotExecutionOptions

  constructor(options: SlotExecutionOptions) {
    this.#options = options
    this.job = options.job
    this.outcome = new Promise((resolve) => (this.#resolve = resolve))
  }

  get pid(): number | undefined {
    return this.#slot?.pid
  }

  get isSettled(): boolean {
    return this.#state === 'settled'
  }

  /** What the body has done by now would count. */
  get isAccepted(): boolean {
    const mayFinish = this.#cancelled === undefined || this.#cancelled === 'shutdown'
    return !this.isSettled && mayFinish && this.#options.loan?.isLost !== true
  }

  /** A slot has it, behind those that it got before. */
  givenTo(slot: ExecutionSlot): void {
    this.#slot = slot
    if (this.#cancelled) slot.cancel(this, this.#cancelled)
  }

  /** It is the first in its slot: its time runs. */
  begin(): void {
    if (this.#state !== 'waiting') return
    this.#state = 'running'
    this.#startedAt = performance.now()
    this.#options.onStarted?.()
    const { hardTimeLimitMs } = this.job
    if (hardTimeLimitMs !== undefined)
      this.#timer = setLongTimeout(() => this.#timeOut(hardTimeLimitMs), hardTimeLimitMs)
  }

  cancel(reason: CancelReason): void {
    if (this.#state === 'answered' || this.#state === 'settled' || this.#cancelled) return
    this.#cancelled = reason
    if (this.#slot) this.#slot.cancel(this, reason)
    else this.#settle(this.#cancelledOutcome(reason))
  }

  terminate(reason: CancelReason): void {
    this.cancel(reason)
    if (this.#state === 'answered' || this.#state === 'settled') return
    this.#graceTimer ??= setTimeout(() => {
      const outcome = this.#cancelledOutcome(this.#cancelled ?? reason)
      this.#settle(outcome)
      this.#slot?.killUnder(this, `${outcome.reason}, and the body did not end`)
    }, this.#options.graceMs)
  }

  /** A state that the body stores. One of an attempt that is not accepted any more is dropped. */
  async store(state: string): Promise<void> {
    if (this.isSettled || this.#options.loan?.isLost) return
    const storing = this.#stored.then(() => this.#options.store(state))
    this.#stored = storing.catch(() => undefined)
    await storing
  }

  /** The child is done with it. */
  answered({ outcome, states }: SlotAnswer): void {
    this.#over()
    if (this.#state === 'settled') return
    if (this.#options.loan?.isLost) this.#cancelled = 'loanLost'
    const reason = this.#cancelled
    // A body that is told to stop because the worker does, and yet gets done, is done.
    if (reason !== undefined && reason !== 'shutdown') return this.#settle(this.#cancelledOutcome(reason))
    if (states === undefined) return this.#settle(outcome)
    this.#state = 'answered'
    Promise.all(states.map((state) => this.store(state))).then(
      () => this.#settle(outcome),
      (error: unknown) =>
        this.#settle({ kind: 'lost', runtimeMs: outcome.runtimeMs, ...this.#options.notStored(error) }),
    )
  }

  /** Its slot died under it. */
  lost(reason: string): void {
    if (this.#cancelled) this.#settle(this.#cancelledOutcome(this.#cancelled))
    else this.#settle({ kind: 'lost', runtimeMs: this.#runtimeMs, reason, isTransient: false })
  }

  /** Its slot died before its turn: it waits again. */
  putBack(): void {
    this.#slot = undefined
    if (this.#cancelled) this.#settle(this.#cancelledOutcome(this.#cancelled))
  }

  /** There is no slot for it, and there will be none. */
  refuse(reason: string): void {
    this.#settle({ kind: 'lost', runtimeMs: 0, reason, isTransient: true })
  }

  get #runtimeMs(): number {
    return this.#startedAt === 0 ? 0 : performance.now() - this.#startedAt
  }

  #cancelledOutcome(reason: CancelReason): Extract<Outcome, { kind: 'cancelled' }> {
    return { kind: 'cancelled', runtimeMs: this.#runtimeMs, reason }
  }

  #timeOut(limitMs: number): void {
    this.#settle({ kind: 'timedOut', runtimeMs: this.#runtimeMs, limitMs })
    this.#slot?.killUnder(this, `hard time limit of ${limitMs / 1000} s`)
  }

  #settle(outcome: Outcome): void {
    if (this.#state === 'settled') return
    this.#state = 'settled'
    this.#resolve(outcome)
    this.#over()
  }

  #over(): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#graceTimer)
    if (this.#isOver) return
    this.#isOver = true
    this.#options.onOver(this)
  }
}
