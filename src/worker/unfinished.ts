import type { Celeriac } from '../app/app.ts'
import type { TaskRequest } from '../app/context.ts'
import { tracedFollowing } from '../app/tracing.ts'
import type { ResultBackend } from '../backends/backend.ts'
import { afterFailure, type Failed } from '../canvas/continuation.ts'
import { restTask } from '../canvas/rest.ts'
import { Rests } from '../canvas/rests.ts'
import { OperationalError } from '../errors.ts'
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
  readonly #rests: Rests

  constructor(app: Celeriac, backend: ResultBackend) {
    this.#app = app
    this.#backend = backend
    this.#rests = new Rests(app, backend)
  }

  end(ended: Ended, state: Failed['state'], error: RemoteError): Promise<Following> {
    return tracedFollowing(ended.message, () => this.#end(ended, state, error))
  }

  async #end(ended: Ended, state: Failed['state'], error: RemoteError): Promise<Following> {
    const body = await this.#bodyOf(ended)
    if (!body) return {}
    const { headers } = ended
    const rest = headers.task === restTask ? await this.#endRest(ended, body, { state, error }) : undefined
    if (rest) return rest
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

  /** What it stands for ends instead. Undefined if that is lost. */
  async #endRest(
    { headers, deliveryCount }: Ended,
    body: TaskBody,
    end: { readonly state: Failed['state']; readonly error: RemoteError },
  ): Promise<Following | undefined> {
    try {
      return await this.#rests.end({ headers, body, isRedelivered: deliveryCount > 1 }, { ...end, tells: false })
    } catch (error) {
      if (error instanceof OperationalError) throw error
      return undefined
    }
  }

  /** Undefined for one that cannot be read: nobody knows what should follow. */
  async #bodyOf({ headers, message }: Ended): Promise<TaskBody | undefined> {
    // Signatures have a task; most bodies that are text have none.
    const mayFollow = typeof message.body !== 'string' || message.body.includes('"task"')
    if (!mayFollow && headers.task !== restTask) return undefined
    const codec = await this.#app.connections.codec()
    try {
      return readTask(message, () => codec.load(message)).body()
    } catch {
      return undefined
    }
  }
}
