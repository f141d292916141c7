import { OperationalError } from '../errors.ts'
import { chooseSlot } from './choose-slot.ts'
import type { Execution, Job, Loan, Pool } from './pool.ts'
import { ShortJobs } from './short-jobs.ts'
import { SlotExecution } from './slot-execution.ts'
import type { Slot } from './slot.ts'
import { isClosed, SlotSupply, type SlotSupplyOptions } from './slot-supply.ts'
import type { OpenTransport } from './slot-transport.ts'

export interface SlotPoolOptions extends SlotSupplyOptions {
  /** How long a body that was told to stop may take before its child is ended. Milliseconds, default 2 s. */
  readonly graceMs?: number | undefined
  /** Stores a state of a task, as the child encoded it. */
  readonly store: (state: string) => Promise<void>
  readonly onSlotFree: () => void
  /** Children keep dying, no more are started, and nothing can run any more. */
  readonly onBroken: (error: Error) => void
}

/** Runs each body in a slot of its own, a thread or a process, which is replaced when it dies. */
export class SlotPool implements Pool {
  readonly #options: SlotPoolOptions
  readonly #supply: SlotSupply
  /** Jobs that no slot has. */
  readonly #waiting: SlotExecution[] = []
  readonly #bodies = new Set<SlotExecution>()
  readonly #short = new ShortJobs()

  constructor(open: OpenTransport, options: SlotPoolOptions) {
    this.#options = options
    this.#supply = new SlotSupply(open, options, {
      onAnswer: ({ headers }, runtimeMs) => this.#short.observe(headers.task, runtimeMs),
      onGone: (left, why) => this.#takeBack(left, why),
      onFree: () => {
        this.#dispatch()
        options.onSlotFree()
      },
      onBroken: (error) => {
        this.#refuseWaiting(error.message)
        options.onBroken(error)
      },
    })
  }

  get size(): number {
    return this.#supply.size
  }

  get busy(): number {
    return Math.min(this.#bodies.size, this.size)
  }

  /** A slot whose body does not stop is ended. */
  get abandoned(): readonly Job[] {
    return []
  }

  get pids(): readonly number[] {
    return [...new Set(this.#supply.slots.flatMap(({ pid }) => pid ?? []))]
  }

  start(): Promise<void> {
    this.#supply.fill()
    return this.#supply.started
  }

  hasRoom(job: Job): boolean {
    return this.#waiting.length === 0 && this.#slotFor(job) !== undefined
  }

  run(job: Job, loan?: Loan, onStarted?: () => void): Execution {
    const execution: SlotExecution = new SlotExecution({
      job,
      loan,
      onStarted,
      graceMs: this.#options.graceMs ?? 2000,
      store: this.#options.store,
      notStored: (error) => ({
        reason: error instanceof Error ? error.message : String(error),
        isTransient: error instanceof OperationalError,
      }),
      onOver: this.#onOver,
    })
    this.#bodies.add(execution)
    const { refusal } = this.#supply
    if (refusal !== undefined) execution.refuse(refusal)
    else {
      this.#waiting.push(execution)
      this.#dispatch()
    }
    return execution
  }

  resize(size: number): Promise<void> {
    this.#supply.size = size
    if (this.#supply.slots.length > 0) this.#supply.fill()
    return Promise.resolve()
  }

  restart(): void {
    this.#supply.replaceAll()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#supply.close()
    this.#refuseWaiting(isClosed)
    await closed
  }

  readonly #onOver = (execution: SlotExecution): void => {
    this.#bodies.delete(execution)
    const index = this.#waiting.indexOf(execution)
    if (index !== -1) this.#waiting.splice(index, 1)
  }

  /** Gives out what waits, as far as there is room. */
  #dispatch(): void {
    for (;;) {
      const [next] = this.#waiting
      const slot = next && this.#slotFor(next.job)
      if (!next || !slot) return
      this.#waiting.shift()
      slot.give(next)
      if (slot.isLeaving) this.#supply.fill()
    }
  }

  #slotFor(job: Job): Slot | undefined {
    return chooseSlot(this.#supply.slots, this.size, job, this.#short)
  }

  /** Their slot died: the first was running, the others wait again. */
  #takeBack([running, ...others]: readonly SlotExecution[], why: string): void {
    running?.lost(why)
    for (const execution of others) execution.putBack()
    this.#waiting.unshift(...others.filter((execution) => !execution.isSettled))
  }

  #refuseWaiting(reason: string): void {
    for (const execution of this.#waiting.splice(0)) execution.refuse(reason)
  }
}
