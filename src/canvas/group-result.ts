import type { Celeriac } from '../app/app.ts'
import { currentApp } from '../app/shared-task.ts'
import { TaskError, TaskRevoked } from '../errors.ts'
import type { AnyResult, AsyncResult, GetOptions, RevokeOptions } from '../app/async-result.ts'

/** The results of a group, in the order of its members. */
export class GroupResult<R extends readonly unknown[] = readonly unknown[]> implements AnyResult {
  readonly id: string
  readonly parent: AnyResult | undefined
  readonly results: readonly AsyncResult<R[number]>[]
  readonly #app: Celeriac

  constructor(app: Celeriac, id: string, results: readonly AsyncResult[], parent?: AnyResult) {
    this.#app = app
    this.id = id
    this.results = results as readonly AsyncResult<R[number]>[]
    this.parent = parent
  }

  /** Waits for all and gives what they returned; throws as soon as one failed. */
  async get(options: GetOptions = {}): Promise<R> {
    const values = await Promise.all(this.results.map((result) => result.get(options)))
    return values as unknown as R
  }

  /** Each result as soon as it is there, whatever became of the task. */
  async *iterate(options: GetOptions = {}): AsyncGenerator<AsyncResult<R[number]>> {
    const arrived: Promise<AsyncResult<R[number]>>[] = []
    let wake = (): void => undefined
    for (const result of this.results) {
      const ending = settled(result, options)
      const arrive = (): void => {
        arrived.push(ending)
        wake()
      }
      ending.then(arrive, arrive)
    }
    for (let next = 0; next < this.results.length; next++) {
      if (next === arrived.length) await new Promise<void>((resolve) => (wake = resolve))
      yield await (arrived[next] as Promise<AsyncResult<R[number]>>)
    }
  }

  /** Remembers which tasks the group has: `restoreGroup(id)` finds them then, until `result_expires`. */
  async save(): Promise<void> {
    const ids = this.results.map(({ id }) => id)
    await (await this.#app.openBackend()).saveGroup(this.id, ids)
  }

  /** How many are done, and successfully. One look at the store. */
  async completedCount(): Promise<number> {
    const metas = await (await this.#app.openBackend()).fetch(this.results.map(({ id }) => id))
    return metas.filter((meta) => meta?.status === 'SUCCESS').length
  }

  /** Drops those that wait; asks those to stop that run. */
  async revoke(options: RevokeOptions = {}): Promise<void> {
    await Promise.all(this.results.map((result) => result.revoke(options)))
  }

  /** Deletes what is stored of all of them, and of the group. */
  async forget(): Promise<void> {
    await Promise.all(this.results.map((result) => result.forget()))
    await (await this.#app.openBackend()).forgetGroup(this.id)
  }
}

/** A group that was saved, by its id; undefined if it was not, or expired. Python's `GroupResult.save` counts as well. */
export async function restoreGroup<R = unknown>(
  id: string,
  app: Celeriac = currentApp(),
): Promise<GroupResult<R[]> | undefined> {
  const taskIds = await (await app.openBackend()).savedGroup(id)
  if (!taskIds) return undefined
  return new GroupResult<R[]>(
    app,
    id,
    taskIds.map((taskId) => app.result(taskId)),
  )
}

/** Rejects only if nobody knows yet what became of it. */
async function settled<R>(result: AsyncResult<R>, options: GetOptions): Promise<AsyncResult<R>> {
  try {
    await result.get(options)
  } catch (error) {
    if (!(error instanceof TaskError || error instanceof TaskRevoked)) throw error
  }
  return result
}
