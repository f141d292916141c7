import { ImproperlyConfigured } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import type { Celeriac } from './app.ts'
import type { AsyncResult } from './async-result.ts'
import { checkTaskOptions } from './check-task-options.ts'
import { compileTaskOptions, type CompiledOptions } from './compiled-options.ts'
import { runInContext, TaskContext, type TaskRequest } from './context.ts'
import { type CallOptions, noOptions } from './call-options.ts'
import { ModelDeclaration } from './model-declaration.ts'
import type { EnqueueableArgs } from './ref.ts'
import type { TaskOptions } from './task-options.ts'
import { taskSignature, type Signature, type TaskSignatureOptions } from './signature.ts'
import type { Missing, Partials } from './signature-types.ts'
import { newTaskId } from './task-id.ts'
import type { AnyParameter } from './task-parameters.ts'

/** A task body: an arrow (context from `currentTask()`), or a `function (this: TaskContext, …)`. */
export type TaskBody<A extends readonly unknown[], R> = (this: TaskContext, ...args: A) => R

/**
 * A named function that can run elsewhere and later. Calling it runs it here and now. `A` is what the body takes, `C`
 * what a caller may pass.
 */
export interface Task<
  A extends readonly unknown[] = readonly unknown[],
  R = unknown,
  C extends readonly unknown[] = EnqueueableArgs<A>,
> {
  (...args: A): Promise<R>
  readonly name: string
  readonly options: TaskOptions
  /** Where it was defined: `file:line:column`. */
  readonly place: string
  /** Sends the call to its queue. Resolves once the broker has it; the result does not wait for the task. */
  delay(...args: C): Promise<AsyncResult<R>>
  /** As `delay`, with options. */
  applyAsync(args: Readonly<C>, options?: CallOptions): Promise<AsyncResult<R>>
  /** As `delay`, after the commit of the open transaction, whatever the task's `dispatch` says; at once without one. */
  delayOnCommit(...args: C): Promise<AsyncResult<R>>
  applyAsyncOnCommit(args: Readonly<C>, options?: CallOptions): Promise<AsyncResult<R>>
  /** The call as a signature, or, with fewer arguments, one that still takes those before them. */
  s<G extends Partials<C>>(...args: G): Signature<Missing<C, G>, R>
  /** As `s`, for a complete call that ignores the result of the task before it. */
  si(...args: C): Signature<readonly unknown[], R>
  /** As `s` and `si`, with options of the call. */
  signature<G extends Partials<C>>(args: Readonly<G>, options?: TaskSignatureOptions): Signature<Missing<C, G>, R>
  /** Calls that belong to this transaction of an ORM, begun by hand or not the current one. */
  in(tx: object): TaskInTransaction<R, C>
  /** Sends one call for each list of arguments, published in batches. */
  delayMany(calls: Iterable<Readonly<C>> | AsyncIterable<Readonly<C>>, options?: CallOptions): Promise<AsyncResult<R>[]>
  /** @internal */
  compiledFor(app: Celeriac): CompiledOptions
  /** @internal */
  readonly body: TaskBody<A, R | Promise<R>>
  /** @internal */
  readonly declaration: ModelDeclaration
  /** @internal The name of the row whose method this is: its first argument, or a keyword argument of that name. */
  readonly self: string | undefined
}

/** The calls of a task that follow a given transaction. */
export type TaskInTransaction<R, C extends readonly unknown[]> = Pick<
  Task<C, R, C>,
  'delay' | 'applyAsync' | 'delayMany'
>

/** What `app.task` and `sharedTask` were given, sorted out. */
export interface TaskDefinition<A extends readonly unknown[], R> {
  readonly options: TaskOptions
  readonly body: TaskBody<A, R | Promise<R>>
  readonly takes?: readonly AnyParameter[] | undefined
  /** The first parameter is the instance whose method this is; more are welcome. */
  readonly self?: string
}

/** `(body)`, `(parameters, body)` or `(options, body)`. */
export function taskDefinition<A extends readonly unknown[], R>(first: unknown, second: unknown): TaskDefinition<A, R> {
  if (typeof first === 'function') {
    if (second !== undefined)
      throw new ImproperlyConfigured("a task's options come before its body: task(name, options, body)")
    return { options: {}, body: first as TaskBody<A, R | Promise<R>> }
  }
  const options = (
    Array.isArray(first) ? { takes: first } : typeof first === 'object' ? (first ?? {}) : {}
  ) as TaskOptions & Pick<TaskDefinition<A, R>, 'takes'>
  return { options, takes: options.takes, body: second as TaskBody<A, R | Promise<R>> }
}

/** Makes the callable. `appOf` says which app a call means: its own, or the current one for a shared task. */
export function createTask<A extends readonly unknown[], R, C extends readonly unknown[] = EnqueueableArgs<A>>(
  name: string,
  { options, body, takes, self }: TaskDefinition<A, R>,
  place: string,
  appOf: () => Celeriac,
): Task<A, R, C> {
  checkDefinition(name, options, body)
  const compiled = new WeakMap<Celeriac, CompiledOptions>()
  const call = (...args: A): Promise<R> => callDirectly(appOf(), task, args)
  const members = {
    options,
    place,
    body,
    declaration: new ModelDeclaration(name, { ...options, takes, takesMore: self !== undefined }),
    self,
    delay: (...args: C) => appOf().publisher.call<R>(task as unknown as Task, args, noOptions),
    applyAsync: (args: Readonly<C>, callOptions: CallOptions = noOptions) =>
      appOf().publisher.call<R>(task as unknown as Task, args, callOptions),
    delayMany: (calls: Iterable<Readonly<C>> | AsyncIterable<Readonly<C>>, callOptions: CallOptions = noOptions) =>
      appOf().publisher.callMany<R>(task as unknown as Task, calls, callOptions),
    delayOnCommit: (...args: C) => appOf().publisher.call<R>(task as unknown as Task, args, onCommit),
    applyAsyncOnCommit: (args: Readonly<C>, callOptions: CallOptions = noOptions) =>
      appOf().publisher.call<R>(task as unknown as Task, args, { ...callOptions, ...onCommit }),
    s: (...args: readonly unknown[]) => taskSignature(appOf, name, args),
    si: (...args: readonly unknown[]) => taskSignature(appOf, name, args, { immutable: true }),
    signature: (args: readonly unknown[], signed?: TaskSignatureOptions) => taskSignature(appOf, name, args, signed),
    in: (tx: object): TaskInTransaction<R, C> => {
      const within = async <T>(call: () => Promise<T>): Promise<T> => appOf().transactions.within(tx, call)
      return {
        delay: (...args) => within(() => task.delay(...args)),
        applyAsync: (args, callOptions) => within(() => task.applyAsync(args, callOptions)),
        delayMany: (calls, callOptions) => within(() => task.delayMany(calls, callOptions)),
      }
    },
    compiledFor: (app: Celeriac): CompiledOptions => {
      let found = compiled.get(app)
      if (!found) compiled.set(app, (found = compileTaskOptions(options, app.config)))
      return found
    },
  }
  Object.defineProperty(call, 'name', { value: name })
  const task: Task<A, R, C> = Object.assign(call, members) as Task<A, R, C>
  return task
}

const onCommit: CallOptions = Object.freeze({ dispatch: 'afterCommit' })

function checkDefinition(name: unknown, options: TaskOptions, body: unknown): asserts name is string {
  if (typeof name !== 'string' || name === '' || name.length > 255) {
    throw new ImproperlyConfigured(
      `a task needs a name of 1 to 255 characters, such as 'shop.sendInvoice'; got ${typeof name === 'string' ? `${name.length} characters` : typeof name}`,
    )
  }
  if (typeof body !== 'function')
    throw new ImproperlyConfigured(`task ${name} needs a function as its body, got ${describeValue(body)}`)
  checkTaskOptions(name, options)
}

/** The body as a plain function, with a context that says so. */
async function callDirectly<A extends readonly unknown[], R>(
  app: Celeriac,
  task: Pick<Task<A, R>, 'name' | 'body'>,
  args: A,
): Promise<R> {
  const context = new TaskContext(app, task as unknown as Task, directRequest(app, task.name, args), {
    signal: new AbortController().signal,
    updateState: () => Promise.resolve(),
  })
  return runInContext(context, () => task.body.apply(context, args as A & unknown[]))
}

/** The request of a task that runs without a message. */
export function directRequest(app: Celeriac, taskName: string, args: readonly unknown[]): TaskRequest {
  const id = newTaskId()
  return {
    id,
    task: taskName,
    args,
    kwargs: {},
    retries: 0,
    eta: undefined,
    expires: undefined,
    rootId: id,
    parentId: undefined,
    group: undefined,
    groupIndex: undefined,
    headers: {},
    stamps: {},
    deliveryInfo: undefined,
    timeLimit: { hard: undefined, soft: undefined },
    hostname: app.nodeName,
    origin: undefined,
    correlationId: undefined,
    replyTo: undefined,
    isEager: false,
    calledDirectly: true,
  }
}

/** `file:line:column` of the first caller outside this package's own frames given by `skip`. */
export function callerPlace(
  skip: ((...args: never[]) => unknown) | (abstract new (...args: never[]) => unknown),
): string {
  const holder: { stack?: string } = {}
  Error.captureStackTrace(holder, skip)
  const frame = holder.stack?.split('\n')[1] ?? ''
  return /\(?([^\s()]+:\d+:\d+)\)?$/.exec(frame)?.[1]?.replace(/^file:\/\//, '') ?? 'an unknown place'
}
