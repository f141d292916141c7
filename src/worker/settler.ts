import type { Celeriac } from '../app/app.ts'
import { revokedError, storeRevoked } from '../app/store-revoked.ts'
import type { ResultBackend } from '../backends/backend.ts'
import type { Delivery } from '../brokers/broker.ts'
import type { Outcome } from '../pools/pool.ts'
import type { RemoteError } from '../protocol/remote-error.ts'
import { EarlyAcknowledgement } from './early-acknowledgement.ts'
import { Endings } from './endings.ts'
import { Refusals } from './refusals.ts'
import type { Request } from './request.ts'
import { Settlements } from './settlements.ts'

/** Brings broker and result backend in line with what became of a task. Its errors are logged, and what failed is tried again. */
export class Settler {
  /** Of messages whose body does not begin. */
  readonly refusals: Refusals
  readonly #app: Celeriac
  readonly #backend: ResultBackend
  readonly #settlements: Settlements
  readonly #now: () => number
  readonly #endings: Endings
  readonly #early: EarlyAcknowledgement

  constructor(app: Celeriac, backend: ResultBackend, now: () => number = Date.now) {
    this.#app = app
    this.#backend = backend
    this.#now = now
    this.#settlements = new Settlements(this.report)
    this.#endings = new Endings(app, backend, this.#settlements)
    this.refusals = new Refusals(app, backend, this.#endings)
    this.#early = new EarlyAcknowledgement(app, backend)
  }

  /** The end of an attempt: the table of celery-wire 10.2, with late acknowledgement. */
  settle(request: Request, outcome: Outcome): void {
    switch (outcome.kind) {
      case 'succeeded':
      case 'failed':
        return outcome.successors || outcome.parts
          ? this.#endings.acknowledge(request, outcome)
          : this.#acknowledge(request)
      case 'ignored':
        if (outcome.successors) return this.#endings.acknowledge(request, outcome)
        return this.#endings.revoke(request, revokedError(`ignored: ${outcome.reason}`))
      case 'retried':
        return this.#endings.acknowledge(request, { successors: [outcome.next] })
      case 'rejected':
        return this.#rejected(request, outcome)
      case 'undecodable':
        return this.#endings.bury(request.delivery, outcome.reason, outcome)
      case 'timedOut':
        return this.#endings.fail(request, timeLimitExceeded(outcome.limitMs))
      case 'cancelled':
        return this.#cancelled(request, outcome.reason)
      case 'lost':
        return this.#lost(request, outcome)
    }
  }

  /** Celery's early ack. False: the body must not run again, and its task is ended. Rejects, and then it must not run. */
  async acknowledgeEarly(request: Request): Promise<boolean> {
    try {
      const mayBegin = await this.#early.begin(request)
      if (!mayBegin) this.#endBegun(request, 'its worker died while it ran')
      return mayBegin
    } catch (error) {
      this.report(error)
      throw error
    }
  }

  /** Back to its place, as if it had not been taken. Resolves when that is done or has failed. */
  giveBack(request: Request): Promise<void> {
    return request.isSettled ? Promise.resolve() : this.defer(request.delivery, new Date(0))
  }

  /** Back until then. Resolves when that is done or has failed. */
  defer(delivery: Delivery, until: Date): Promise<void> {
    return this.#settlements.do(delivery, () => delivery.defer(until))
  }

  readonly report = (error: unknown): void => {
    this.#app.log.error(
      { err: error, reason: error instanceof Error ? error.message : String(error) },
      'A message could not be settled, trying on: {reason}',
    )
  }

  /** At the end of the worker: resolves when everything begun is done or has failed. */
  async settled(): Promise<void> {
    await this.#settlements.end()
  }

  #acknowledge(request: Request): void {
    if (request.begun) this.#endings.acknowledge(request, {})
    else if (!request.isSettled) void this.#settlements.do(request.delivery, () => request.delivery.acknowledge())
  }

  #rejected(request: Request, { requeue, reason }: { readonly requeue: boolean; readonly reason: string }): void {
    if (this.#app.signals.has('taskRejected')) {
      void this.#app.signals.emit('taskRejected', { taskName: request.taskName, taskId: request.id, requeue, reason })
    }
    if (request.isSettled) return
    // A body that must not begin twice cannot go back.
    if (requeue && !request.begun)
      return void this.#settlements.do(request.delivery, () => request.delivery.reject({ requeue }))
    this.#endings.reject(request, revokedError(`rejected: ${reason}`), reason)
  }

  #lost(request: Request, { isTransient, reason }: Extract<Outcome, { kind: 'lost' }>): void {
    const { delivery } = request
    if (request.isSettled || request.begun) {
      // Nothing is left to run it again.
      if (!isTransient || request.begun) this.#endings.fail(request, workerLost(reason))
      return
    }
    void this.#settlements.do(delivery, () =>
      isTransient ? delivery.defer(new Date(this.#now() + lostPauseMs)) : delivery.reject({ requeue: true }),
    )
  }

  #cancelled(request: Request, reason: 'revoked' | 'shutdown' | 'loanLost'): void {
    if (reason === 'loanLost') return
    if (reason === 'shutdown') {
      if (request.begun) this.#endBegun(request, 'its worker stopped while it ran')
      else void this.giveBack(request)
      return
    }
    const { id: taskId, taskName } = request
    const { signals } = this.#app
    this.#endings.revoke(request, revokedError('terminated'), () => storeRevoked(this.#backend, taskId, 'terminated'))
    if (signals.has('taskRevoked'))
      void signals.emit('taskRevoked', { taskName, taskId, expired: false, terminated: true })
  }

  /** FAILURE of a task whose body began, and must not again. */
  #endBegun(request: Request, what: string): void {
    const { id: taskId, taskName } = request
    const reason = `${what}; it is not run again, because it is acknowledged before it runs (acksLate: false)`
    this.#app.log.error({ taskId, taskName, reason }, 'Task {taskName}[{taskId}] failed: {reason}')
    this.#endings.fail(request, workerLost(reason))
  }
}

function timeLimitExceeded(limitMs: number): RemoteError {
  return {
    type: 'TimeLimitExceeded',
    details: [limitMs / 1000],
    module: 'billiard.exceptions',
    traceback: undefined,
  }
}

function workerLost(reason: string): RemoteError {
  return { type: 'WorkerLostError', details: [reason], module: 'billiard.exceptions', traceback: undefined }
}

/** How long a task rests whose result could not be stored: the store is away, and trying at once would spin. */
const lostPauseMs = 1000
