import { isAutoRetried } from '../app/retry-policy.ts'
import { publishChannel, tracedPublish } from '../app/tracing.ts'
import type { Outgoing } from '../brokers/broker.ts'
import { InvalidArguments, ModelTypeChanged, RowChanged, RowMissing, RowNotYetVisible } from '../errors.ts'
import type { Outcome } from '../pools/pool.ts'
import type { RemoteError } from '../protocol/remote-error.ts'
import { encodeTaskBody } from '../protocol/task-body.ts'
import { encodeTaskHeaders } from '../protocol/task-message.ts'
import type { TaskAttempt } from './attempt.ts'
import { described } from './thrown.ts'

/** Another attempt may end otherwise, and the task wants one. */
export function mayRetry(attempt: TaskAttempt, thrown: unknown): boolean {
  // A row that is gone does not come back, nor does what it was.
  if (thrown instanceof RowMissing || thrown instanceof RowChanged || thrown instanceof ModelTypeChanged) return false
  // The message is wrong, and will be.
  if (thrown instanceof InvalidArguments && !attempt.context) return false
  // Before the body ran: the transaction that writes the row may take its time.
  if (thrown instanceof RowNotYetVisible && !attempt.context) return true
  try {
    return isAutoRetried(attempt.options.retry, thrown)
  } catch (error) {
    attempt.app.log.error(
      { taskName: attempt.task.name, taskId: attempt.taskId, err: error },
      'autoretryFor of {taskName} threw; the task is not retried',
    )
    return false
  }
}

/** RETRY, stored unless results are ignored; the next attempt goes out with the end of this one. */
export async function retried(attempt: TaskAttempt, when: Date, cause: unknown): Promise<Outcome> {
  const error: RemoteError | undefined = cause === undefined ? undefined : described(attempt, cause)
  const next = nextAttempt(attempt, when)
  if (publishChannel.hasSubscribers) await traceRetry(attempt, next)
  if (!attempt.ignoresResult) {
    const result = error ?? {
      type: 'Retry',
      details: [`Retry at ${when.toISOString()}`],
      module: 'celery.exceptions',
      traceback: undefined,
    }
    await attempt.store({ status: 'RETRY', result, traceback: error?.traceback })
  }
  const { signals } = attempt.app
  if (signals.has('taskRetry')) {
    const { retries } = attempt.job.headers
    await signals.emit('taskRetry', { taskName: attempt.task.name, taskId: attempt.taskId, error, when, retries })
  }
  return { kind: 'retried', runtimeMs: attempt.runtimeMs, error, when, next }
}

/** It goes out with the end of this attempt; a trace may change its headers. */
function traceRetry({ job, taskId }: TaskAttempt, next: Outgoing): Promise<void> {
  const headers = next.message.headers as Record<string, unknown>
  return tracedPublish([{ taskName: job.headers.task, taskId, headers, outgoing: next }], async () => {})
}

/** The same message once more: one retry later, not before `when`. Protocol 1 becomes protocol 2. */
function nextAttempt({ worker, job, body, options }: TaskAttempt, when: Date): Outgoing {
  const { message, headers, protocol, queue } = job
  const next = encodeTaskHeaders({ ...headers, retries: headers.retries + 1, eta: when })
  const compression = message.headers['compression']
  if (protocol === 2) {
    if (compression !== undefined) next['compression'] = compression
    return { message: { ...message, headers: next }, queue, deliverAt: when }
  }
  const {
    contentType,
    contentEncoding,
    body: bytes,
  } = worker.codec.dump(encodeTaskBody(body), options.serializer, undefined)
  return {
    message: { headers: next, properties: message.properties, contentType, contentEncoding, body: bytes },
    queue,
    deliverAt: when,
  }
}
