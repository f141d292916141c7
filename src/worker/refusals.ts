import type { Celeriac } from '../app/app.ts'
import { revokedError, storeRevoked } from '../app/store-revoked.ts'
import type { ResultBackend } from '../backends/backend.ts'
import type { Delivery } from '../brokers/broker.ts'
import { DecodeError } from '../errors.ts'
import type { RemoteError } from '../protocol/remote-error.ts'
import type { TaskHeaders } from '../protocol/task-message.ts'
import type { Endings } from './endings.ts'
import type { Request } from './request.ts'

/** What becomes of messages whose body does not begin: told in the log, to the result backend and to who waits. */
export class Refusals {
  readonly #app: Celeriac
  readonly #backend: ResultBackend
  readonly #endings: Endings

  constructor(app: Celeriac, backend: ResultBackend, endings: Endings) {
    this.#app = app
    this.#backend = backend
    this.#endings = endings
  }

  /** Discarded before it ran: REVOKED with the reason `revoked` or `expired`. */
  revoked(request: Request, reason: 'revoked' | 'expired'): void {
    const { id: taskId, taskName } = request
    const { log, signals } = this.#app
    log.info({ taskId, taskName, reason }, 'Discarding {reason} task: {taskName}[{taskId}]')
    this.#endings.revoke(request, revokedError(reason), () => storeRevoked(this.#backend, taskId, reason))
    if (signals.has('taskRevoked'))
      void signals.emit('taskRevoked', { taskName, taskId, expired: reason === 'expired', terminated: false })
  }

  /** No task of that name here: parked among the dead letters, so that a newer release can still run it. */
  unknown(delivery: Delivery, headers: TaskHeaders): void {
    const { task: taskName, id: taskId } = headers
    const { queue } = delivery
    const { log, signals, tasks } = this.#app
    const known = tasks.names().length
    log.error(
      { taskId, taskName, queue, known },
      'Received unregistered task {taskName}[{taskId}], put among the dead letters of {queue}; is its module imported?',
    )
    const result = failure('NotRegistered', taskName, 'celery.exceptions')
    this.#endings.buryFailed(delivery, headers, result, `no task ${taskName} is registered in this worker`)
    if (signals.has('taskUnknown')) void signals.emit('taskUnknown', { taskName, taskId, queue })
  }

  /** A task that keeps killing its workers stops here. */
  tooManyDeliveries({ id: taskId, taskName, headers, delivery }: Request): void {
    const { deliveryCount, queue } = delivery
    const reason = `delivered ${deliveryCount - 1} times and never finished (task_max_deliveries is ${this.#app.config.task.maxDeliveries}): it may be killing its workers, or went back each time`
    this.#app.log.error(
      { taskId, taskName, queue, reason },
      'Task {taskName}[{taskId}] {reason}; put among the dead letters',
    )
    const result = failure('WorkerLostError', reason, 'billiard.exceptions')
    this.#endings.buryFailed(delivery, headers, result, reason)
  }

  /** Bytes that are no task, or none that may be read. */
  unreadable(delivery: Delivery, error: unknown): void {
    const reason = whyUnreadable(error)
    const { id } = delivery.message.headers
    this.#app.log.error(
      { queue: delivery.queue, reason, taskId: id },
      'A message of {queue} cannot be read, put among the dead letters: {reason}',
    )
    if (typeof id !== 'string' || id === '') return this.#endings.bury(delivery, reason, {})
    const type = error instanceof DecodeError ? error.name : 'DecodeError'
    this.#endings.buryFailed(delivery, undefined, failure(type, reason, 'celeriac'), reason)
  }
}

/** Of other errors than those for it, the name tells something. */
function whyUnreadable(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error instanceof DecodeError ? error.message : `${error.name}: ${error.message}`
}

function failure(type: string, message: string, module: string): RemoteError {
  return { type, details: [message], module, traceback: undefined }
}
