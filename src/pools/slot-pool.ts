import { setTimeout as pause } from 'node:timers/promises'
import { OperationalError } from '../errors.ts'
import type { Execution, Job, Loan, Pool } from './pool.ts'
import { ShortJobs } from './short-jobs.ts'
import { SlotExecution } from './slot-execution.ts'
import { Slot, type SlotEnd, type SlotEvents, type SlotOptions } from './slot.ts'
import type { SlotLog } from './slot-messages.ts'
import { SlotStarts } from './slot-starts.ts'
import type { OpenTransport } from './slot-transport.ts'

export interface SlotPoolOptions {
  /** Begins the names of its slots. */
  readonly name: 'thread' | 'process'
  readonly size: number
  /** The module that a child runs; it calls `serveSlot`. */
  readonly entry: URL
  /** Data that a child is started with. */
  readonly setup: unknown
  /** Jobs after which a child is replaced. Undefined: never. */
  readonly maxTasksPerChild?: number | undefined
  /** A child that takes more after a job is replaced: memory of the process, or heap of the thread. Bytes. */
  readonly maxMemoryPerChild?: number | undefined
  /** How long a body that was told to stop may take before its child is ended. Milliseconds, default 2 s. */
  readonly graceMs?: number | undefined
  /** How long a child may take to load. Milliseconds, default 60 s. */
  readonly startTimeoutMs?: number | undefined
  /** Stores a state of a task, as the child encoded it. */
  readonly store: (state: string) => Promise<void>
  readonly onSlotFree: () => void
  readonly onLog: (slotName: string, line: SlotLog) => void
  readonly onNote: (note: string) => void
  /** Children keep dying, no more are started, and nothing can run any more. */
  readonly onBroken: (error: Error) => void
}

/** Runs each body in a slot of its own, a thread or a process, which is replaced when it dies. */
export class SlotPool implements Pool {
  #size: number
  readonly #options: SlotPoolOptions
  readonly #open: OpenTransport
  readonly #slots: Slot[] = []
  /** Gone, but perhaps not yet ended. */
  readonly #ending = new Set<Promise<void>>()
  /** Jobs that no slot has. */
  readonly #waiting: SlotExecution[] = []
  readonly #bodies = new Set<SlotExecution>()
  readonly #short = new ShortJobs()
  readonly #starts = new SlotStarts()
  readonly #started = Promise.withResolvers<void>()
  #timer: NodeJS.Timeout | undefined
  #lastName = 0
  #broken: Error | undefined
  #isDisposed = false

  constructor(open: OpenTransport, options: SlotPoolOptions) {
    this.#open = open
    this.#options = options
    this.#size = options.size
    this.#started.promise.catch(() => undefined)
  }

  get size(): number {
    return this.#size
  }

  get busy(): number {
    return Math.min(this.#bodies.size, this.#size)
  }

  get pids(): readonly number[] {
    return [...new Set(this.#slots.flatMap(({ pid }) => pid ?? []))]
  }

  start(): Promise<void> {
    this.#fill()
    return this.#started.promise
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
      notStored: (error) => ({ reason: describe(error), isTransient: error instanceof OperationalError }),
      onOver: this.#onOver,
    })
    this.#bodies.add(execution)
    if (this.#broken || this.#isDisposed) execution.refuse(this.#broken?.message ?? 'the pool is closed')
    else {
      this.#waiting.push(execution)
      this.#dispatch()
    }
    return execution
  }

  resize(size: number): Promise<void> {
    this.#size = size
    if (this.#slots.length > 0) this.#fill()
    return Promise.resolve()
  }

  restart(): void {
    for (const slot of this.#slots.slice()) slot.retire()
    this.#fill()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    clearTimeout(this.#timer)
    this.#started.reject(new OperationalError('the pool was closed before it had started'))
    const slots = this.#slots.slice()
    for (const slot of slots) {
      if (slot.load > 0) slot.kill('the pool is closed')
      else slot.retire()
    }
    for (const execution of this.#waiting.splice(0)) execution.refuse('the pool is closed')
    const deadline = new AbortController()
    const late = pause(closeTimeoutMs, undefined, { signal: deadline.signal }).catch(() => undefined)
    await Promise.race([Promise.all(this.#ending), late])
    deadline.abort()
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
      if (slot.isLeaving) this.#fill()
    }
  }

  /** A free slot; for a job that is very short also one that runs another such. */
  #slotFor(job: Job): Slot | undefined {
    let best: Slot | undefined
    let active = 0
    for (const slot of this.#slots) {
      if (slot.load > 0) active++
      if (slot.isReady && (!best || isBetter(slot, best))) best = slot
    }
    if (!best) return undefined
    if (best.load === 0 && active < this.#size) return best
    return this.#shortestQueue(job)
  }

  #shortestQueue(job: Job): Slot | undefined {
    const ahead = this.#short.aheadOf(job)
    if (ahead === 0) return undefined
    let best: Slot | undefined
    for (const slot of this.#slots) {
      if (!slot.isReady || !slot.running || slot.load > ahead || slot.load >= (best?.load ?? Infinity)) continue
      if (this.#short.aheadOf(slot.running.job) > 0) best = slot
    }
    return best
  }

  /** Starts and retires children until there are as many as there should be. */
  #fill(): void {
    if (this.#isDisposed || this.#broken || this.#timer) return
    const pauseMs = this.#starts.pauseMs
    if (pauseMs === undefined) return
    const staying = this.#slots.filter((slot) => !slot.isLeaving)
    for (const slot of staying.toSorted((a, b) => a.load - b.load).slice(0, Math.max(0, staying.length - this.#target)))
      slot.retire()
    if (staying.length >= this.#target) return
    if (pauseMs > 0) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined
        this.#startSome(1)
      }, pauseMs)
    } else this.#startSome(this.#target - staying.length)
  }

  /** Where children are replaced, one more is warm, so that the pool does not shrink while another starts. */
  get #target(): number {
    const { maxTasksPerChild, maxMemoryPerChild } = this.#options
    return maxTasksPerChild === undefined && maxMemoryPerChild === undefined ? this.#size : this.#size + 1
  }

  #startSome(count: number): void {
    const { name, entry, setup, maxTasksPerChild, maxMemoryPerChild, startTimeoutMs = 60_000 } = this.#options
    const options: Omit<SlotOptions, 'name'> = {
      entry,
      setup,
      open: this.#open,
      maxTasks: maxTasksPerChild,
      maxMemoryBytes: maxMemoryPerChild,
      startTimeoutMs,
      describeError: (error) => ({ message: describe(error), isOperational: error instanceof OperationalError }),
      events: this.#events,
    }
    for (let n = 0; n < count; n++) {
      const slot = new Slot({ ...options, name: `${name}-${++this.#lastName}` })
      this.#slots.push(slot)
      const ended = slot.exited.finally(() => this.#ending.delete(ended))
      this.#ending.add(ended)
    }
  }

  readonly #events: SlotEvents = {
    onReady: () => {
      this.#starts.ready()
      this.#started.resolve()
      // After a pause they come one by one.
      this.#fill()
      this.#freed()
    },
    onAnswer: (slot, { headers }, runtimeMs) => {
      this.#starts.worked()
      this.#short.observe(headers.task, runtimeMs)
      if (slot.isLeaving) this.#fill()
      this.#freed()
    },
    onGone: (slot, end) => this.#onGone(slot, end),
    onLog: (slot, line) => this.#options.onLog(slot.name, line),
    onNote: (note) => this.#options.onNote(note),
  }

  #freed(): void {
    this.#dispatch()
    this.#options.onSlotFree()
  }

  #onGone(slot: Slot, { reason, isExpected, left }: SlotEnd): void {
    this.#slots.splice(this.#slots.indexOf(slot), 1)
    const [running, ...others] = left
    const why = `${slot.name}: ${reason}`
    running?.lost(why)
    for (const execution of others) execution.putBack()
    this.#waiting.unshift(...others.filter((execution) => !execution.isSettled))
    if (this.#isDisposed) return
    const isFailure = !isExpected && !running
    if (isFailure) this.#starts.failed(slot.startedAtMs)
    if (this.#starts.pauseMs === undefined) return this.#break(why)
    if (isFailure) this.#options.onLog(slot.name, { level: 'error', fields: { reason }, message: diedIdle })
    this.#fill()
    this.#freed()
  }

  #break(why: string): void {
    if (this.#broken) return
    const children = this.#options.name === 'thread' ? 'threads' : 'processes'
    this.#broken = new OperationalError(`The ${children} of this worker cannot be started: ${why}`)
    this.#started.reject(this.#broken)
    for (const execution of this.#waiting.splice(0)) execution.refuse(this.#broken.message)
    this.#options.onBroken(this.#broken)
  }
}

/** Less to do, or more experience: what it runs is compiled, and the spare ones stay fresh. */
function isBetter(slot: Slot, than: Slot): boolean {
  return slot.load < than.load || (slot.load === than.load && slot.taken > than.taken)
}

/** A little longer than a slot may take to close. */
const closeTimeoutMs = 6000
const diedIdle = 'Ended although no task ran in it, another takes its place: {reason}'

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
