import { hasRetriesLeft, isAutoRetried, retryDelayMs } from '../app/retry-policy.ts'
import type { Outgoing } from '../brokers/broker.ts'
import { DatabaseUnavailable, Ignore, Reject, Retry, RowMissing } from '../errors.ts'
import type { Outcome } from '../pools/pool.ts'
import { describeError, type RemoteError } from '../protocol/remote-error.ts'
import { encodeTaskBody, type TaskBody } from '../protocol/task-body.ts'
import { encodeTaskHeaders } from '../protocol/task-message.ts'
import type { AttemptState } from './executor.ts'

/** What follows from what a body threw, stored. */
export async function outcomeOfThrown(state: AttemptState, thrown: unknown): Promise<Outcome> {
  const runtimeMs = performance.now() - state.startedAt
  if (thrown instanceof Retry) return retried(state, thrown.when, thrown.cause)
  if (thrown instanceof Ignore) return { kind: 'ignored', runtimeMs, reason: thrown.message }
  if (thrown instanceof Reject) return { kind: 'rejected', runtimeMs, requeue: thrown.requeue, reason: thrown.message }
  // The database is away: that says nothing about the task, so it does not cost an attempt.
  if (thrown instanceof DatabaseUnavailable && !state.context)
    return { kind: 'lost', runtimeMs, reason: thrown.message }
  const policy = state.options.retry
  const { retries } = state.job.headers
  const mayHeal = !(thrown instanceof RowMissing)
  if (mayHeal && isAutoRetried(policy, thrown) && hasRetriesLeft(policy.maxRetries, retries)) {
    return retried(state, new Date(Date.now() + retryDelayMs(policy, retries)), thrown)
  }
  return storeFailure(state, thrown)
}

/** FAILURE, stored unless results are ignored (and errors too). */
export async function storeFailure(state: AttemptState, thrown: unknown): Promise<Outcome> {
  const { executor, options, job, task } = state
  const error = describeError(thrown)
  if (!executor.ignoresResult(state) || options.storeErrorsEvenIfIgnored) {
    await executor.options.store(
      executor.metaOf(state, { status: 'FAILURE', result: error, traceback: error.traceback, dateDone: new Date() }),
    )
  }
  const { signals } = executor.app
  if (signals.has('taskFailure'))
    await signals.emit('taskFailure', { taskName: task.name, taskId: job.headers.id, error, thrown })
  return { kind: 'failed', runtimeMs: performance.now() - state.startedAt, error }
}

async function retried(state: AttemptState, when: Date, cause: unknown): Promise<Outcome> {
  const { executor, job, task } = state
  const error: RemoteError | undefined = cause === undefined ? undefined : describeError(cause)
  const next = nextAttempt(state, when)
  if (!executor.ignoresResult(state)) {
    const result = error ?? {
      type: 'Retry',
      details: [`Retry at ${when.toISOString()}`],
      module: 'celery.exceptions',
      traceback: undefined,
    }
    await executor.options.store(executor.metaOf(state, { status: 'RETRY', result, traceback: error?.traceback }))
  }
  const { signals } = executor.app
  if (signals.has('taskRetry')) {
    await signals.emit('taskRetry', {
      taskName: task.name,
      taskId: job.headers.id,
      error,
      when,
      retries: job.headers.retries,
    })
  }
  return { kind: 'retried', runtimeMs: performance.now() - state.startedAt, error, when, next }
}

/** The same message once more: one retry later, not before `when`. Protocol 1 becomes protocol 2. */
function nextAttempt({ executor, job, body, options }: AttemptState, when: Date): Outgoing {
  const { message, headers, protocol, queue } = job
  const next = encodeTaskHeaders({ ...headers, retries: headers.retries + 1, eta: when })
  const compression = message.headers['compression']
  if (protocol === 2) {
    if (compression !== undefined) next['compression'] = compression
    return { message: { ...message, headers: next }, queue, deliverAt: when }
  }
  const encoded = executor.options.codec.dump(encodeTaskBody(body as TaskBody), options.serializer, undefined)
  const { contentType, contentEncoding } = encoded
  return {
    message: { headers: next, properties: message.properties, contentType, contentEncoding, body: encoded.body },
    queue,
    deliverAt: when,
  }
}
