import type { Celeriac } from '../app/app.ts'
import { revokedError, storeRevoked } from '../app/store-revoked.ts'
import type { ResultBackend } from '../backends/backend.ts'
import type { Delivery } from '../brokers/broker.ts'
import { DecodeError } from '../errors.ts'
import type { Following, Outcome } from '../pools/pool.ts'
import type { RemoteError } from '../protocol/remote-error.ts'
import type { TaskHeaders } from '../protocol/task-message.ts'
import { EarlyAcknowledgement } from './early-acknowledgement.ts'
import { storesErrors } from './result-policy.ts'
import type { Request } from './request.ts'
import { Settlements } from './settlements.ts'
import { Unfinished } from './unfinished.ts'
import { Workflows } from './workflows.ts'

/** Brings broker and result backend in line with what became of a task. Its errors are logged, and what failed is tried again. */
export class Settler {
  readonly #app: Celeriac
  readonly #backend: ResultBackend
  readonly #settlements: Settlements
  readonly #now: () => number
  readonly #unfinished: Unfinished
  readonly #workflows: Workflows
  readonly #early: EarlyAcknowledgement

  constructor(app: Celeriac, backend: ResultBackend, now: () => number = Date.now) {
    this.#app = app
    this.#backend = backend
    this.#now = now
    this.#settlements = new Settlements(this.report)
    this.#unfinished = new Unfinished(app, backend)
    this.#workflows = new Workflows(app, backend)
    this.#early = new EarlyAcknowledgement(app, backend)
  }

  /** The end of an attempt: the table of celery-wire 10.2, with late acknowledgement. */
  settle(request: Request, outcome: Outcome): void {
    switch (outcome.kind) {
      case 'succeeded':
      case 'failed':
        return outcome.successors || outcome.parts
          ? this.#acknowledgeWith(request, outcome)
          : this.#acknowledge(request)
      case 'ignored':
        if (outcome.successors) return this.#acknowledgeWith(request, outcome)
        return this.#endUnfinished(request, revokedError(`ignored: ${outcome.reason}`))
      case 'retried':
        return this.#acknowledgeWith(request, { successors: [outcome.next] })
      case 'rejected':
        return this.#rejected(request, outcome)
      case 'undecodable':
        return this.#deadLetter(request.delivery, outcome.reason, outcome)
      case 'timedOut':
        return void this.#do(request.delivery, () => this.#endWith(request, timeLimitExceeded(outcome.limitMs)))
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
    return this.#do(delivery, () => delivery.defer(until))
  }

  /** Discarded before it ran: REVOKED with the reason `revoked` or `expired`. */
  revoked(request: Request, reason: 'revoked' | 'expired'): void {
    this.#app.log.info(
      { taskId: request.id, taskName: request.taskName, reason },
      'Discarding {reason} task: {taskName}[{taskId}]',
    )
    this.#endUnfinished(request, revokedError(reason), () => storeRevoked(this.#backend, request.id, reason))
    this.#tellRevoked(request, { expired: reason === 'expired', terminated: false })
  }

  /** No task of that name here: parked among the dead letters, so that a newer release can still run it. */
  unknown(delivery: Delivery, headers: TaskHeaders): void {
    const { task: taskName, id: taskId } = headers
    const known = this.#app.tasks.names()
    this.#app.log.error(
      { taskId, taskName, queue: delivery.queue, known: known.length },
      'Received unregistered task {taskName}[{taskId}], put among the dead letters of {queue}; is its module imported?',
    )
    this.#fail(
      { headers, delivery },
      { type: 'NotRegistered', message: taskName, module: 'celery.exceptions' },
      `no task ${taskName} is registered in this worker`,
    )
    if (this.#app.signals.has('taskUnknown'))
      void this.#app.signals.emit('taskUnknown', { taskName, taskId, queue: delivery.queue })
  }

  /** A task that keeps killing its workers stops here. */
  tooManyDeliveries(request: Request): void {
    const { deliveryCount, queue } = request.delivery
    const reason = `delivered ${deliveryCount - 1} times and never finished (task_max_deliveries is ${this.#app.config.task.maxDeliveries}): it may be killing its workers`
    this.#app.log.error(
      { taskId: request.id, taskName: request.taskName, queue, reason },
      'Task {taskName}[{taskId}] {reason}; put among the dead letters',
    )
    this.#fail(request, { type: 'WorkerLostError', message: reason, module: 'billiard.exceptions' }, reason)
  }

  /** Bytes that are no task, or none that may be read. */
  unreadable(delivery: Delivery, error: unknown): void {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    const { id } = delivery.message.headers
    this.#app.log.error(
      { queue: delivery.queue, reason, taskId: id },
      'A message of {queue} cannot be read, put among the dead letters: {reason}',
    )
    if (typeof id !== 'string' || id === '') return this.#deadLetter(delivery, reason)
    const type = error instanceof DecodeError ? error.name : 'DecodeError'
    this.#fail({ headers: undefined, delivery }, { type, message: reason, module: 'celeriac' }, reason)
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
    if (request.begun) this.#acknowledgeWith(request, {})
    else if (!request.isSettled) void this.#do(request.delivery, () => request.delivery.acknowledge())
  }

  #acknowledgeWith(request: Request, following: Following): void {
    void this.#do(request.delivery, () => this.#workflows.acknowledge(request, following))
  }

  /** REVOKED for what waits behind it. */
  #endUnfinished(request: Request, error: RemoteError, store?: () => Promise<void>): void {
    void this.#do(request.delivery, async () => {
      await store?.()
      const following = await this.#unfinished.end(request.job, 'REVOKED', error)
      await this.#workflows.acknowledge(request, following)
    })
  }

  #rejected(request: Request, { requeue, reason }: { readonly requeue: boolean; readonly reason: string }): void {
    if (this.#app.signals.has('taskRejected')) {
      void this.#app.signals.emit('taskRejected', { taskName: request.taskName, taskId: request.id, requeue, reason })
    }
    if (request.isSettled) return
    // A body that must not begin twice cannot go back.
    if (requeue && !request.begun) return void this.#do(request.delivery, () => request.delivery.reject({ requeue }))
    void this.#do(request.delivery, async () => {
      const following = await this.#unfinished.end(request.job, 'REVOKED', revokedError(`rejected: ${reason}`))
      await this.#workflows.bury(request.delivery, reason, following)
    })
  }

  #lost(request: Request, { isTransient, reason }: Extract<Outcome, { kind: 'lost' }>): void {
    const { delivery } = request
    if (request.isSettled || request.begun) {
      // Nothing is left to run it again.
      if (!isTransient || request.begun) void this.#do(delivery, () => this.#endWith(request, workerLost(reason)))
      return
    }
    void this.#do(delivery, () =>
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
    const store = (): Promise<void> => storeRevoked(this.#backend, request.id, 'terminated')
    this.#endUnfinished(request, revokedError('terminated'), store)
    this.#tellRevoked(request, { expired: false, terminated: true })
  }

  /** FAILURE of a task whose body began, and must not again. */
  #endBegun(request: Request, what: string): void {
    const { id: taskId, taskName } = request
    const reason = `${what}; it is not run again, because it is acknowledged before it runs (acksLate: false)`
    this.#app.log.error({ taskId, taskName, reason }, 'Task {taskName}[{taskId}] failed: {reason}')
    void this.#do(request.delivery, () => this.#endWith(request, workerLost(reason)))
  }

  #tellRevoked({ taskName, id }: Request, how: { readonly expired: boolean; readonly terminated: boolean }): void {
    const { signals } = this.#app
    if (signals.has('taskRevoked')) void signals.emit('taskRevoked', { taskName, taskId: id, ...how })
  }

  /** FAILURE of a task whose body cannot say so itself. */
  async #endWith(request: Request, result: RemoteError): Promise<void> {
    const { headers, options } = request
    if (storesErrors(headers, options)) {
      await this.#backend.store({
        taskId: request.id,
        status: 'FAILURE',
        result,
        dateDone: new Date(),
        groupId: headers.group,
        parentId: headers.parentId,
      })
    }
    const following = await this.#unfinished.end(request.job, 'FAILURE', result)
    await this.#workflows.acknowledge(request, following)
    if (this.#app.signals.has('taskFailure')) {
      await this.#app.signals.emit('taskFailure', {
        taskName: request.taskName,
        taskId: request.id,
        error: result,
        thrown: undefined,
      })
    }
  }

  /** FAILURE for whoever waits, then the dead letters. */
  #fail(
    { delivery, headers }: { readonly delivery: Delivery; readonly headers: TaskHeaders | undefined },
    error: { readonly type: string; readonly message: string; readonly module: string },
    reason: string,
  ): void {
    const result = { type: error.type, details: [error.message], module: error.module, traceback: undefined }
    const taskId = String(delivery.message.headers['id'])
    void this.#do(delivery, async () => {
      await this.#backend.store({ taskId, status: 'FAILURE', result, dateDone: new Date() }).catch(this.report)
      const { message, queue, deliveryCount } = delivery
      const ended = headers && { headers, message, queue, deliveryCount }
      const following = ended ? await this.#unfinished.end(ended, 'FAILURE', result) : {}
      await this.#workflows.bury(delivery, reason, following)
    })
  }

  #deadLetter(delivery: Delivery, reason: string, following: Following = {}): void {
    void this.#do(delivery, () => this.#workflows.bury(delivery, reason, following))
  }

  #do(delivery: Delivery | undefined, work: () => Promise<void>): Promise<void> {
    return this.#settlements.do(delivery, work)
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
