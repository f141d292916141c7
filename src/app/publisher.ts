import os from 'node:os'
import type { Outgoing } from '../brokers/broker.ts'
import { InvalidArguments } from '../errors.ts'
import { emptyEmbed, encodeTaskBody } from '../protocol/task-body.ts'
import { reprArgs, reprKwargs } from '../protocol/python-repr.ts'
import { encodeTaskHeaders, type TaskHeaders } from '../protocol/task-message.ts'
import { durationMs, type Duration } from '../util/duration.ts'
import type { Celeriac } from './app.ts'
import { checkCallArguments } from './arguments.ts'
import { AsyncResult } from './async-result.ts'
import { checkCallOptions } from './call-options.ts'
import { maybeCurrentTask, type TaskContext } from './context.ts'
import { publishWithin, type PublishRetryPolicy } from './publish-retry.ts'
import { newTaskId } from './task-id.ts'
import type { DispatchMode } from './task-options.ts'
import type { Task } from './task.ts'

/** Options of one call; what is unset comes from the task, then from the settings. */
export interface CallOptions {
  /** Not before this long from now. */
  readonly countdown?: Duration
  /** Not before this time. */
  readonly eta?: Date
  /** Discarded as REVOKED if not started by then. */
  readonly expires?: Duration | Date
  readonly queue?: string
  /** 0..9, higher first. */
  readonly priority?: number
  /** Any text that is not empty; default: a new UUID. */
  readonly taskId?: string
  /** Headers of your own: in `request.headers`, kept on retries. */
  readonly headers?: Readonly<Record<string, unknown>>
  readonly timeLimit?: Duration
  readonly softTimeLimit?: Duration
  readonly ignoreResult?: boolean
  /** Python's keyword arguments. */
  readonly kwargs?: Readonly<Record<string, unknown>>
  readonly serializer?: string
  readonly compression?: string
  /** Name for logs and monitors. */
  readonly shadow?: string
  /** What logs and monitors show instead of the arguments. */
  readonly argsRepr?: string
  readonly kwargsRepr?: string
  /** Try again while the broker cannot be reached. Default true. */
  readonly retry?: boolean
  readonly retryPolicy?: PublishRetryPolicy
  readonly dispatch?: DispatchMode
}

/** A call made into a message, with what the pipeline still needs to know of it. */
export interface PreparedCall {
  readonly taskName: string
  readonly taskId: string
  readonly headers: Record<string, unknown>
  readonly outgoing: Outgoing
  readonly ignoresResult: boolean
}

const batchSize = 500

/** From a call to a message at the broker. */
export class Publisher {
  readonly #app: Celeriac
  readonly #origin: string = `gen${process.pid}@${os.hostname()}`

  constructor(app: Celeriac) {
    this.#app = app
  }

  /** A call of a task of this program. */
  async call<R>(task: Task, args: readonly unknown[], options: CallOptions): Promise<AsyncResult<R>> {
    if (this.#app.config.task.alwaysEager) return (await this.#app.eager()).call<R>(task, args, options)
    const call = await this.prepare(task.name, task, args, options)
    await this.#dispatch([call], options, task)
    return new AsyncResult<R>(this.#app, call.taskId, call.ignoresResult)
  }

  /** A call of a task that is defined elsewhere, by its name. */
  async send<R>(taskName: string, args: readonly unknown[], options: CallOptions): Promise<AsyncResult<R>> {
    const call = await this.prepare(taskName, undefined, args, options)
    await this.#dispatch([call], options, undefined)
    return new AsyncResult<R>(this.#app, call.taskId, call.ignoresResult)
  }

  async callMany<R>(
    task: Task,
    calls: Iterable<readonly unknown[]> | AsyncIterable<readonly unknown[]>,
    options: CallOptions,
  ): Promise<AsyncResult<R>[]> {
    if (options.taskId !== undefined)
      throw new InvalidArguments(
        `${task.name}.delayMany makes many calls: they cannot share the task id ${options.taskId}`,
      )
    if (this.#app.config.task.alwaysEager) return this.#eagerMany<R>(task, calls, options)
    const results: AsyncResult<R>[] = []
    let batch: PreparedCall[] = []
    let published: Promise<void> = Promise.resolve()
    for await (const args of calls) {
      const call = await this.prepare(task.name, task, args, options)
      batch.push(call)
      results.push(new AsyncResult<R>(this.#app, call.taskId, call.ignoresResult))
      if (batch.length < batchSize) continue
      // One batch is written while the next is encoded, never more: a fast iterable must not fill the memory.
      await published
      published = this.#dispatch(batch, options, task)
      // Its failure is seen at the next await; until then it must not count as unhandled.
      published.catch(() => undefined)
      batch = []
    }
    await published
    if (batch.length > 0) await this.#dispatch(batch, options, task)
    return results
  }

  /** Steps 1 to 3: validate and encode the arguments, find the queue, write headers and body. */
  async prepare(
    taskName: string,
    task: Task | undefined,
    args: readonly unknown[],
    options: CallOptions,
  ): Promise<PreparedCall> {
    const app = this.#app
    const compiled = task?.compiledFor(app)
    if (options !== noOptions) checkCallOptions(taskName, options)
    const kwargs = options.kwargs ?? noKwargs
    if (task) await checkCallArguments(task, args, kwargs)
    else if (!Array.isArray(args))
      throw new InvalidArguments(`${taskName}: the arguments must be a list, got ${typeof args}`)
    const serializer = options.serializer ?? compiled?.serializer ?? app.config.task.serializer
    const codec = app.codecIfOpen ?? (await app.openCodec())
    if (!codec.has(serializer)) await codec.prepare(serializer)
    const committed = this.#waitsForCommit(options, task)
    const references = app.models.isEmpty
      ? { args, kwargs }
      : app.models.toReferences({ args, kwargs }, '$', { committed })
    const body = encodeTaskBody({ args: references.args, kwargs: references.kwargs, embed: emptyEmbed })
    const encoded = codec.dump(body, serializer, options.compression ?? compiled?.compression)
    const headers = encodeTaskHeaders(this.#headersOf(taskName, references, options, compiled?.expiresMs))
    if (encoded.compression !== undefined) headers['compression'] = encoded.compression
    const ignoresResult = options.ignoreResult ?? compiled?.ignoreResult ?? app.config.task.ignoreResult
    return this.#prepared(taskName, headers, encoded, options, compiled, ignoresResult)
  }

  #prepared(
    taskName: string,
    headers: Record<string, unknown>,
    encoded: { readonly contentType: string; readonly contentEncoding: string; readonly body: string | Uint8Array },
    options: CallOptions,
    compiled: ReturnType<Task['compiledFor']> | undefined,
    ignoresResult: boolean,
  ): PreparedCall {
    const taskId = headers['id'] as string
    headers['ignore_result'] = ignoresResult
    const route = this.#app.router.route(taskName)
    const priority = options.priority ?? compiled?.priority ?? route.priority
    const message = {
      headers,
      properties: {
        correlationId: taskId,
        deliveryMode: 2 as const,
        ...(priority === undefined ? undefined : { priority }),
      },
      contentType: encoded.contentType,
      contentEncoding: encoded.contentEncoding,
      body: encoded.body,
    }
    const queue = options.queue ?? compiled?.queue ?? route.queue
    const deliverAt = etaOf(options)
    return {
      taskName,
      taskId,
      headers,
      ignoresResult,
      outgoing: deliverAt ? { message, queue, deliverAt } : { message, queue },
    }
  }

  #headersOf(
    taskName: string,
    { args, kwargs }: { readonly args: readonly unknown[]; readonly kwargs: Readonly<Record<string, unknown>> },
    options: CallOptions,
    taskExpiresMs: number | undefined,
  ): TaskHeaders {
    const id = options.taskId ?? newTaskId()
    const parent: TaskContext | undefined = maybeCurrentTask()
    const caller = parent?.app === this.#app && !parent.request.calledDirectly ? parent : undefined
    caller?.addChild(id)
    return {
      task: taskName,
      id,
      rootId: caller?.request.rootId ?? id,
      parentId: caller?.request.id,
      group: undefined,
      groupIndex: undefined,
      retries: 0,
      eta: etaOf(options),
      expires: expiresOf(options, taskExpiresMs),
      hardTimeLimit: options.timeLimit === undefined ? undefined : durationMs(options.timeLimit, 'timeLimit') / 1000,
      softTimeLimit:
        options.softTimeLimit === undefined ? undefined : durationMs(options.softTimeLimit, 'softTimeLimit') / 1000,
      shadow: options.shadow,
      argsRepr: options.argsRepr ?? reprArgs(args),
      kwargsRepr: options.kwargsRepr ?? reprKwargs(kwargs),
      origin: this.#origin,
      ignoreResult: options.ignoreResult,
      replacedTaskNesting: 0,
      stampedHeaders: undefined,
      stamps: noStamps,
      custom: options.headers ?? noHeaders,
    }
  }

  #waitsForCommit(options: CallOptions, task: Task | undefined): boolean {
    const mode = options.dispatch ?? task?.options.dispatch ?? 'auto'
    return mode !== 'now' && this.#app.transactions.current() !== undefined
  }

  /** Steps 4 to 6: now, or when the open transaction commits; dropped if it rolls back. */
  async #dispatch(calls: readonly PreparedCall[], options: CallOptions, task: Task | undefined): Promise<void> {
    if (!this.#waitsForCommit(options, task)) return this.publish(calls, options)
    this.#app.transactions.afterCommit(() => this.publish(calls, options))
  }

  /** Hands the messages over. Rejects with OperationalError within `task_publish_timeout`. */
  async publish(calls: readonly PreparedCall[], options: CallOptions = noOptions): Promise<void> {
    const { signals } = this.#app
    if (signals.has('beforeTaskPublish')) {
      for (const { taskName, taskId, outgoing, headers } of calls) {
        await signals.emit('beforeTaskPublish', { taskName, taskId, queue: outgoing.queue, headers })
      }
    }
    await publishWithin(
      () => this.#app.openBroker(),
      calls.map((call) => call.outgoing),
      { timeoutMs: this.#app.config.task.publishTimeoutMs, retry: options.retry ?? true, policy: options.retryPolicy },
    )
    if (signals.has('afterTaskPublish')) {
      for (const { taskName, taskId, outgoing } of calls)
        await signals.emit('afterTaskPublish', { taskName, taskId, queue: outgoing.queue })
    }
  }

  async #eagerMany<R>(
    task: Task,
    calls: Iterable<readonly unknown[]> | AsyncIterable<readonly unknown[]>,
    options: CallOptions,
  ): Promise<AsyncResult<R>[]> {
    const results: AsyncResult<R>[] = []
    for await (const args of calls) results.push(await this.call<R>(task, args, options))
    return results
  }
}

export const noOptions: CallOptions = Object.freeze({})
const noKwargs: Readonly<Record<string, unknown>> = Object.freeze({})
const noHeaders: Readonly<Record<string, unknown>> = Object.freeze({})
const noStamps: Readonly<Record<string, unknown>> = Object.freeze({})

function etaOf(options: CallOptions): Date | undefined {
  if (options.eta !== undefined) return options.eta
  if (options.countdown === undefined || options.countdown === 0) return undefined
  return new Date(Date.now() + durationMs(options.countdown, 'countdown'))
}

function expiresOf(options: CallOptions, taskExpiresMs: number | undefined): Date | undefined {
  const { expires } = options
  if (expires instanceof Date) return expires
  if (expires !== undefined) return new Date(Date.now() + durationMs(expires, 'expires'))
  return taskExpiresMs === undefined ? undefined : new Date(Date.now() + taskExpiresMs)
}
