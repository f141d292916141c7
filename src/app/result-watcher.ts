import type { ResultBackend } from '../backends/backend.ts'
import type { TaskMeta } from '../protocol/task-meta.ts'
import { setLongTimeout } from '../util/long-timeout.ts'

interface Waiter {
  readonly accept: (meta: TaskMeta) => boolean
  readonly settle: (meta: TaskMeta | undefined, error?: unknown) => void
}

/** Waits for results: those asked for in one turn of the event loop are watched and fetched together. */
export class ResultWatcher implements AsyncDisposable {
  readonly #backend: ResultBackend
  readonly #waiters = new Map<string, Set<Waiter>>()
  readonly #watches = new Map<string, SharedWatch>()
  #newIds: string[] = []

  constructor(backend: ResultBackend) {
    this.#backend = backend
  }

  /** The first state that `accept` takes; undefined after `timeoutMs`. Rejects with the signal's reason. */
  wait(
    taskId: string,
    accept: (meta: TaskMeta) => boolean,
    timeoutMs?: number,
    signal?: AbortSignal,
  ): Promise<TaskMeta | undefined> {
    return this.waitForAny([taskId], accept, timeoutMs, signal)
  }

  /** The same of any of many tasks, with one listener on the signal: more of them make each addition slower. */
  waitForAny(
    taskIds: readonly string[],
    accept: (meta: TaskMeta) => boolean,
    timeoutMs?: number,
    signal?: AbortSignal,
  ): Promise<TaskMeta | undefined> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error)
      const onAbort = (): void => waiter.settle(undefined, signal?.reason ?? new DOMException('aborted', 'AbortError'))
      const timer = timeoutMs === undefined ? undefined : setLongTimeout(() => waiter.settle(undefined), timeoutMs)
      const waiter: Waiter = {
        accept,
        settle: (meta, error) => {
          clearTimeout(timer)
          signal?.removeEventListener('abort', onAbort)
          for (const taskId of taskIds) this.#remove(taskId, waiter)
          if (error === undefined) resolve(meta)
          else reject(error as Error)
        },
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      for (const taskId of taskIds) this.#add(taskId, waiter)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const error = new Error('the app was closed while a result was awaited')
    for (const waiters of this.#waiters.values()) for (const waiter of waiters) waiter.settle(undefined, error)
    await Promise.all([...new Set(this.#watches.values())].map((watch) => watch.end()))
  }

  #add(taskId: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(taskId)
    if (waiters) {
      waiters.add(waiter)
    } else {
      this.#waiters.set(taskId, new Set([waiter]))
    }
    if (this.#newIds.length === 0) setImmediate(() => void this.#watchNew())
    this.#newIds.push(taskId)
  }

  #remove(taskId: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(taskId)
    waiters?.delete(waiter)
    if (waiters?.size !== 0) return
    this.#waiters.delete(taskId)
    this.#watches.get(taskId)?.release()
    this.#watches.delete(taskId)
  }

  /** Watch first, then fetch: a state stored in between is seen by one of the two. */
  async #watchNew(): Promise<void> {
    const asked = new Set(this.#newIds.filter((taskId) => this.#waiters.has(taskId)))
    this.#newIds = []
    const taskIds = [...asked]
    const unwatched = taskIds.filter((taskId) => !this.#watches.has(taskId))
    try {
      if (unwatched.length > 0) {
        const watch = new SharedWatch(unwatched.length)
        for (const taskId of unwatched) this.#watches.set(taskId, watch)
        watch.begin(await this.#backend.watch(unwatched, (meta) => this.#offer(meta)))
      }
      const metas = await this.#backend.fetch(taskIds)
      for (const meta of metas) if (meta) this.#offer(meta)
    } catch (error) {
      for (const taskId of taskIds)
        for (const waiter of this.#waiters.get(taskId) ?? []) waiter.settle(undefined, error)
    }
  }

  #offer(meta: TaskMeta): void {
    for (const waiter of this.#waiters.get(meta.taskId) ?? []) if (waiter.accept(meta)) waiter.settle(meta)
  }
}

/** One backend watch over many ids, ended when the last of them is no longer awaited. */
class SharedWatch {
  #left: number
  #handle: AsyncDisposable | undefined
  #over = false

  constructor(ids: number) {
    this.#left = ids
  }

  begin(handle: AsyncDisposable): void {
    this.#handle = handle
    if (this.#over) void this.end()
  }

  release(): void {
    this.#left--
    if (this.#left === 0) void this.end()
  }

  async end(): Promise<void> {
    this.#over = true
    const handle = this.#handle
    this.#handle = undefined
    await handle?.[Symbol.asyncDispose]()
  }
}
