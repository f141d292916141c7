import { remoteErrorMessage, type RemoteError } from '../protocol/remote-error.ts'
import { isLevelEnabled, type Logger } from '../util/logger.ts'
import type { Outcome } from '../pools/pool.ts'
import type { Request } from './request.ts'

/** The lines Celery's people know: received, succeeded, retry, raised. Built only if their level is on. */
export class TaskLog {
  readonly #log: Logger
  readonly #info: boolean

  constructor(log: Logger) {
    this.#log = log
    this.#info = isLevelEnabled(log, 'info')
  }

  received(request: Request): void {
    if (this.#info)
      this.#log.info({ ...fields(request), queue: request.delivery.queue }, 'Task {taskName}[{taskId}] received')
  }

  /** Says how an attempt ended. */
  ended(request: Request, outcome: Outcome): void {
    if (outcome.kind === 'succeeded' && !this.#info) return
    const about = fields(request)
    const runtime = seconds(outcome.runtimeMs)
    switch (outcome.kind) {
      case 'succeeded':
        this.#log.info(
          { ...about, runtime, result: outcome.resultRepr },
          'Task {taskName}[{taskId}] succeeded in {runtime}s: {result}',
        )
        break
      case 'failed':
        this.#failed(about, runtime, outcome)
        break
      case 'retried':
        if (this.#info)
          this.#log.info(
            { ...about, ...retryFields(outcome) },
            'Task {taskName}[{taskId}] retry: Retry in {delay}s: {error}',
          )
        break
      case 'ignored':
        if (this.#info)
          this.#log.info({ ...about, reason: outcome.reason }, 'Task {taskName}[{taskId}] ignored: {reason}')
        break
      case 'rejected':
        this.#log.warn(
          { ...about, reason: outcome.reason, requeue: outcome.requeue },
          'Task {taskName}[{taskId}] rejected: {reason}',
        )
        break
      case 'cancelled':
        this.#log.warn({ ...about, reason: outcome.reason }, 'Task {taskName}[{taskId}] stopped: {reason}')
        break
      case 'timedOut':
        this.#log.error(
          { ...about, limit: outcome.limitMs / 1000 },
          'Hard time limit ({limit}s) exceeded for {taskName}[{taskId}]; what it still does is not accepted',
        )
        break
      case 'undecodable':
        this.#log.error(
          { ...about, reason: outcome.reason, queue: request.delivery.queue },
          'Task {taskName}[{taskId}] cannot be read, put among the dead letters: {reason}',
        )
        break
      case 'lost':
        this.#log.error(
          { ...about, reason: outcome.reason },
          request.isSettled || request.begun
            ? 'Task {taskName}[{taskId}] could not be finished: {reason}'
            : 'Task {taskName}[{taskId}] could not be finished and goes back to its queue: {reason}',
        )
        break
    }
  }

  /** An error that the task lists in `throws` is part of the business: no stack. */
  #failed(about: object, runtime: string, { error, isExpected }: Extract<Outcome, { kind: 'failed' }>): void {
    const line = { ...about, runtime, error: summary(error) }
    if (isExpected) this.#log.info(line, 'Task {taskName}[{taskId}] raised expected: {error}')
    else
      this.#log.error({ ...line, traceback: error.traceback }, 'Task {taskName}[{taskId}] raised unexpected: {error}')
  }
}

function fields(request: Request): { taskId: string; taskName: string } {
  return { taskId: request.id, taskName: request.headers.shadow ?? request.taskName }
}

function retryFields({ when, error }: Extract<Outcome, { kind: 'retried' }>): { delay: string; error: string } {
  return {
    delay: seconds(Math.max(0, when.getTime() - Date.now())),
    error: error ? summary(error) : 'asked for by the task',
  }
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(ms < 1 ? 6 : 3)
}

function summary(error: RemoteError): string {
  return `${error.type}(${JSON.stringify(remoteErrorMessage(error).slice(0, 1024))})`
}
