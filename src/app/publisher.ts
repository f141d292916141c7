import { setImmediate as endOfTurn } from 'node:timers/promises'
import type { Outgoing } from '../brokers/broker.ts'
import { InvalidArguments } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import type { TaskSignature } from '../protocol/signature-json.ts'
import type { Celeriac } from './app.ts'
import { checkCallArguments } from './arguments.ts'
import { AsyncResult } from './async-result.ts'
import { CallDispatcher } from './call-dispatcher.ts'
import { checkCallOptions, type CallOptions, noOptions } from './call-options.ts'
import { prepareCall, type Call, type CallWorkflow, type PreparedCall } from './prepare-call.ts'
import { hasFollowers, signatureOf, workflowOf } from './signature-call.ts'
import { withReferences } from './signature-references.ts'
import { callOptionsOf } from './signature-settings.ts'
import type { Task } from './task.ts'
import { tracedPublish } from './tracing.ts'

type Calls = Iterable<readonly unknown[]> | AsyncIterable<readonly unknown[]>

const batchSize = 500
const noKwargs: Readonly<Record<string, unknown>> = Object.freeze({})

/** From a call to a message at the broker. */
export class Publisher {
  readonly #app: Celeriac
  readonly #dispatcher: CallDispatcher

  constructor(app: Celeriac) {
    this.#app = app
    this.#dispatcher = new CallDispatcher(app)
  }

  /** A call of a task of this program. */
  async call<R>(task: Task, args: readonly unknown[], options: CallOptions): Promise<AsyncResult<R>> {
    if (hasFollowers(options)) return this.applySignature<R>(signatureOf(task.name, args, options), options)
    if (this.#app.config.task.alwaysEager) return (await this.#app.eager()).call<R>(task, args, options)
    return this.#send<R>(this.#callOf(task.name, task, args, options))
  }

  /** A call of a task that is defined elsewhere, by its name. */
  async send<R>(taskName: string, args: readonly unknown[], options: CallOptions): Promise<AsyncResult<R>> {
    if (hasFollowers(options)) return this.applySignature<R>(signatureOf(taskName, args, options), options)
    return this.#send<R>(this.#callOf(taskName, undefined, args, options))
  }

  /** A call of one task as its signature has it: with what follows it. */
  async applySignature<R>(signature: TaskSignature, sending: CallOptions): Promise<AsyncResult<R>> {
    const call = this.callOfSignature(signature, sending)
    if (call.task && this.#app.config.task.alwaysEager) return (await this.#app.eager()).run<R>(call)
    return this.#send<R>(call)
  }

  /** @internal The call that a signature stands for. `sending`: what the process that sends it decides. */
  callOfSignature(
    signature: TaskSignature,
    { dispatch, retry, retryPolicy }: CallOptions,
    workflow?: CallWorkflow,
  ): Call {
    const { task: name, args, kwargs } = signature
    const options = {
      ...callOptionsOf(signature.options, this.#app.config.timezone),
      ...(Object.keys(kwargs).length > 0 && { kwargs }),
      ...(dispatch !== undefined && { dispatch }),
      ...(retry !== undefined && { retry }),
      ...(retryPolicy !== undefined && { retryPolicy }),
    }
    const call = this.#callOf(name, this.#app.tasks.get(name), args, {
      ...innerRoute(this.#app, signature),
      ...options,
    })
    if (workflow) return { ...call, workflow }
    const to = { app: this.#app, committed: call.scope !== undefined }
    const { options: referenced } = withReferences(
      { ...signature, args: [], kwargs: {}, immutable: false },
      to,
      args.length,
    )
    return { ...call, workflow: workflowOf(referenced, { isReferenced: false }) }
  }

  /** @internal Sends calls that belong together, of one mode and one transaction: in one step, or many in batches. */
  async sendAll(calls: readonly Call[]): Promise<void> {
    for (let from = 0; from < calls.length; from += batchSize) {
      const batch = calls.slice(from, from + batchSize)
      await this.#dispatcher.dispatch(await this.prepareAll(batch), batch[0] as Call)
    }
  }

  /** @internal */
  async prepareAll(calls: readonly Call[]): Promise<PreparedCall[]> {
    const prepared: PreparedCall[] = []
    for (const call of calls) prepared.push(this.#prepareNow(call) ?? (await this.prepare(call)))
    return prepared
  }

  /** @internal What follows a task that is over: published with its acknowledgement. */
  async outgoing(calls: readonly Call[]): Promise<Outgoing[]> {
    const prepared = await this.prepareAll(calls)
    await tracedPublish(prepared, () => this.#dispatcher.announce(prepared))
    return prepared.map(({ outgoing }) => outgoing)
  }

  async callMany<R>(task: Task, calls: Calls, options: CallOptions): Promise<AsyncResult<R>[]> {
    if (!isIterable(calls))
      throw new InvalidArguments(
        `${task.name}.delayMany needs a list of lists of arguments, got ${describeValue(calls)}`,
      )
    if (options.taskId !== undefined) {
      throw new InvalidArguments(
        `${task.name}.delayMany makes many calls: they cannot share the task id ${options.taskId}`,
      )
    }
    const results: AsyncResult<R>[] = []
    if (this.#app.config.task.alwaysEager) {
      for await (const args of calls) results.push(await this.call<R>(task, args, options))
      return results
    }
    let batch: PreparedCall[] = []
    let published: Promise<void> = Promise.resolve()
    for await (const args of calls) {
      const call = this.#callOf(task.name, task, args, options)
      const prepared = this.#prepareNow(call) ?? (await this.prepare(call))
      batch.push(prepared)
      results.push(this.#resultOf<R>(prepared, call))
      if (batch.length < batchSize) continue
      // One batch is written while the next is encoded, never more: a fast iterable must not fill the memory.
      await published
      published = this.#dispatcher.dispatch(batch, call)
      // Its failure is seen at the next await; until then it must not count as unhandled.
      published.catch(() => undefined)
      batch = []
      // Brokers write at the end of the turn: the store works on it while the next is encoded.
      await endOfTurn()
    }
    await published
    if (batch.length > 0) await this.#dispatcher.dispatch(batch, this.#callOf(task.name, task, [], options))
    return results
  }

  /** Steps 1 to 3: validate, encode, route. Throws InvalidArguments or EncodeError. */
  async prepare(call: Call): Promise<PreparedCall> {
    const { task, args, kwargs, options } = call
    // What was checked when the workflow began, or cannot be refused any more: its own worker looks again.
    if (task && !call.workflow?.isReferenced) await checkCallArguments(task, args, kwargs)
    const codec = await this.#app.connections.codec()
    const serializer = options.serializer ?? task?.compiledFor(this.#app).serializer
    if (serializer !== undefined) await codec.prepare(serializer)
    return prepareCall(this.#app, codec, call)
  }

  /** @internal What eager mode prepares from. */
  callOf(task: Task, args: readonly unknown[], options: CallOptions): Call {
    return this.#callOf(task.name, task, args, options)
  }

  async #send<R>(call: Call): Promise<AsyncResult<R>> {
    const prepared = this.#prepareNow(call) ?? (await this.prepare(call))
    await this.#dispatcher.dispatch([prepared], call)
    return this.#resultOf<R>(prepared, call)
  }

  #resultOf<R>({ taskId, ignoresResult }: PreparedCall, { scope }: Call): AsyncResult<R> {
    return new AsyncResult<R>(this.#app, taskId, { ignored: ignoresResult, scope })
  }

  #callOf(taskName: string, task: Task | undefined, args: readonly unknown[], options: CallOptions): Call {
    if (options !== noOptions) checkCallOptions(taskName, options)
    if (!Array.isArray(args))
      throw new InvalidArguments(`${taskName}: the arguments must be a list, got ${typeof args}`)
    const mode = options.dispatch ?? task?.options.dispatch ?? this.#app.config.task.dispatch
    // Taken before anything is awaited: the transaction may be over when the call is encoded.
    const scope = mode === 'now' ? undefined : this.#app.transactions.current()
    return { taskName, task, args, kwargs: options.kwargs ?? noKwargs, options, mode, scope }
  }

  /** The usual case without a turn of the event loop: nothing to validate, nothing to import. */
  #prepareNow(call: Call): PreparedCall | undefined {
    const codec = this.#app.connections.openedCodec
    const { task, options } = call
    if (!codec) return undefined
    if ((task?.options.input || task?.options.parameters) && !call.workflow?.isReferenced) return undefined
    const serializer = options.serializer ?? task?.options.serializer
    if (serializer !== undefined && !codec.has(serializer)) return undefined
    return prepareCall(this.#app, codec, call)
  }
}

function isIterable(value: unknown): value is Calls {
  return typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)
}

/** `celery.map` and `celery.starmap` go where the task goes that they call. */
function innerRoute(app: Celeriac, { task, kwargs }: TaskSignature): CallOptions {
  const inner: unknown = kwargs['task']
  if (!task.startsWith('celery.') || typeof inner !== 'object' || inner === null) return noOptions
  const { task: name } = inner as { readonly task?: unknown }
  if (typeof name !== 'string') return noOptions
  return { queue: app.tasks.get(name)?.compiledFor(app).queue ?? app.router.route(name).queue }
}
