import type { Celeriac } from '../app/app.ts'
import type { Codec } from '../app/codec.ts'
import type { Delivery } from '../brokers/broker.ts'
import { DecodeError } from '../errors.ts'
import { readTask, type ReceivedTask } from '../protocol/task-message.ts'
import { Request, type TimeLimits } from './request.ts'
import type { Revocations } from './revocations.ts'
import type { Settler } from './settler.ts'
import type { TaskLimits } from './task-limits.ts'
import type { TaskLog } from './task-log.ts'
import type { Burial, TaskObservers } from './task-observer.ts'

export interface DecisionOptions {
  readonly app: Celeriac
  readonly codec: Codec
  readonly settler: Settler
  readonly revocations: Revocations
  readonly taskLog: TaskLog
  readonly observers: TaskObservers
  /** Of the worker, for tasks that have none. */
  readonly limits: TimeLimits
  readonly taskLimits: TaskLimits
  readonly maxDeliveries: number
}

/** What becomes of each delivery, first match wins: the table of docs/worker.md. */
export class Decisions {
  readonly #options: DecisionOptions

  constructor(options: DecisionOptions) {
    this.#options = options
  }

  /** The request if it is to run, undefined if it was settled otherwise. */
  decide(delivery: Delivery): Request | undefined {
    const { app, settler, limits, taskLimits, maxDeliveries } = this.#options
    const received = this.#read(delivery)
    if (!received) return undefined
    const task = app.tasks.get(received.headers.task)
    if (!task) {
      settler.refusals.unknown(delivery, received.headers)
      this.#tellBuried(delivery, { kind: 'unknown', headers: received.headers })
      return undefined
    }
    const request = new Request(delivery, received, taskLimits.optionsOf(task), limits)
    if (this.isDiscarded(request)) return undefined
    const { eta } = request.headers
    if (eta !== undefined && eta.getTime() > Date.now()) {
      void settler.defer(delivery, eta)
      return undefined
    }
    if (delivery.deliveryCount > maxDeliveries) {
      settler.refusals.tooManyDeliveries(request)
      this.#tellBuried(delivery, { kind: 'tooManyDeliveries', request })
      return undefined
    }
    if (request.options.rateIntervalMs !== undefined && this.#isDeferredByRate(request)) return undefined
    this.#tellReceived(request)
    return request
  }

  #tellReceived(request: Request): void {
    const { app, taskLog, observers } = this.#options
    const { delivery } = request
    taskLog.received(request)
    if (observers.active) {
      request.receivedAtMs = Date.now()
      observers.active.received(request)
    }
    if (app.signals.has('taskReceived')) {
      void app.signals.emit('taskReceived', { taskName: request.taskName, taskId: request.id, queue: delivery.queue })
    }
  }

  #tellBuried(delivery: Delivery, burial: Burial): void {
    this.#options.observers.active?.buried(delivery, burial)
  }

  /** Back to the broker until it is its turn, which is no time in the window or a slot. */
  #isDeferredByRate(request: Request): boolean {
    const delayMs = this.#options.taskLimits.delayMs(request)
    if (delayMs === undefined) return false
    void this.#options.settler.defer(request.delivery, new Date(Date.now() + delayMs))
    return true
  }

  #read(delivery: Delivery): ReceivedTask | undefined {
    const { codec } = this.#options
    try {
      return readTask(delivery.message, () => codec.load(delivery.message))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.unreadable(delivery, error)
      return undefined
    }
  }

  /** Expired or revoked, at receipt or while it waited for a slot. */
  isDiscarded(request: Request): boolean {
    const { revocations, settler, observers } = this.#options
    const isRevoked = revocations.covers(request.headers)
    if (!isRevoked && !request.isExpired()) return false
    const reason = isRevoked ? 'revoked' : 'expired'
    settler.refusals.revoked(request, reason)
    observers.active?.discarded(request, reason)
    return true
  }

  /** Bytes that are no task, or none that may be read. */
  unreadable(delivery: Delivery, error: unknown): void {
    this.#options.settler.refusals.unreadable(delivery, error)
    this.#tellBuried(delivery, { kind: 'unreadable', error })
  }
}
