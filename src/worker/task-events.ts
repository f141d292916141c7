import type { Celeriac } from '../app/app.ts'
import type { Codec } from '../app/codec.ts'
import { Redactor } from '../app/redaction.ts'
import type { Delivery } from '../brokers/broker.ts'
import type { EventDispatcher } from '../events/event-dispatcher.ts'
import type { Outcome } from '../pools/pool.ts'
import {
  failedFields,
  idField,
  receivedFields,
  rejectedFields,
  revokedFields,
  succeededFields,
  type Pieces,
} from '../protocol/event-message.ts'
import { reprArgs, reprKwargs } from '../protocol/python-repr.ts'
import type { RemoteError } from '../protocol/remote-error.ts'
import { readTask } from '../protocol/task-message.ts'
import type { Request } from './request.ts'
import type { Burial, TaskObserver } from './task-observer.ts'

/** What Celery shows where it terminated a task: SIGTERM. */
const terminatedSignal = 15

/** Tells those who listen what happens to the tasks of a worker, in Celery's words. */
export class TaskEvents implements TaskObserver {
  readonly #app: Celeriac
  readonly #codec: Codec
  readonly #dispatcher: EventDispatcher

  constructor(app: Celeriac, codec: Codec, dispatcher: EventDispatcher) {
    this.#app = app
    this.#codec = codec
    this.#dispatcher = dispatcher
  }

  received(request: Request): void {
    if (!request.options.sendEvents) return
    request.job.showsResult = true
    this.#dispatcher.collect('task-received', this.#writeReceived, request, undefined, request.receivedAtMs)
  }

  started(request: Request): void {
    if (request.options.sendEvents)
      this.#dispatcher.collect('task-started', idField, uuidOf(request), undefined, request.startedAtMs)
  }

  ended(request: Request, outcome: Outcome): void {
    if (!request.options.sendEvents) return
    const uuid = uuidOf(request)
    switch (outcome.kind) {
      case 'succeeded':
        return this.#dispatcher.collect('task-succeeded', succeededFields, uuid, outcome)
      case 'failed':
        return this.#failed(uuid, outcome.error)
      case 'retried':
        return this.#dispatcher.collect('task-retried', failedFields, uuid, outcome.error ?? error('Retry', []))
      case 'rejected':
        return this.#rejected(request, outcome.requeue)
      case 'timedOut':
        return this.#failed(uuid, error('TimeLimitExceeded', [outcome.limitMs / 1000]))
      case 'undecodable':
        return this.#failed(uuid, error('DecodeError', [outcome.reason]))
      case 'lost':
        if (request.begun || (request.isSettled && !outcome.isTransient))
          this.#failed(uuid, error('WorkerLostError', [outcome.reason]))
        else this.#rejected(request, true)
        return
      case 'cancelled':
        if (outcome.reason === 'revoked') this.#revoked(uuid, { terminated: true, expired: false })
        else this.#dispatcher.collect('task-cancelled', idField, uuid, undefined)
        return
      case 'ignored':
        // Celery tells nothing of it either.
        return
    }
  }

  discarded(request: Request, reason: 'revoked' | 'expired'): void {
    if (request.options.sendEvents) this.#revoked(uuidOf(request), { terminated: false, expired: reason === 'expired' })
  }

  buried(_delivery: Delivery, burial: Burial): void {
    if (burial.kind === 'unknown')
      this.#failed(JSON.stringify(burial.headers.id), error('NotRegistered', [burial.headers.task]))
    if (burial.kind !== 'tooManyDeliveries') return
    const { delivery } = burial.request
    this.#failed(
      uuidOf(burial.request),
      error('WorkerLostError', [`delivered ${delivery.deliveryCount - 1} times and never finished`]),
    )
  }

  #failed(uuid: string, thrown: RemoteError): void {
    this.#dispatcher.collect('task-failed', failedFields, uuid, thrown)
  }

  /** Of a message that was acknowledged before its task ran there is nothing to reject. */
  #rejected(request: Request, requeue: boolean): void {
    if (!request.isSettled) this.#dispatcher.collect('task-rejected', rejectedFields, uuidOf(request), requeue)
  }

  #revoked(uuid: string, { terminated, expired }: { readonly terminated: boolean; readonly expired: boolean }): void {
    const signum = terminated ? terminatedSignal : null
    this.#dispatcher.collect('task-revoked', revokedFields, uuid, { terminated, signum, expired })
  }

  readonly #writeReceived = (into: Pieces, request: Request): void =>
    receivedFields(into, uuidOf(request), request.headers, this.#shownArguments(request))

  /** As the message shows them; a sender that did not know that some are secret may have shown them. */
  #shownArguments({ headers, delivery: { message } }: Request): Pick<typeof headers, 'argsRepr' | 'kwargsRepr'> {
    const redactor = Redactor.of(this.#app.tasks.get(headers.task))
    if (!redactor) return headers
    try {
      const shown = redactor.arguments(readTask(message, () => this.#codec.load(message)).body())
      return { argsRepr: reprArgs(shown.args), kwargsRepr: reprKwargs(shown.kwargs) }
    } catch {
      return { argsRepr: undefined, kwargsRepr: undefined }
    }
  }
}

/** The id as JSON: a task has several events. */
function uuidOf(request: Request): string {
  return request.uuid === '' ? (request.uuid = JSON.stringify(request.id)) : request.uuid
}

function error(type: string, details: readonly unknown[]): RemoteError {
  return { type, details, module: undefined, traceback: undefined }
}
