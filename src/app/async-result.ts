import { ImproperlyConfigured, TaskError, TaskRevoked, TimeoutError } from '../errors.ts'
import { remoteErrorMessage, type RemoteError } from '../protocol/remote-error.ts'
import { isReady, type TaskState } from '../protocol/states.ts'
import type { TaskMeta } from '../protocol/task-meta.ts'
import { durationMs, type Duration } from '../util/duration.ts'
import type { Celeriac } from './app.ts'

export interface GetOptions {
  /** Rejects with TimeoutError after this long. Default: waits for ever. */
  readonly timeout?: Duration
  /** Stops waiting; the task goes on. */
  readonly signal?: AbortSignal
}

export interface RevokeOptions {
  /** Ends a running attempt at once, where only its signal aborts otherwise. Default false. */
  readonly terminate?: boolean
}

/** A call by its id. Not thenable: awaiting `task.delay()` does not wait for the task. */
export class AsyncResult<R = unknown> {
  readonly id: string
  readonly #app: Celeriac
  readonly #ignored: boolean
  /** What eager mode found out; nothing else is asked then. */
  readonly #local: TaskMeta | undefined

  constructor(app: Celeriac, id: string, ignored = false, local?: TaskMeta) {
    this.#app = app
    this.id = id
    this.#ignored = ignored
    this.#local = local
  }

  /**
   * Waits for the task and gives what it returned. Throws TaskError for what it threw, TaskRevoked if it was revoked or
   * expired, TimeoutError after `timeout`, the signal's reason when that aborts.
   */
  async get(options: GetOptions = {}): Promise<R> {
    if (this.#local) return this.#unwrap(this.#local)
    if (this.#ignored)
      throw new ImproperlyConfigured(`the result of ${this.id} is ignored (ignoreResult): there is nothing to wait for`)
    const timeoutMs = options.timeout === undefined ? undefined : durationMs(options.timeout, 'timeout')
    const watcher = await this.#app.resultWatcher()
    return this.#unwrap(await this.#waited(watcher.wait(this.id, isFinal, timeoutMs, options.signal), options.timeout))
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

  /** Deletes what is stored of it. */
  async forget(): Promise<void> {
    await (await this.#app.openBackend()).forget(this.id)
  }

  /** Drops it if it waits, also in workers that start later; asks it to stop (its signal aborts) if it runs. */
  revoke(options: RevokeOptions = {}): Promise<void> {
    return this.#app.revoke(this.id, options)
  }

  async #waited(waiting: Promise<TaskMeta | undefined>, timeout: Duration | undefined): Promise<TaskMeta> {
    const meta = await waiting
    if (!meta)
      throw new TimeoutError(
        `task ${this.id} was not ready after ${typeof timeout === 'number' ? `${timeout}s` : timeout}; is a worker running for its queue?`,
      )
    return meta
  }

  async #unwrap(meta: TaskMeta): Promise<R> {
    if (meta.status === 'SUCCESS')
      return (this.#app.models.isEmpty ? meta.result : await this.#app.models.load(meta.result)) as R
    const error = meta.result as RemoteError
    if (meta.status === 'REVOKED') throw new TaskRevoked(`task ${this.id} was ${remoteErrorMessage(error)}`)
    throw new TaskError({
      taskId: this.id,
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
