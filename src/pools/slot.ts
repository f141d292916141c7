import type { CancelReason, Job } from './pool.ts'
import type { ExecutionSlot, SlotExecution } from './slot-execution.ts'
import { SlotJobs } from './slot-jobs.ts'
import type { FromSlot, SlotError, SlotLog, ToSlot } from './slot-messages.ts'
import { SlotRequests } from './slot-requests.ts'
import type { OpenTransport, SlotTransport } from './slot-transport.ts'
import { setLongTimeout } from '../util/long-timeout.ts'

export interface SlotOptions {
  readonly name: string
  readonly entry: URL
  readonly open: OpenTransport
  readonly setup: unknown
  /** Jobs after which it is replaced. */
  readonly maxTasks: number | undefined
  readonly maxMemoryBytes: number | undefined
  /** How long it may take to load. */
  readonly startTimeoutMs: number
  /** How an error of the store is told to the child. */
  readonly describeError: (error: unknown) => SlotError
  readonly events: SlotEvents
}

export interface SlotEvents {
  onReady(slot: Slot): void
  /** A body ended. */
  onAnswer(slot: Slot, job: Job, runtimeMs: number): void
  /** The child has ended, or was ended; `left` did not get to their end. */
  onGone(slot: Slot, end: SlotEnd): void
  onLog(slot: Slot, line: SlotLog): void
  onNote(note: string): void
}

export interface SlotEnd {
  readonly reason: string
  /** It was told to. */
  readonly isExpected: boolean
  /** The first was running. */
  readonly left: readonly SlotExecution[]
}

/**
 * One thread or process, which runs one body at a time: starting -> ready -> leaving -> gone. It may hold jobs that wait
 * for their turn, so that a very short one does not wait for the way there and back.
 */
export class Slot implements ExecutionSlot {
  readonly name: string
  readonly startedAtMs: number = performance.now()
  /** Resolves when the child is no more. */
  readonly exited: Promise<void>
  #state: 'starting' | 'ready' | 'leaving' | 'gone' = 'starting'
  #resolveExited!: () => void
  readonly #jobs: SlotJobs
  readonly #requests: SlotRequests
  readonly #transport: SlotTransport
  readonly #options: SlotOptions
  #fatal: string | undefined
  #startTimer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(options: SlotOptions) {
    const { name, entry, open, setup, maxMemoryBytes, startTimeoutMs } = options
    this.#options = options
    this.name = name
    const send = (message: ToSlot): void => this.#transport.send(message)
    this.#jobs = new SlotJobs(send)
    this.#requests = new SlotRequests(this.#jobs, send, options.describeError)
    this.exited = new Promise((resolve) => (this.#resolveExited = resolve))
    this.#transport = open({
      name,
      entry,
      onMessage: (message) => this.#heed(message),
      onExit: (reason) => {
        this.#gone(this.#fatal ?? reason)
        this.#resolveExited()
      },
    })
    this.#startTimer = setLongTimeout(() => {
      const reason = `did not load within ${startTimeoutMs / 1000} s`
      this.#transport.kill()
      this.#gone(reason)
      this.#tellIfStuck(reason)
    }, startTimeoutMs)
    this.#transport.send({ kind: 'setup', name, setup, tellsMemory: maxMemoryBytes !== undefined })
  }

  get pid(): number | undefined {
    return this.#transport.pid
  }

  /** It takes jobs. */
  get isReady(): boolean {
    return this.#state === 'ready'
  }

  get isLeaving(): boolean {
    return this.#state === 'leaving'
  }

  /** Jobs that it holds, the running one included. */
  get load(): number {
    return this.#jobs.count
  }

  /** Jobs that it ever had. */
  get taken(): number {
    return this.#jobs.taken
  }

  get running(): SlotExecution | undefined {
    return this.#jobs.running
  }

  give(execution: SlotExecution): void {
    this.#jobs.add(execution)
    if (this.taken === this.#options.maxTasks) this.#state = 'leaving'
    execution.givenTo(this)
    if (this.load === 1) execution.begin()
  }

  cancel(execution: SlotExecution, reason: CancelReason): void {
    this.#jobs.cancel(execution, reason)
  }

  killUnder(execution: SlotExecution, reason: string): void {
    if (this.running === execution) this.kill(reason)
  }

  /** Ends it at once. */
  kill(reason: string): void {
    if (this.#state === 'gone') return
    this.#transport.kill()
    this.#gone(reason, true)
    this.#tellIfStuck(reason)
  }

  /** A thread inside a call of native code goes on until that is over, and takes a CPU of its successor. */
  #tellIfStuck(reason: string): void {
    const timer = setTimeout(() => {
      this.#options.events.onLog(this, { level: 'warn', fields: { reason }, message: doesNotEnd })
    }, stuckAfterMs).unref()
    void this.exited.then(() => clearTimeout(timer))
  }

  /** Gets no more jobs, and ends after those that it has. */
  retire(): void {
    if (this.#state === 'gone') return
    if (this.#state === 'starting') {
      this.kill('not needed any more')
      return
    }
    this.#state = 'leaving'
    this.#stopIfDone()
  }

  #heed(message: FromSlot): void {
    const { events } = this.#options
    switch (message.kind) {
      case 'ready':
        clearTimeout(this.#startTimer)
        if (this.#state !== 'starting') return
        this.#state = 'ready'
        return events.onReady(this)
      case 'ended':
        return this.#answered(message)
      case 'store':
        return this.#requests.store(message)
      case 'confirm':
        return this.#requests.confirm(message)
      case 'log':
        return events.onLog(this, message.line)
      case 'note':
        return events.onNote(message.note)
      case 'failed':
      case 'fatal':
        this.#fatal = message.reason
    }
  }

  #answered(answer: Extract<FromSlot, { kind: 'ended' }>): void {
    const execution = this.#jobs.shift()
    // What a child that was killed said before it died.
    if (!execution) return
    this.running?.begin()
    const { maxMemoryBytes, events } = this.#options
    if (maxMemoryBytes !== undefined && (answer.memoryBytes ?? 0) > maxMemoryBytes && this.#state === 'ready')
      this.#state = 'leaving'
    execution.answered(answer)
    this.#stopIfDone()
    events.onAnswer(this, execution.job, answer.outcome.runtimeMs)
  }

  #stopIfDone(): void {
    if (this.#state !== 'leaving' || this.load > 0 || this.#isStopped) return
    this.#isStopped = true
    this.#transport.send({ kind: 'stop' })
    const timer = setTimeout(() => this.#transport.kill(), stopTimeoutMs)
    void this.exited.then(() => clearTimeout(timer))
  }

  #gone(reason: string, isExpected: boolean = this.#isStopped): void {
    if (this.#state === 'gone') return
    clearTimeout(this.#startTimer)
    this.#state = 'gone'
    const left = this.#jobs.takeAll()
    this.#options.events.onGone(this, { reason, isExpected, left })
  }
}

/** How long a child may take to close its pools of connections. */
const stopTimeoutMs = 5000
const stuckAfterMs = 2000
const doesNotEnd =
  'Was told to end ({reason}), and still runs: a thread inside a call of native code cannot be interrupted, and takes a CPU until that is over. Another took its place. Give such tasks a process'
