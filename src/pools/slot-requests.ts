import type { SlotJobs } from './slot-jobs.ts'
import type { FromSlot, SlotError, ToSlot } from './slot-messages.ts'

/** What a child asks for while a body runs. It gets an answer to each question, also where its job is over. */
export class SlotRequests {
  readonly #jobs: SlotJobs
  readonly #send: (message: ToSlot) => void
  readonly #describeError: (error: unknown) => SlotError

  constructor(jobs: SlotJobs, send: (message: ToSlot) => void, describeError: (error: unknown) => SlotError) {
    this.#jobs = jobs
    this.#send = send
    this.#describeError = describeError
  }

  /** To store a state. */
  store({ number, call, state }: Extract<FromSlot, { kind: 'store' }>): void {
    const execution = this.#jobs.byNumber(number)
    if (!execution) return this.#answer(call)
    execution.store(state).then(
      () => this.#answer(call),
      (error: unknown) => this.#answer(call, this.#describeError(error)),
    )
  }

  /** Whether what the body has done by now counts. */
  confirm({ number, call }: Extract<FromSlot, { kind: 'confirm' }>): void {
    const isAccepted = this.#jobs.byNumber(number)?.isAccepted
    this.#answer(call, isAccepted ? undefined : { message: 'not accepted', isOperational: false })
  }

  #answer(call: number, error?: SlotError): void {
    this.#send({ kind: 'stored', call, error })
  }
}
