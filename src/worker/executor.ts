import type { Celeriac } from '../app/app.ts'
import { withSelfFirst } from '../app/arguments.ts'
import { runChannel, traced } from '../app/tracing.ts'
import { addBuiltins } from '../canvas/builtins.ts'
import { afterSuccess, hasFollowers, noFollowers, type Followers } from '../canvas/continuation.ts'
import { DecodeError, EncodeError, InvalidArguments, NotRegistered } from '../errors.ts'
import type { Attempt, Job, Outcome } from '../pools/pool.ts'
import { reprValue } from '../protocol/python-repr.ts'
import type { TaskState } from '../protocol/states.ts'
import { decodeHybridBody, type TaskBody } from '../protocol/task-body.ts'
import { readTask } from '../protocol/task-message.ts'
import type { TaskMeta } from '../protocol/task-meta.ts'
import { isLevelEnabled } from '../util/logger.ts'
import { TaskAttempt, type ExecutorOptions } from './attempt.ts'
import { BodyRunner } from './body-runner.ts'
import { following, outcomeOfThrown, outcomeOfUnexpected, storeFailure } from './failure.ts'

/** One attempt in a slot, from bytes to stored result. */
export class Executor {
  readonly #app: Celeriac
  readonly #options: ExecutorOptions
  readonly #bodies: BodyRunner
  readonly #describesResults: boolean

  constructor(app: Celeriac, options: ExecutorOptions) {
    this.#app = app
    this.#options = options
    this.#bodies = new BodyRunner(app, options)
    addBuiltins(app)
    this.#describesResults = isLevelEnabled(app.log, 'info')
  }

  /** Never rejects: whatever happens is an outcome. */
  async execute(job: Job, slot: Attempt): Promise<Outcome> {
    const task = this.#app.tasks.get(job.headers.task)
    if (!task) return { kind: 'undecodable', runtimeMs: 0, reason: new NotRegistered(job.headers.task).message }
    const attempt = new TaskAttempt(this.#app, this.#options, job, task, slot)
    try {
      return await (runChannel.hasSubscribers ? this.#traced(attempt) : this.#pipeline(attempt))
    } catch (error) {
      return await outcomeOfUnexpected(attempt, error)
    }
  }

  #traced(attempt: TaskAttempt): Promise<Outcome> {
    const { job, taskId } = attempt
    const { headers, queue, deliveryCount, message } = job
    const { hostname: workerName, isEager } = this.#options
    const about = {
      taskName: headers.task,
      taskId,
      queue,
      workerName,
      retries: headers.retries,
      deliveryCount,
      isEager,
    }
    return traced(runChannel, { ...about, headers: message.headers, properties: message.properties }, () =>
      this.#pipeline(attempt).catch((error: unknown) => outcomeOfUnexpected(attempt, error)),
    )
  }

  async #pipeline(attempt: TaskAttempt): Promise<Outcome> {
    const { slot } = attempt
    try {
      const body = this.#readBody(attempt.job)
      attempt.body = attempt.task.self === undefined ? body : { ...body, ...withSelfFirst(attempt.task, body) }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      // Somebody may wait for it, so the failure is stored; the message itself goes among the dead letters.
      await storeFailure(attempt, error)
      return { kind: 'undecodable', runtimeMs: attempt.runtimeMs, reason: error.message }
    }
    const earlier = attempt.job.deliveryCount > 1 ? await earlierSuccess(attempt) : undefined
    if (earlier) return attempt.bodyEnded() ? this.#succeeded(attempt, earlier.result) : cancelled(attempt)
    let value: unknown
    try {
      value = await this.#bodies.run(attempt)
    } catch (thrown) {
      if (!attempt.bodyEnded() || slot.cancelled) return cancelled(attempt)
      return this.#finished(attempt, thrown, await outcomeOfThrown(attempt, thrown))
    }
    if (!attempt.bodyReturned()) return cancelled(attempt)
    return this.#succeeded(attempt, value)
  }

  #readBody({ protocol, message }: Job): TaskBody {
    const { codec } = this.#options
    if (protocol === 2) return decodeHybridBody(codec.load(message))
    return readTask(message, () => codec.load(message)).body()
  }

  async #succeeded(attempt: TaskAttempt, value: unknown): Promise<Outcome> {
    const { embed } = attempt.body
    const isFollowed = hasFollowers(embed)
    let followers = noFollowers
    if (!attempt.ignoresResult || isFollowed) {
      try {
        this.#options.codec.checkResult(value)
        if (isFollowed) followers = await this.#follow(attempt, value)
        if (!attempt.ignoresResult) await attempt.store({ status: 'SUCCESS', result: value, dateDone: new Date() })
      } catch (error) {
        if (!isUnusable(error)) throw error
        return this.#finished(attempt, error, await storeFailure(attempt, error))
      }
    }
    const { signals } = this.#app
    const resultRepr = this.#describesResults || attempt.job.showsResult ? this.#shown(attempt, value) : ''
    const done = { kind: 'succeeded', runtimeMs: attempt.runtimeMs, resultRepr } as const
    const outcome: Outcome = isFollowed ? { ...done, ...following(followers) } : done
    if (signals.has('taskSuccess'))
      await signals.emit('taskSuccess', { taskName: attempt.task.name, taskId: attempt.taskId, result: value })
    return signals.has('taskPostrun') ? this.#finished(attempt, value, outcome) : outcome
  }

  /** What the workflow has next, to be published with the acknowledgement. */
  async #follow(attempt: TaskAttempt, value: unknown): Promise<Followers> {
    const { job, body } = attempt
    const followers = await afterSuccess(
      this.#app,
      {
        headers: job.headers,
        embed: body.embed,
        isRedelivered: job.deliveryCount > 1,
        priority: job.message.properties.priority,
      },
      value,
    )
    attempt.followers = followers.children
    return followers
  }

  /** For the log: a task may return what it was given. */
  #shown({ redactor, body }: TaskAttempt, value: unknown): string {
    const text = reprValue(value)
    if (!redactor) return text
    redactor.arguments(body)
    return redactor.text(text)
  }

  async #finished(attempt: TaskAttempt, result: unknown, outcome: Outcome): Promise<Outcome> {
    const { signals } = this.#app
    const { context, task, taskId } = attempt
    if (context && signals.has('taskPostrun')) {
      await signals.emit('taskPostrun', { taskName: task.name, taskId, context, state: stateOf(outcome), result })
    }
    return outcome
  }
}

/** The result, or what should follow it, cannot be written. */
function isUnusable(error: unknown): boolean {
  return error instanceof EncodeError || error instanceof DecodeError || error instanceof InvalidArguments
}

/**
 * A worker died between the result and the acknowledgement: what follows is sent with that result. The body ran, and
 * another result must not go to those who come after.
 */
async function earlierSuccess({ app, job, body, ignoresResult }: TaskAttempt): Promise<TaskMeta | undefined> {
  if (ignoresResult || !hasFollowers(body.embed)) return undefined
  const [meta] = await (await app.openBackend()).fetch([job.headers.id])
  return meta?.status === 'SUCCESS' ? meta : undefined
}

function stateOf({ kind }: Outcome): TaskState {
  if (kind === 'succeeded') return 'SUCCESS'
  if (kind === 'failed') return 'FAILURE'
  if (kind === 'retried') return 'RETRY'
  return kind === 'rejected' ? 'REJECTED' : 'IGNORED'
}

function cancelled({ runtimeMs, slot }: TaskAttempt): Outcome {
  return { kind: 'cancelled', runtimeMs, reason: slot.cancelled ?? 'shutdown' }
}
