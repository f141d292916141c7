import type { TaskRequest } from '../app/context.ts'
import { hasRetriesLeft, isAutoRetried, retryDelayMs } from '../app/retry-policy.ts'
import { publishChannel, tracedPublish } from '../app/tracing.ts'
import type { Outgoing } from '../brokers/broker.ts'
import { Continued } from '../canvas/continued.ts'
import { afterFailure, type Followers } from '../canvas/continuation.ts'
import { Replaced, replacement } from '../canvas/replace.ts'
import {
  DatabaseUnavailable,
  Ignore,
  InvalidArguments,
  ModelTypeChanged,
  OperationalError,
  Reject,
  Retry,
  RowChanged,
  RowMissing,
  RowNotYetVisible,
  UnknownModel,
} from '../errors.ts'
import type { Following, Outcome } from '../pools/pool.ts'
import { describeError, type RemoteError } from '../protocol/remote-error.ts'
import { encodeTaskBody } from '../protocol/task-body.ts'
import { encodeTaskHeaders } from '../protocol/task-message.ts'
import type { TaskAttempt } from './attempt.ts'

/** What follows from what a body threw, stored. */
export async function outcomeOfThrown(attempt: TaskAttempt, given: unknown): Promise<Outcome> {
  const thrown = lookable(given)
  const { runtimeMs } = attempt
  if (thrown instanceof Retry) return retried(attempt, thrown.when, thrown.cause)
  if (thrown instanceof Replaced) return replaced(attempt, thrown)
  if (thrown instanceof Continued) return { kind: 'ignored', runtimeMs, reason: 'done', successors: thrown.outgoing }
  if (thrown instanceof Ignore) return { kind: 'ignored', runtimeMs, reason: thrown.message }
  if (thrown instanceof Reject) return { kind: 'rejected', runtimeMs, requeue: thrown.requeue, reason: thrown.message }
  // Another release may know the model: the message is parked, as one of an unknown task is.
  if (thrown instanceof UnknownModel && !attempt.context) {
    const failed = await storeFailure(attempt, thrown)
    const { successors = [], parts = [] } = failed.kind === 'failed' ? failed : {}
    const followers = following({ outgoing: successors, parts, children: [] })
    return { kind: 'undecodable', runtimeMs, reason: thrown.message, ...followers }
  }
  // The database is away: that says nothing about the task, so it does not cost an attempt.
  if (thrown instanceof DatabaseUnavailable && !attempt.context) {
    return { kind: 'lost', runtimeMs, reason: thrown.message, isTransient: true }
  }
  const { retry: policy } = attempt.options
  const { retries } = attempt.job.headers
  if (hasRetriesLeft(policy.maxRetries, retries) && mayRetry(attempt, thrown)) {
    return retried(attempt, new Date(Date.now() + retryDelayMs(policy, retries)), thrown)
  }
  return storeFailure(attempt, thrown)
}

/** FAILURE, stored unless results are ignored (and errors too). */
export async function storeFailure(attempt: TaskAttempt, thrown: unknown): Promise<Outcome> {
  const error = described(attempt, thrown)
  if (attempt.storesErrors) {
    await attempt.store({ status: 'FAILURE', result: error, traceback: error.traceback, dateDone: new Date() })
  }
  const { signals } = attempt.app
  if (signals.has('taskFailure')) {
    await signals.emit('taskFailure', { taskName: attempt.task.name, taskId: attempt.taskId, error, thrown })
  }
  const isKnown = isExpected(attempt, thrown)
  return {
    kind: 'failed',
    runtimeMs: attempt.runtimeMs,
    error,
    isExpected: isKnown,
    ...following(await failWorkflow(attempt, error)),
  }
}

/** Nothing is stored: whoever takes its place does that, under its id. */
async function replaced(attempt: TaskAttempt, { data }: Replaced): Promise<Outcome> {
  const { app, job, body, runtimeMs } = attempt
  try {
    const successors = await replacement(
      app,
      {
        headers: job.headers,
        embed: body.embed,
        isRedelivered: job.deliveryCount > 1,
        priority: job.message.properties.priority,
      },
      data,
      job.queue,
    )
    return { kind: 'ignored', runtimeMs, reason: 'replaced', successors }
  } catch (error) {
    if (error instanceof OperationalError) throw error
    return storeFailure(attempt, error)
  }
}

function failWorkflow(attempt: TaskAttempt, error: RemoteError): Promise<Followers> {
  const { app, worker, job, body } = attempt
  const request = (): TaskRequest => attempt.request
  const finished = { headers: job.headers, embed: body.embed, isRedelivered: job.deliveryCount > 1 }
  return afterFailure(app, worker.store, { ...finished, state: 'FAILURE', error, request })
}

/** Only what there is: most tasks have nothing that follows. */
export function following({ outgoing, parts }: Followers): Following {
  return {
    ...(outgoing.length === 0 ? undefined : { successors: outgoing }),
    ...(parts.length === 0 ? undefined : { parts }),
  }
}

/** What celeriac itself could not do: a store that is away heals, anything else is a failure of this task. */
export async function outcomeOfUnexpected(attempt: TaskAttempt, error: unknown): Promise<Outcome> {
  const reason = error instanceof Error ? error.message : String(error)
  if (error instanceof OperationalError)
    return { kind: 'lost', runtimeMs: attempt.runtimeMs, reason, isTransient: true }
  try {
    return await storeFailure(attempt, error)
  } catch {
    // The first error says more; the message goes back and its deliveries are counted.
    return { kind: 'lost', runtimeMs: attempt.runtimeMs, reason, isTransient: false }
  }
}

function mayRetry(attempt: TaskAttempt, thrown: unknown): boolean {
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

function isExpected(attempt: TaskAttempt, thrown: unknown): boolean {
  const expected = attempt.task.options.throws
  return (
    expected !== undefined &&
    isAutoRetried({ ...attempt.options.retry, autoretryFor: expected, dontAutoretryFor: [] }, thrown)
  )
}

async function retried(attempt: TaskAttempt, when: Date, cause: unknown): Promise<Outcome> {
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

function described({ redactor, body }: TaskAttempt, thrown: unknown): RemoteError {
  const error = describeError(thrown)
  if (!redactor) return error
  redactor.arguments(body)
  return redactor.error(error)
}

/** Some values, such as a revoked proxy, throw as soon as they are asked what they are. */
function lookable(thrown: unknown): unknown {
  try {
    void (thrown instanceof Error)
    return thrown
  } catch (error) {
    return new Error('the task threw an object that cannot be examined', { cause: error })
  }
}
