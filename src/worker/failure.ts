import type { TaskRequest } from '../app/context.ts'
import { hasRetriesLeft, isAutoRetried, retryDelayMs } from '../app/retry-policy.ts'
import { Continued } from '../canvas/continued.ts'
import { afterFailure, type Followers } from '../canvas/continuation.ts'
import { Replaced, replacement } from '../canvas/replace.ts'
import { DatabaseUnavailable, Ignore, OperationalError, Reject, Retry, UnknownModel } from '../errors.ts'
import type { Following, Outcome } from '../pools/pool.ts'
import type { RemoteError } from '../protocol/remote-error.ts'
import type { TaskAttempt } from './attempt.ts'
import { mayRetry, retried } from './retry.ts'
import { described, lookable } from './thrown.ts'

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

function isExpected(attempt: TaskAttempt, thrown: unknown): boolean {
  const expected = attempt.task.options.throws
  return (
    expected !== undefined &&
    isAutoRetried({ ...attempt.options.retry, autoretryFor: expected, dontAutoretryFor: [] }, thrown)
  )
}
