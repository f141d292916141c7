import type { Outcome, Pool } from '../pools/pool.ts'
import { Bag } from '../util/bag.ts'
import type { Request } from './request.ts'
import type { Revocations } from './revocations.ts'
import type { Settler } from './settler.ts'
import type { TaskLog } from './task-log.ts'
import type { TaskObservers } from './task-observer.ts'

/** How long a body may go on whose loan was lost: nothing it does is accepted anyway. */
const lossCheckMs = 1000

export interface RunningTasksOptions {
  readonly settler: Settler
  readonly revocations: Revocations
  readonly taskLog: TaskLog
  readonly observers: TaskObservers
  /** It has left its slot, after so many milliseconds; undefined: its body never began. */
  readonly onOver: (request: Request, runtimeMs: number | undefined) => void
}

/** Requests that have a slot: begins their bodies, tells some to stop, and hands on what became of them. */
export class RunningTasks {
  /** Attempts that ever began here, by the name of their task. */
  readonly totals: Map<string, number> = new Map()
  /** Of the shutdown. */
  readonly tally = { finished: 0, cutOff: 0 }
  readonly #requests: Bag<Request> = new Bag()
  /** Bodies that begin once their message is acknowledged. */
  readonly #reserved = new Map<Pool, number>()
  readonly #options: RunningTasksOptions
  /** A stop that turns cold waits twice. */
  readonly #onIdle: (() => void)[] = []
  #isStopping = false
  #lossTimer: NodeJS.Timeout | undefined

  constructor(options: RunningTasksOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#requests.size
  }

  /** A copy, to be walked through while some end. */
  items(): Request[] {
    return this.#requests.items()
  }

  /** Attempts that ever began here. */
  get startedCount(): number {
    return [...this.totals.values()].reduce((sum, count) => sum + count, 0)
  }

  hasRoom(pool: Pool, request: Request): boolean {
    const reserved = this.#reserved.get(pool) ?? 0
    return pool.hasRoom(request.job) && (reserved === 0 || pool.busy + reserved < pool.size)
  }

  /** Begins its body, or acknowledges its message first. There must be room. */
  run(request: Request, pool: Pool): void {
    this.#requests.add(request)
    if (request.options.acksLate) this.#start(request, pool)
    else this.#acknowledgeAndStart(request, pool)
  }

  /** A revoke arrived for a task that may run here. */
  revoke(taskId: string, terminate: boolean): void {
    for (const request of this.items()) {
      if (request.id !== taskId) continue
      if (terminate) request.execution?.terminate('revoked')
      else request.execution?.cancel('revoked')
    }
  }

  /** From now on bodies whose message was given to somebody else are told to stop. */
  watchLoans(): void {
    this.#lossTimer = setInterval(() => {
      for (const request of this.items()) if (request.delivery.isLost) request.execution?.terminate('loanLost')
    }, lossCheckMs).unref()
  }

  unwatchLoans(): void {
    clearInterval(this.#lossTimer)
  }

  /** What ends from now on is counted. */
  beginShutdown(): void {
    this.#isStopping = true
  }

  /** Resolves when nothing runs any more. */
  async idle(): Promise<void> {
    if (this.size > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve))
  }

  /** What still runs is told to stop, abandoned where it does not, and given back. Resolves when nothing runs any more. */
  async abort(): Promise<void> {
    for (const request of this.items()) request.execution?.terminate('shutdown')
    await this.idle()
  }

  #acknowledgeAndStart(request: Request, pool: Pool): void {
    this.#reserve(pool, 1)
    this.#options.settler.acknowledgeEarly(request).then(
      (mayBegin) => {
        this.#reserve(pool, -1)
        if (mayBegin) this.#start(request, pool)
        else this.#over(request)
      },
      () => {
        this.#reserve(pool, -1)
        void this.#options.settler.giveBack(request)
        this.#over(request)
      },
    )
  }

  #reserve(pool: Pool, count: number): void {
    this.#reserved.set(pool, (this.#reserved.get(pool) ?? 0) + count)
  }

  #start(request: Request, pool: Pool): void {
    const { settler, revocations, taskLog, observers } = this.#options
    this.totals.set(request.taskName, (this.totals.get(request.taskName) ?? 0) + 1)
    request.startedAtMs = Date.now()
    const onStarted = observers.active && (() => this.#tellStarted(request))
    const execution = pool.run(request.job, request.delivery, onStarted)
    request.execution = execution
    // A revoke may have come between the decision and the start.
    if (revocations.covers(request.headers)) execution.cancel('revoked')
    void execution.outcome.then((outcome) => {
      taskLog.ended(request, outcome)
      observers.active?.ended(request, outcome)
      settler.settle(request, outcome)
      if (this.#isStopping) this.tally[isCutOff(outcome) ? 'cutOff' : 'finished'] += 1
      this.#over(request, outcome.runtimeMs)
    })
  }

  #tellStarted(request: Request): void {
    request.startedAtMs = Date.now()
    this.#options.observers.active?.started(request)
  }

  #over(request: Request, runtimeMs?: number): void {
    this.#requests.delete(request)
    if (this.size === 0) for (const tell of this.#onIdle.splice(0)) tell()
    this.#options.onOver(request, runtimeMs)
  }
}

function isCutOff(outcome: Outcome): boolean {
  return outcome.kind === 'cancelled' && outcome.reason === 'shutdown'
}
