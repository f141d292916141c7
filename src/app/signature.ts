import { InvalidArguments } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import type { SignatureData, TaskSignature } from '../protocol/signature-json.ts'
import type { Celeriac } from './app.ts'
import type { AsyncResult } from './async-result.ts'
import type { CallOptions } from './call-options.ts'
import type { TaskRequest } from './context.ts'
import { mergeOptions, signatureOptions } from './signature-settings.ts'
import type { Missing, Partials } from './signature-types.ts'
import { isVisitor, stamped, visited, type StampingVisitor, type Stamps } from './stamping.ts'
import type { TaskError } from '../errors.ts'

/** Any signature, whatever it takes and gives. */
export type AnySignature = Signature<never, unknown, unknown>

/** What a signature still takes, what its task returns, and what stands for its result. */
export type TakesOf<S> = S extends Signature<infer Takes, unknown, unknown> ? Takes : never
export type ResultOf<S> = S extends Signature<never, infer R, unknown> ? R : never
export type HandleOf<S> = S extends Signature<never, unknown, infer Handle> ? Handle : never

/** What may follow a failure: it gets the id of the failed task, or, run by the failing worker itself, all of it. */
export type ErrorCallback =
  | Signature<[taskId: string], unknown, unknown>
  | Signature<[request: TaskRequest, error: TaskError, traceback: string | undefined], unknown, unknown>

/** How a kind of signature is sent. Gives the handle of its result. */
export type Run = (app: Celeriac, data: SignatureData, options: CallOptions) => Promise<unknown>

/** @internal What a signature is made of. */
export interface SignatureParts {
  readonly data: SignatureData
  readonly appOf: () => Celeriac
  readonly run: Run
}

/**
 * A call that is not made yet: a value, to be sent, linked to others, or made part of a workflow. It never changes: what
 * seems to change it gives another. `Takes` are the arguments that it still takes, before its own.
 */
export class Signature<in Takes extends readonly unknown[] = never, out R = unknown, out Handle = AsyncResult<R>> {
  /** @internal */
  readonly data: SignatureData
  readonly #appOf: () => Celeriac
  readonly #run: Run
  declare protected readonly takes: (given: Takes) => R

  /** @internal */
  constructor({ data, appOf, run }: SignatureParts) {
    this.data = data
    this.#appOf = appOf
    this.#run = run
  }

  /** @internal */
  get parts(): SignatureParts {
    return { data: this.data, appOf: this.#appOf, run: this.#run }
  }

  /** With these arguments before its own. */
  clone<S extends AnySignature, G extends Partials<TakesOf<S>>>(
    this: S,
    ...args: G
  ): Signature<Missing<TakesOf<S>, G>, ResultOf<S>, HandleOf<S>> {
    return new Signature({ ...this.parts, data: withArguments(this.data, args, {}) })
  }

  /**
   * With options of the call; later ones win. A chain hands them on to its first step, a group to each member, a chord to
   * its header; a `taskId` is that of the last. Throws InvalidArguments for wrong ones.
   */
  set(options: CallOptions): Signature<Takes, R, Handle> {
    const { kwargs = {}, stamps, ...others } = options
    if (stamps) return this.stamp(stamps).set({ ...others, kwargs })
    const changed = mergeOptions(this.data.options, signatureOptions(nameOf(this.data), options))
    return this.#with({ ...withArguments(this.data, [], kwargs), options: changed })
  }

  /** Sends `callback` with the result when this succeeded; of a chain, when its last task did. */
  link(callback: Signature<[R], unknown, unknown>): Signature<Takes, R, Handle> {
    return this.set({ link: callback })
  }

  /** Calls `callback` when this failed; of a chain, when any of its tasks did. */
  linkError(callback: ErrorCallback): Signature<Takes, R, Handle> {
    return this.set({ linkError: callback })
  }

  /** Labels this, and all that it consists of, with the same or as a visitor says: see `request.stamps`. */
  stamp(stamps: Stamps | StampingVisitor): Signature<Takes, R, Handle> {
    return this.#with(isVisitor(stamps) ? visited(this.data, stamps) : stamped(this.data, stamps))
  }

  /** Sends it, with the arguments that it still takes. */
  delay(...args: Takes): Promise<Handle> {
    return this.applyAsync(args)
  }

  /** As `delay`, with options of the call. */
  applyAsync(args: Takes | readonly [] = [], options: CallOptions = {}): Promise<Handle> {
    const { stamps, ...unstamped } = options
    if (stamps) return this.stamp(stamps).applyAsync(args, unstamped)
    const { kwargs, dispatch, retry, retryPolicy, ...others } = unstamped
    const given = withArguments(this.data, args, kwargs ?? {})
    const data = { ...given, options: mergeOptions(given.options, signatureOptions(nameOf(given), others)) }
    const sending = {
      ...(dispatch === undefined ? undefined : { dispatch }),
      ...(retry === undefined ? undefined : { retry }),
      ...(retryPolicy === undefined ? undefined : { retryPolicy }),
    }
    return this.#run(this.#appOf(), data, sending) as Promise<Handle>
  }

  #with(data: SignatureData): Signature<Takes, R, Handle> {
    return new Signature({ data, appOf: this.#appOf, run: this.#run })
  }
}

/** A name for messages. */
function nameOf(data: SignatureData): string {
  return data.kind === 'task' ? data.task : data.kind
}

/** With arguments before those that it has, unless it is immutable. */
export function withArguments<S extends SignatureData>(
  data: S,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
): S {
  if (data.immutable) return data
  return { ...data, args: [...args, ...data.args], kwargs: { ...data.kwargs, ...kwargs } }
}

/** Throws InvalidArguments for what is no signature, as JavaScript may give it. */
export function checkSignature(given: unknown, what: string): asserts given is AnySignature {
  if (given instanceof Signature) return
  const advice = Array.isArray(given) ? '; put it into group(), or spread it' : ''
  throw new InvalidArguments(`${what} takes signatures, such as add.s(1, 2); got ${describeValue(given)}${advice}`)
}

export interface TaskSignatureOptions extends CallOptions {
  /** Ignores the result of the task before it. Default false. */
  readonly immutable?: boolean
}

/** @internal The signature of a call of one task. */
export function taskSignature<Takes extends readonly unknown[], R>(
  appOf: () => Celeriac,
  task: string,
  args: readonly unknown[],
  { immutable = false, kwargs = {}, ...options }: TaskSignatureOptions = {},
): Signature<Takes, R> {
  const data: SignatureData = {
    kind: 'task',
    task,
    args,
    kwargs,
    options: signatureOptions(task, options),
    subtaskType: null,
    immutable,
  }
  return new Signature<Takes, R>({ data, appOf, run: runTask })
}

const runTask: Run = (app, data, options) => app.publisher.applySignature(data as TaskSignature, options)
