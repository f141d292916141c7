import { setTimeout as pause } from 'node:timers/promises'
import { OperationalError } from '../errors.ts'
import type { Job } from './pool.ts'
import { Slot, type SlotEnd, type SlotEvents, type SlotOptions } from './slot.ts'
import type { SlotLog } from './slot-messages.ts'
import { SlotStarts } from './slot-starts.ts'
import type { OpenTransport } from './slot-transport.ts'

export interface SlotSupplyOptions {
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
  /** How long a child may take to load. Milliseconds, default 60 s. */
  readonly startTimeoutMs?: number | undefined
  readonly onLog: (slotName: string, line: SlotLog) => void
  readonly onNote: (note: string) => void
}

/** What the pool does with its slots. */
export interface SlotUser {
  /** A body ended. */
  onAnswer(job: Job, runtimeMs: number): void
  /** What `left` tells of did not get to its end. Called before another slot is started. */
  onGone(left: SlotEnd['left'], why: string): void
  /** A slot may take something. */
  onFree(): void
  /** They keep dying, and no more are started. */
  onBroken(error: Error): void
}

/** Keeps as many slots alive as there should be, and replaces those that die or have done enough. */
export class SlotSupply {
  /** Starting, ready or leaving. */
  readonly slots: Slot[] = []
  /** Resolves when the first can take jobs. */
  readonly started: Promise<void>
  size: number
  readonly #open: OpenTransport
  readonly #options: SlotSupplyOptions
  readonly #user: SlotUser
  /** Gone, but perhaps not yet ended. */
  readonly #ending = new Set<Promise<void>>()
  readonly #starts = new SlotStarts()
  readonly #first = Promise.withResolvers<void>()
  #timer: NodeJS.Timeout | undefined
  #lastName = 0
  #isClosed = false
  #broken: Error | undefined

  constructor(open: OpenTransport, options: SlotSupplyOptions, user: SlotUser) {
    this.#open = open
    this.#options = options
    this.#user = user
    this.size = options.size
    this.started = this.#first.promise
    this.started.catch(() => undefined)
  }

  /** Why nothing can run any more. */
  get refusal(): string | undefined {
    return this.#broken?.message ?? (this.#isClosed ? isClosed : undefined)
  }

  /** Starts and retires children until there are as many as there should be. */
  fill(): void {
    if (this.#isClosed || this.#broken || this.#timer) return
    const pauseMs = this.#starts.pauseMs
    if (pauseMs === undefined) return
    const staying = this.slots.filter((slot) => !slot.isLeaving)
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

  /** Each is replaced once it has done what it has. */
  replaceAll(): void {
    for (const slot of this.slots.slice()) slot.retire()
    this.fill()
  }

  /** Ends them all; those that run something are killed. Resolves when they have ended, or are given up. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#first.reject(new OperationalError('the pool was closed before it had started'))
    for (const slot of this.slots.slice()) {
      if (slot.load > 0) slot.kill(isClosed)
      else slot.retire()
    }
    const deadline = new AbortController()
    const late = pause(closeTimeoutMs, undefined, { signal: deadline.signal }).catch(() => undefined)
    await Promise.race([Promise.all(this.#ending), late])
    deadline.abort()
  }

  /** Where children are replaced, one more is warm, so that the pool does not shrink while another starts. */
  get #target(): number {
    const { maxTasksPerChild, maxMemoryPerChild } = this.#options
    return maxTasksPerChild === undefined && maxMemoryPerChild === undefined ? this.size : this.size + 1
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
      this.slots.push(slot)
      const ended = slot.exited.finally(() => this.#ending.delete(ended))
      this.#ending.add(ended)
    }
  }

  readonly #events: SlotEvents = {
    onReady: () => {
      this.#starts.ready()
      this.#first.resolve()
      // After a pause they come one by one.
      this.fill()
      this.#user.onFree()
    },
    onAnswer: (slot, job, runtimeMs) => {
      this.#starts.worked()
      this.#user.onAnswer(job, runtimeMs)
      if (slot.isLeaving) this.fill()
      this.#user.onFree()
    },
    onGone: (slot, end) => this.#onGone(slot, end),
    onLog: (slot, line) => this.#options.onLog(slot.name, line),
    onNote: (note) => this.#options.onNote(note),
  }

  #onGone(slot: Slot, { reason, isExpected, left }: SlotEnd): void {
    this.slots.splice(this.slots.indexOf(slot), 1)
    const why = `${slot.name}: ${reason}`
    this.#user.onGone(left, why)
    if (this.#isClosed) return
    const isFailure = !isExpected && left.length === 0
    if (isFailure) this.#starts.failed(slot.startedAtMs)
    if (this.#starts.pauseMs === undefined) return this.#break(why)
    if (isFailure) this.#options.onLog(slot.name, { level: 'error', fields: { reason }, message: diedIdle })
    this.fill()
    this.#user.onFree()
  }

  #break(why: string): void {
    if (this.#broken) return
    const children = this.#options.name === 'thread' ? 'threads' : 'processes'
    this.#broken = new OperationalError(`The ${children} of this worker cannot be started: ${why}`)
    this.#first.reject(this.#broken)
    this.#user.onBroken(this.#broken)
  }
}

/** A little longer than a slot may take to close. */
const closeTimeoutMs = 6000
export const isClosed = 'the pool is closed'
const diedIdle = 'Ended although no task ran in it, another takes its place: {reason}'

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
