import { InvalidArguments } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import type { RemoteError } from '../protocol/remote-error.ts'
import type { TaskState } from '../protocol/states.ts'
import { nearest } from '../util/nearest.ts'
import type { TaskContext } from './context.ts'

/** What `app.on` can listen to, with what each listener is given. */
export interface Signals {
  /** Before a message is given to the broker. `headers` may be changed: it is what travels. */
  beforeTaskPublish: {
    readonly taskName: string
    readonly taskId: string
    readonly queue: string
    readonly headers: Record<string, unknown>
  }
  /** The broker has the message. */
  afterTaskPublish: { readonly taskName: string; readonly taskId: string; readonly queue: string }
  /** A worker took the message and will run it. */
  taskReceived: { readonly taskName: string; readonly taskId: string; readonly queue: string }
  /** Arguments are loaded, the body runs next. */
  taskPrerun: {
    readonly taskName: string
    readonly taskId: string
    readonly context: TaskContext
    readonly args: readonly unknown[]
  }
  /** The attempt is over and its result is stored. */
  taskPostrun: {
    readonly taskName: string
    readonly taskId: string
    readonly context: TaskContext
    readonly state: TaskState
    readonly result: unknown
  }
  taskSuccess: { readonly taskName: string; readonly taskId: string; readonly result: unknown }
  taskFailure: {
    readonly taskName: string
    readonly taskId: string
    readonly error: RemoteError
    readonly thrown: unknown
  }
  taskRetry: {
    readonly taskName: string
    readonly taskId: string
    readonly error: RemoteError | undefined
    readonly when: Date
    readonly retries: number
  }
  taskRevoked: {
    readonly taskName: string
    readonly taskId: string
    readonly expired: boolean
    readonly terminated: boolean
  }
  taskRejected: {
    readonly taskName: string
    readonly taskId: string
    readonly requeue: boolean
    readonly reason: string
  }
  /** A message names a task that this worker does not have. */
  taskUnknown: { readonly taskName: string; readonly taskId: string; readonly queue: string }
  /** In a thread or process of a pool: it has loaded the app and takes tasks. */
  workerProcessInit: { readonly workerName: string }
  /** In a thread or process of a pool that ends well: the place to close what the module of the app opened. */
  workerProcessShutdown: { readonly workerName: string }
  workerReady: { readonly workerName: string }
  workerShuttingDown: { readonly workerName: string; readonly how: 'warm' | 'cold' }
  workerShutdown: { readonly workerName: string }
}

export type SignalName = keyof Signals
export type SignalListener<N extends SignalName> = (payload: Signals[N]) => void | Promise<void>

const names = {
  beforeTaskPublish: true,
  afterTaskPublish: true,
  taskReceived: true,
  taskPrerun: true,
  taskPostrun: true,
  taskSuccess: true,
  taskFailure: true,
  taskRetry: true,
  taskRevoked: true,
  taskRejected: true,
  taskUnknown: true,
  workerProcessInit: true,
  workerProcessShutdown: true,
  workerReady: true,
  workerShuttingDown: true,
  workerShutdown: true,
} satisfies Record<SignalName, true>

/** Nobody would ever hear a signal whose name is misspelt. */
function checkListener(name: string, listener: unknown): void {
  if (!Object.hasOwn(names, name)) {
    const near = nearest(name, Object.keys(names))
    throw new InvalidArguments(
      `${describeValue(name)} is no signal; ${near ? `did you mean ${near}?` : `there are ${Object.keys(names).join(', ')}`}`,
    )
  }
  if (typeof listener !== 'function')
    throw new InvalidArguments(`app.on('${name}') needs a function that listens, got ${describeValue(listener)}`)
}

/** Calls listeners one after the other, each awaited. What a listener throws is reported and changes nothing. */
export class SignalHub {
  readonly #listeners = new Map<SignalName, SignalListener<never>[]>()
  readonly #onError: (error: unknown, signal: SignalName) => void

  constructor(onError: (error: unknown, signal: SignalName) => void) {
    this.#onError = onError
  }

  /** Returns the function that takes the listener off again. */
  on<N extends SignalName>(name: N, listener: SignalListener<N>): () => void {
    checkListener(name, listener)
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener])
    return () => {
      const rest = (this.#listeners.get(name) ?? []).filter((other) => other !== listener)
      if (rest.length > 0) this.#listeners.set(name, rest)
      else this.#listeners.delete(name)
    }
  }

  /** Cheap: hot paths ask before they build a payload. */
  has(name: SignalName): boolean {
    return this.#listeners.has(name)
  }

  async emit<N extends SignalName>(name: N, payload: Signals[N]): Promise<void> {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        await (listener as SignalListener<N>)(payload)
      } catch (error) {
        this.#onError(error, name)
      }
    }
  }
}
