import type { Celeriac } from '../app/app.ts'
import type { TaskRequest } from '../app/context.ts'
import type { ResultBackend } from '../backends/backend.ts'
import { afterFailure, type Failed } from '../canvas/continuation.ts'
import type { Following, Job } from '../pools/pool.ts'
import type { RemoteError } from '../protocol/remote-error.ts'
import type { TaskBody } from '../protocol/task-body.ts'
import { readTask } from '../protocol/task-message.ts'
import { requestOf } from './attempt.ts'
import { following } from './failure.ts'

/** A message that is over. */
export type Ended = Pick<Job, 'headers' | 'message' | 'queue' | 'deliveryCount'> & Partial<Job>

/** Ends the workflows of tasks whose body never ran, or could not say how it ended. */
export class Unfinished {
  readonly #app: Celeriac
  readonly #backend: ResultBackend

  constructor(app: Celeriac, backend: ResultBackend) {
    this.#app = app
    this.#backend = backend
  }

  async end(ended: Ended, state: Failed['state'], error: RemoteError): Promise<Following> {
    const body = await this.#bodyOf(ended)
    if (!body) return {}
    const { headers } = ended
    const request = (): TaskRequest => requestOf(ended, body, { hostname: this.#app.nodeName, isEager: false })
    const followers = await afterFailure(this.#app, (meta) => this.#backend.store(meta), {
      headers,
      embed: body.embed,
      isRedelivered: ended.deliveryCount > 1,
      state,
      error,
      request,
    })
    return following(followers)
  }

  /** Undefined for one that cannot be read: nobody knows what should follow. */
  async #bodyOf({ message }: Ended): Promise<TaskBody | undefined> {
    // Signatures have a task; most bodies that are text have none.
    if (typeof message.body === 'string' && !message.body.includes('"task"')) return undefined
    const codec = await this.#app.openCodec()
    try {
      return readTask(message, () => codec.load(message)).body()
    } catch {
      return undefined
    }
  }
}
