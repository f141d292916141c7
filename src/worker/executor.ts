import type { Celeriac } from '../app/app.ts'
import { bindArguments, validate } from '../app/arguments.ts'
import type { Codec } from '../app/codec.ts'
import { runInContext, TaskContext, type TaskRequest } from '../app/context.ts'
import type { CompiledOptions } from '../app/task-options.ts'
import type { Task } from '../app/task.ts'
import { DecodeError, EncodeError, NotRegistered } from '../errors.ts'
import type { Attempt, Job, Outcome } from '../pools/pool.ts'
import { reprValue } from '../protocol/python-repr.ts'
import { decodeTaskBody, type TaskBody } from '../protocol/task-body.ts'
import { readTask } from '../protocol/task-message.ts'
import type { TaskMeta } from '../protocol/task-meta.ts'
import { isLevelEnabled } from '../util/logger.ts'
import { outcomeOfThrown, storeFailure } from './failure.ts'

export interface ExecutorOptions {
  readonly hostname: string
  readonly codec: Codec
  readonly isEager: boolean
  store(meta: TaskMeta): Promise<void>
  /** The event loop was held for this long by the first stretch of a body, up to its first await. */
  onBlocked?(taskName: string, taskId: string, blockedMs: number): void
  readonly blockWarningMs?: number | undefined
}

/** What the steps of one attempt share. */
export interface AttemptState {
  readonly executor: Executor
  readonly job: Job
  readonly task: Task
  readonly options: CompiledOptions
  readonly startedAt: number
  body: TaskBody | undefined
  context: TaskContext | undefined
}

/** One attempt in a slot, from bytes to stored result. */
export class Executor {
  readonly app: Celeriac
  readonly options: ExecutorOptions
  readonly #describesResults: boolean

  constructor(app: Celeriac, options: ExecutorOptions) {
    this.app = app
    this.options = options
    this.#describesResults = isLevelEnabled(app.log, 'info')
  }

  /** Never rejects: whatever happens is an outcome. */
  async execute(job: Job, attempt: Attempt): Promise<Outcome> {
    const startedAt = performance.now()
    try {
      const task = this.app.tasks.get(job.headers.task)
      if (!task) throw new NotRegistered(job.headers.task)
      const state: AttemptState = {
        executor: this,
        job,
        task,
        options: task.compiledFor(this.app),
        startedAt,
        body: undefined,
        context: undefined,
      }
      return await this.#attempt(state, attempt)
    } catch (error) {
      // Only what celeriac itself could not do ends here, such as storing the result.
      return {
        kind: 'lost',
        runtimeMs: performance.now() - startedAt,
        reason: error instanceof Error ? error.message : String(error),
      }
    }
  }

  async #attempt(state: AttemptState, attempt: Attempt): Promise<Outcome> {
    const { app } = this
    let value: unknown
    try {
      state.body = this.#readBody(state.job)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return this.#undecodable(state, error)
    }
    try {
      value = app.models.isEmpty
        ? await this.#run(state, attempt)
        : await app.models.runTask(() => this.#run(state, attempt))
    } catch (thrown) {
      if (!attempt.bodyEnded() || attempt.cancelled) return cancelled(state, attempt)
      return this.#finished(state, thrown, await outcomeOfThrown(state, thrown))
    }
    // A body that is told to stop because the worker does, and yet gets done, is done.
    if (!attempt.bodyEnded() || (attempt.cancelled && attempt.cancelled !== 'shutdown'))
      return cancelled(state, attempt)
    return this.#succeeded(state, value)
  }

  async #run(state: AttemptState, attempt: Attempt): Promise<unknown> {
    const { models } = this.app
    const args = await this.#prepare(state, attempt)
    let value = await this.#runBody(state, args)
    const { output } = state.task.options
    if (output) value = await validate(output, value, `${state.task.name} returned a wrong result`)
    return models.isEmpty ? value : models.toReferences(value, 'result')
  }

  /** Arguments as the body gets them: loaded, bound, validated. */
  async #prepare(state: AttemptState, attempt: Attempt): Promise<readonly unknown[]> {
    const { app } = this
    const { task, job } = state
    let { args, kwargs } = state.body as TaskBody
    if (!app.models.isEmpty) {
      const { missing, graceMs } = state.options
      const policy = { missing, grace: graceMs / 1000, signal: attempt.signal }
      ;({ args, kwargs } = (await app.models.load({ args, kwargs }, policy)) as Pick<TaskBody, 'args' | 'kwargs'>)
    }
    state.context = this.#contextOf(state, attempt, args, kwargs)
    if (state.options.trackStarted) await this.#storeStarted(state)
    let bound = bindArguments(task, args, kwargs)
    const { input } = task.options
    if (input) bound = (await validate(input, bound, `${task.name} got wrong arguments`)) as readonly unknown[]
    if (app.signals.has('taskPrerun')) {
      await app.signals.emit('taskPrerun', {
        taskName: task.name,
        taskId: job.headers.id,
        context: state.context,
        args: bound,
      })
    }
    return bound
  }

  #runBody(state: AttemptState, args: readonly unknown[]): unknown {
    const context = state.context as TaskContext
    const { blockWarningMs, onBlocked } = this.options
    if (blockWarningMs === undefined)
      return runInContext(context, () => state.task.body.apply(context, args as unknown[]))
    const enteredAt = performance.now()
    try {
      return runInContext(context, () => state.task.body.apply(context, args as unknown[]))
    } finally {
      const blockedMs = performance.now() - enteredAt
      if (blockedMs >= blockWarningMs) onBlocked?.(state.task.name, state.job.headers.id, blockedMs)
    }
  }

  async #succeeded(state: AttemptState, value: unknown): Promise<Outcome> {
    if (!this.ignoresResult(state)) {
      try {
        await this.options.store(this.metaOf(state, { status: 'SUCCESS', result: value, dateDone: new Date() }))
      } catch (error) {
        if (!(error instanceof EncodeError)) throw error
        return this.#finished(state, error, await storeFailure(state, error))
      }
    }
    const runtimeMs = performance.now() - state.startedAt
    const outcome: Outcome = {
      kind: 'succeeded',
      runtimeMs,
      resultRepr: this.#describesResults ? reprValue(value) : '',
    }
    const { signals } = this.app
    if (signals.has('taskSuccess'))
      await signals.emit('taskSuccess', { taskName: state.task.name, taskId: state.job.headers.id, result: value })
    return signals.has('taskPostrun') ? this.#finished(state, value, outcome) : outcome
  }

  async #finished(state: AttemptState, result: unknown, outcome: Outcome): Promise<Outcome> {
    const { signals } = this.app
    const taskState =
      outcome.kind === 'succeeded'
        ? 'SUCCESS'
        : outcome.kind === 'retried'
          ? 'RETRY'
          : outcome.kind === 'failed'
            ? 'FAILURE'
            : 'IGNORED'
    if (state.context && signals.has('taskPostrun')) {
      await signals.emit('taskPostrun', {
        taskName: state.task.name,
        taskId: state.job.headers.id,
        context: state.context,
        state: taskState,
        result,
      })
    }
    return outcome
  }

  /** Somebody may wait for it, so the failure is stored; the message itself goes among the dead letters. */
  async #undecodable(state: AttemptState, error: DecodeError): Promise<Outcome> {
    await storeFailure(state, error)
    return { kind: 'undecodable', runtimeMs: performance.now() - state.startedAt, reason: error.message }
  }

  ignoresResult({ job, options }: AttemptState): boolean {
    return job.headers.ignoreResult ?? options.ignoreResult
  }

  metaOf(state: AttemptState, outcome: Pick<TaskMeta, 'status' | 'result'> & Partial<TaskMeta>): TaskMeta {
    const { headers, queue } = state.job
    const meta = {
      ...outcome,
      taskId: headers.id,
      children: state.context?.children ?? [],
      groupId: headers.group,
      parentId: headers.parentId,
    }
    if (!this.app.config.result.extended) return meta
    const { args = [], kwargs = {} } = state.body ?? {}
    return {
      ...meta,
      extended: { name: headers.task, args, kwargs, worker: this.options.hostname, retries: headers.retries, queue },
    }
  }

  #storeStarted(state: AttemptState): Promise<void> {
    if (this.ignoresResult(state)) return Promise.resolve()
    return this.options.store(
      this.metaOf(state, { status: 'STARTED', result: { pid: process.pid, hostname: this.options.hostname } }),
    )
  }

  #readBody({ protocol, message }: Job): TaskBody {
    const { codec } = this.options
    if (protocol === 2) return decodeTaskBody(codec.load(message))
    return readTask(message, () => codec.load(message)).body()
  }

  #contextOf(
    state: AttemptState,
    attempt: Attempt,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>>,
  ): TaskContext {
    const context: TaskContext = new TaskContext(this.app, state.task, this.#requestOf(state.job, args, kwargs), {
      get signal() {
        return attempt.signal
      },
      updateState: (status, meta) => {
        if (attempt.cancelled || this.ignoresResult(state)) return Promise.resolve()
        return this.options.store(this.metaOf(state, { status, result: meta }))
      },
    })
    return context
  }

  #requestOf(
    { headers, queue, message, deliveryCount, hardTimeLimitMs, softTimeLimitMs }: Job,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>>,
  ): TaskRequest {
    return {
      id: headers.id,
      task: headers.task,
      args,
      kwargs,
      retries: headers.retries,
      eta: headers.eta,
      expires: headers.expires,
      rootId: headers.rootId ?? headers.id,
      parentId: headers.parentId,
      group: headers.group,
      groupIndex: headers.groupIndex,
      headers: headers.custom,
      deliveryInfo: { queue, priority: message.properties.priority, redelivered: deliveryCount > 1, deliveryCount },
      timeLimit: { hard: seconds(hardTimeLimitMs), soft: seconds(softTimeLimitMs) },
      hostname: this.options.hostname,
      origin: headers.origin,
      correlationId: message.properties.correlationId,
      replyTo: message.properties.replyTo,
      isEager: this.options.isEager,
      calledDirectly: false,
    }
  }
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000
}

function cancelled({ startedAt }: AttemptState, attempt: Attempt): Outcome {
  return { kind: 'cancelled', runtimeMs: performance.now() - startedAt, reason: attempt.cancelled ?? 'shutdown' }
}
