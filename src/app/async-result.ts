import { ImproperlyConfigured, TaskError, TaskRevoked, TimeoutError } from '../errors.ts'
import { remoteErrorMessage, type RemoteError } from '../protocol/remote-error.ts'
import { isReady, type TaskState } from '../protocol/states.ts'
import type { TaskMeta } from '../protocol/task-meta.ts'
import { durationMs, type Duration } from '../util/duration.ts'
import type { Celeriac } from './app.ts'
import { checkKeys } from './check-keys.ts'
import { failureBefore } from './parent-failure.ts'
import type { ResultWatcher } from './result-watcher.ts'
import type { Scope } from './transactions.ts'

export interface GetOptions {
  /** Rejects with TimeoutError after this long. Default: waits for ever. */
  readonly timeout?: Duration
  /** Stops waiting; the task goes on. */
  readonly signal?: AbortSignal
}

const getOptions = ['timeout', 'signal'] as const satisfies (keyof GetOptions)[]

export interface RevokeOptions {
  /** Ends a running attempt at once, where only its signal aborts otherwise. Default false. */
  readonly terminate?: boolean
}

/** A result that may come before another. */
export interface AnyResult {
  readonly id: string
  readonly parent: AnyResult | undefined
  /** Of a group. */
  readonly results?: readonly AnyResult[]
  get(options?: GetOptions): Promise<unknown>
}

/** What a call is known for where it was made. */
export interface ResultOptions {
  readonly ignored?: boolean
  readonly local?: TaskMeta | undefined
  readonly parent?: AnyResult | undefined
  readonly scope?: Scope | undefined
}

/** A call by its id. Not thenable: awaiting `task.delay()` does not wait for the task. */
export class AsyncResult<R = unknown> {
  readonly id: string
  /** The result before this one in its chain; of a chord's body, that of the header. */
  readonly parent: AnyResult | undefined
  readonly #app: Celeriac
  readonly #ignored: boolean
  /** What eager mode found out; nothing else is asked then. */
  readonly #local: TaskMeta | undefined
  /** The transaction after whose commit the call leaves. */
  readonly #scope: Scope | undefined

  constructor(app: Celeriac, id: string, { ignored = false, local, parent, scope }: ResultOptions = {}) {
    this.#app = app
    this.id = id
    this.#ignored = ignored
    this.#local = local
    this.#scope = scope
    this.parent = parent
  }

  /**
   * Waits for the task and gives what it returned. Throws TaskError for what it threw, TaskRevoked if it was revoked or
   * expired, or if the transaction around the call was rolled back, TimeoutError after `timeout`, the signal's reason when
   * that aborts, and ImproperlyConfigured if it could only wait for ever.
   */
  get(options: GetOptions = {}): Promise<R> {
    try {
      return this.#local ? this.#unwrap(this.#local) : this.#wait(options)
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }

  /** What is stored of the task, or undefined: not started, unknown, or forgotten. */
  async meta(): Promise<TaskMeta | undefined> {
    if (this.#local) return this.#local
    const backend = await this.#app.openBackend()
    return (await backend.fetch([this.id]))[0]
  }

  /** `PENDING` where nothing is known. */
  async state(): Promise<TaskState> {
    return (await this.meta())?.status ?? 'PENDING'
  }

  /** It is over, however it ended. */
  async ready(): Promise<boolean> {
    return isReady(await this.state())
  }

  async successful(): Promise<boolean> {
    return (await this.state()) === 'SUCCESS'
  }

  async failed(): Promise<boolean> {
    return (await this.state()) === 'FAILURE'
  }

  /** Tasks that this one published, once it is over. */
  async children(): Promise<AsyncResult[]> {
    return ((await this.meta())?.children ?? []).map((id) => new AsyncResult(this.#app, id))
  }

  /** Itself and its value, then its children and theirs, and so on. Throws as `get` does. */
  async *collect(options: GetOptions = {}): AsyncGenerator<readonly [AsyncResult, unknown]> {
    const waiting: AsyncResult[] = [this as AsyncResult]
    for (let result = waiting.shift(); result; result = waiting.shift()) {
      yield [result, await result.get(options)]
      waiting.push(...(await result.children()))
    }
  }

  /** Deletes what is stored of it. */
  async forget(): Promise<void> {
    await (await this.#app.openBackend()).forget(this.id)
  }

  /** Drops it if it waits, also in workers that start later; asks it to stop (its signal aborts) if it runs. */
  revoke(options: RevokeOptions = {}): Promise<void> {
    return this.#app.revoke(this.id, options)
  }

  #wait(options: GetOptions): Promise<R> {
    checkKeys(options, getOptions, 'get()')
    const { timeout, signal } = options
    if (this.#ignored) {
      throw new ImproperlyConfigured(`the result of ${this.id} is ignored (ignoreResult): there is nothing to wait for`)
    }
    if (this.#scope) this.#app.transactions.checkWaitable(this.#scope, this.id)
    const timeoutMs = timeout === undefined ? undefined : durationMs(timeout, 'timeout')
    const wait = (watcher: ResultWatcher): Promise<TaskMeta | undefined> =>
      this.parent
        ? this.#waitWithParents(watcher, timeoutMs, signal)
        : watcher.wait(this.id, isFinal, timeoutMs, signal)
    const watcher = this.#app.connections.openedWatcher
    const waited = watcher ? wait(watcher) : this.#app.resultWatcher().then(wait)
    return waited.then((meta) => {
      if (meta) return this.#unwrap(meta)
      const after = typeof timeout === 'number' ? `${timeout}s` : timeout
      throw new TimeoutError(
        `task ${this.id} was not ready after ${after}; app.explain(id) or celeriac explain says why`,
      )
    })
  }

  async #waitWithParents(
    watcher: ResultWatcher,
    timeoutMs: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<TaskMeta | undefined> {
    const end = new AbortController()
    const both = signal ? AbortSignal.any([signal, end.signal]) : end.signal
    const own = watcher.wait(this.id, isFinal, timeoutMs, both)
    const before = failureBefore(this, watcher, both)
    // The one that comes too late is told to stop.
    for (const one of [own, before]) one.catch(() => undefined)
    try {
      return await Promise.race([own, before.catch(() => own)])
    } finally {
      end.abort()
    }
  }

  #unwrap(meta: TaskMeta): Promise<R> {
    const { models } = this.#app
    if (meta.status === 'SUCCESS')
      return (models.isEmpty ? Promise.resolve(meta.result) : models.load(meta.result)) as Promise<R>
    return Promise.reject(this.#failure(meta))
  }

  #failure(meta: TaskMeta): Error {
    const error = meta.result as RemoteError
    if (meta.status === 'REVOKED') return new TaskRevoked(`task ${meta.taskId} was ${remoteErrorMessage(error)}`)
    return new TaskError({
      taskId: meta.taskId,
      type: error.type,
      message: remoteErrorMessage(error),
      module: error.module,
      details: error.details,
      traceback: meta.traceback ?? error.traceback,
    })
  }
}

function isFinal(meta: TaskMeta): boolean {
  return isReady(meta.status)
}
