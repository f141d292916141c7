import type { Celeriac } from '../app/app.ts'
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

  /** How many are done, and successfully. One look at the store. */
  async completedCount(): Promise<number> {
    const metas = await (await this.#app.openBackend()).fetch(this.results.map(({ id }) => id))
    return metas.filter((meta) => meta?.status === 'SUCCESS').length
  }

  /** Drops those that wait; asks those to stop that run. */
  async revoke(options: RevokeOptions = {}): Promise<void> {
    await Promise.all(this.results.map((result) => result.revoke(options)))
  }

  /** Deletes what is stored of all of them. */
  async forget(): Promise<void> {
    await Promise.all(this.results.map((result) => result.forget()))
  }
}
