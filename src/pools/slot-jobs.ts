import type { CancelReason } from './pool.ts'
import type { SlotExecution } from './slot-execution.ts'
import type { SlotJob, ToSlot } from './slot-messages.ts'

/** What one slot has to do, in the order in which it runs, each job with the number that the child knows it by. */
export class SlotJobs {
  readonly #held: { readonly number: number; readonly execution: SlotExecution }[] = []
  /** What is given in one turn travels in one message. */
  #unsent: SlotJob[] = []
  #lastNumber = 0
  readonly #send: (message: ToSlot) => void

  constructor(send: (message: ToSlot) => void) {
    this.#send = send
  }

  /** The running one included. */
  get count(): number {
    return this.#held.length
  }

  /** How many it ever had. */
  get taken(): number {
    return this.#lastNumber
  }

  get running(): SlotExecution | undefined {
    return this.#held[0]?.execution
  }

  add(execution: SlotExecution): void {
    const number = ++this.#lastNumber
    const { message, queue, deliveryCount, softTimeLimitMs, hardTimeLimitMs, showsResult = false } = execution.job
    this.#held.push({ number, execution })
    const job = { number, message, queue, deliveryCount, softTimeLimitMs, hardTimeLimitMs, showsResult }
    if (this.#unsent.push(job) === 1) queueMicrotask(this.#flush)
  }

  cancel(execution: SlotExecution, reason: CancelReason): void {
    const held = this.#held.find((each) => each.execution === execution)
    if (!held) return
    this.#flush()
    this.#send({ kind: 'cancel', number: held.number, reason })
  }

  /** Undefined once it has ended. */
  byNumber(number: number): SlotExecution | undefined {
    return this.#held.find((held) => held.number === number)?.execution
  }

  /** The running one is over. */
  shift(): SlotExecution | undefined {
    return this.#held.shift()?.execution
  }

  /** Those that do not get to their end here; the first was running. */
  takeAll(): SlotExecution[] {
    return this.#held.splice(0).map(({ execution }) => execution)
  }

  readonly #flush = (): void => {
    if (this.#unsent.length === 0) return
    this.#send({ kind: 'run', jobs: this.#unsent })
    this.#unsent = []
  }
}
