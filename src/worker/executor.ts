import type { Celeriac } from '../app/app.ts'
import { bindArguments, validate, withSelfFirst } from '../app/arguments.ts'
import { runInContext, type TaskContext } from '../app/context.ts'
import type { Arguments } from '../app/model-declaration.ts'
import type { ArgumentLoad } from '../app/model-loading.ts'
import { runChannel, traced } from '../app/tracing.ts'
import { addBuiltins } from '../canvas/builtins.ts'
import { afterSuccess, hasFollowers, noFollowers, type Followers } from '../canvas/continuation.ts'
import { DecodeError, EncodeError, InvalidArguments, LoanLost, NotRegistered } from '../errors.ts'
import type { Attempt, Job, Outcome } from '../pools/pool.ts'
import { reprValue } from '../protocol/python-repr.ts'
import type { TaskState } from '../protocol/states.ts'
import { decodeHybridBody, type TaskBody } from '../protocol/task-body.ts'
import { readTask } from '../protocol/task-message.ts'
import type { TaskMeta } from '../protocol/task-meta.ts'
import { isLevelEnabled } from '../util/logger.ts'
import { TaskAttempt, type ExecutorOptions } from './attempt.ts'
import { following, outcomeOfThrown, outcomeOfUnexpected, storeFailure } from './failure.ts'

/** One attempt in a slot, from bytes to stored result. */
export class Executor {
  readonly #app: Celeriac
  readonly #options: ExecutorOptions
  readonly #describesResults: boolean

  constructor(app: Celeriac, options: ExecutorOptions) {
    this.#app = app
    this.#options = options
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
    const { models } = this.#app
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
      if (this.#isPlain(attempt)) value = await this.#runPlain(attempt)
      else value = models.isEmpty ? await this.#run(attempt) : await models.runTask(() => this.#run(attempt))
    } catch (thrown) {
      if (!attempt.bodyEnded() || slot.cancelled) return cancelled(attempt)
      return this.#finished(attempt, thrown, await outcomeOfThrown(attempt, thrown))
    }
    if (!isDone(attempt)) return cancelled(attempt)
    return this.#succeeded(attempt, value)
  }

  #readBody({ protocol, message }: Job): TaskBody {
    const { codec } = this.#options
    if (protocol === 2) return decodeHybridBody(codec.load(message))
    return readTask(message, () => codec.load(message)).body()
  }

  /** Nothing is to be loaded, validated, stored or told before the body runs: most tasks of most programs. */
  #isPlain({ task, options, job, ignoresResult }: TaskAttempt): boolean {
    const { models, signals } = this.#app
    const { input, output } = task.options
    const isSimple = !input && !output && !task.declaration.isDeclared && (!options.trackStarted || ignoresResult)
    return isSimple && models.isEmpty && !mayNameModels(job) && !signals.has('taskPrerun')
  }

  /** As `#run`, without a turn of the event loop. */
  #runPlain(attempt: TaskAttempt): unknown {
    const { args, kwargs } = attempt.body
    attempt.open(args, kwargs)
    return this.#runBody(attempt, bindArguments(attempt.task, args, kwargs))
  }

  /** In a transaction if the task locks rows: they are read in it, and it ends with the body. */
  async #run(attempt: TaskAttempt): Promise<unknown> {
    const { models } = this.#app
    const { task } = attempt
    // what follows in a workflow is loaded by the tasks that get it
    const { args, kwargs } = attempt.body
    const mayHoldModels = !models.isEmpty || task.declaration.isDeclared || mayNameModels(attempt.job)
    const load = mayHoldModels ? models.argumentLoad(task.declaration, { args, kwargs }) : undefined
    if (!load?.lockedIn) return this.#runWith(attempt, await this.#loaded(attempt, load))
    const mayRepeat = (): boolean => attempt.context === undefined
    return models.inTransaction(load.lockedIn, mayRepeat, async () => {
      const value = await this.#runWith(attempt, await this.#loaded(attempt, load))
      // What nobody accepts any more must not be committed either.
      const isAccepted = (await attempt.slot.isAccepted?.()) ?? true
      if (!isAccepted || !isDone(attempt))
        throw new LoanLost('what the attempt did is not accepted any more: rolled back')
      return value
    })
  }

  #loaded(attempt: TaskAttempt, load: ArgumentLoad | undefined): Arguments | Promise<Arguments> {
    return load ? load.load(attempt) : attempt.body
  }

  async #runWith(attempt: TaskAttempt, loaded: Arguments): Promise<unknown> {
    const { models } = this.#app
    const args = await this.#prepare(attempt, loaded)
    let value = await this.#runBody(attempt, args)
    const { output } = attempt.task.options
    if (output) value = await validate(output, value, `${attempt.task.name} returned a wrong result`)
    return models.isEmpty ? value : models.toReferences(value, 'result')
  }

  /** Arguments as the body gets them: bound, validated. */
  async #prepare(attempt: TaskAttempt, { args, kwargs }: Arguments): Promise<readonly unknown[]> {
    const { signals } = this.#app
    const { task, taskId } = attempt
    const context = attempt.open(args, kwargs)
    if (attempt.options.trackStarted && !attempt.ignoresResult) {
      await attempt.store({ status: 'STARTED', result: { pid: process.pid, hostname: this.#options.hostname } })
    }
    let bound = bindArguments(task, args, kwargs)
    const { input } = task.options
    if (input) bound = (await validate(input, bound, `${task.name} got wrong arguments`)) as readonly unknown[]
    if (signals.has('taskPrerun'))
      await signals.emit('taskPrerun', { taskName: task.name, taskId, context, args: bound })
    return bound
  }

  #runBody(attempt: TaskAttempt, args: readonly unknown[]): unknown {
    const context = attempt.context as TaskContext
    const { blockWarningMs, onBlocked } = this.#options
    const enteredAt = performance.now()
    try {
      return runInContext(context, () => attempt.task.body.apply(context, args as unknown[]))
    } finally {
      const blockedMs = performance.now() - enteredAt
      if (blockWarningMs !== undefined && blockedMs >= blockWarningMs)
        onBlocked?.(attempt.task.name, attempt.taskId, blockedMs)
    }
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

/** Without an ORM the arguments are not searched: the text tells whether a reference may be among them. */
function mayNameModels({ message: { body } }: Job): boolean {
  return typeof body !== 'string' || body.includes('"model"')
}

function stateOf({ kind }: Outcome): TaskState {
  if (kind === 'succeeded') return 'SUCCESS'
  if (kind === 'failed') return 'FAILURE'
  if (kind === 'retried') return 'RETRY'
  return kind === 'rejected' ? 'REJECTED' : 'IGNORED'
}

/** A body that is told to stop because the worker does, and yet gets done, is done. */
function isDone(attempt: TaskAttempt): boolean {
  const { cancelled: reason } = attempt.slot
  return attempt.bodyEnded() && (reason === undefined || reason === 'shutdown')
}

function cancelled({ runtimeMs, slot }: TaskAttempt): Outcome {
  return { kind: 'cancelled', runtimeMs, reason: slot.cancelled ?? 'shutdown' }
}
