import type { Celeriac } from '../app/app.ts'
import type { Codec } from '../app/codec.ts'
import type { TaskRequest } from '../app/context.ts'
import { tracedFollowing } from '../app/tracing.ts'
import type { ResultBackend } from '../backends/backend.ts'
import { afterFailure } from '../canvas/continuation.ts'
import { Rests, type RestMessage } from '../canvas/rests.ts'
import { DecodeError, OperationalError } from '../errors.ts'
import type { Attempt, Job, Outcome } from '../pools/pool.ts'
import { describeError } from '../protocol/remote-error.ts'
import { readTask } from '../protocol/task-message.ts'
import { requestOf } from './attempt.ts'
import { following } from './failure.ts'

type Failure = Extract<Outcome, { kind: 'failed' }>

/**
 * Runs the messages that stand for what comes later in large workflows. That happens in the worker itself, whatever its
 * pool: it is short, and the memory backend is there.
 */
export class RestExecutor {
  readonly #app: Celeriac
  readonly #backend: ResultBackend
  readonly #codec: Codec
  readonly #rests: Rests

  constructor(app: Celeriac, backend: ResultBackend, codec: Codec) {
    this.#app = app
    this.#backend = backend
    this.#codec = codec
    this.#rests = new Rests(app, backend)
  }

  /** Never rejects: whatever happens is an outcome. */
  async execute(job: Job, attempt: Attempt): Promise<Outcome> {
    const startedAt = performance.now()
    const outcome = await tracedFollowing(job.message, () => this.#outcome(job, attempt))
    return { ...outcome, runtimeMs: performance.now() - startedAt }
  }

  async #outcome(job: Job, attempt: Attempt): Promise<Outcome> {
    const runtimeMs = 0
    if (!attempt.bodyEnded()) return { kind: 'cancelled', runtimeMs, reason: attempt.cancelled ?? 'shutdown' }
    try {
      const message = this.#read(job)
      try {
        const followers = await this.#rests.goOn(message)
        return { kind: 'ignored', runtimeMs, reason: 'the workflow goes on', successors: [], ...followers }
      } catch (error) {
        if (error instanceof OperationalError) throw error
        return await this.#fail(job, message, error)
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (error instanceof DecodeError) return { kind: 'undecodable', runtimeMs, reason }
      return { kind: 'lost', runtimeMs, reason, isTransient: error instanceof OperationalError }
    }
  }

  #read({ headers, message, deliveryCount }: Job): RestMessage {
    const body = readTask(message, () => this.#codec.load(message)).body()
    const { priority } = message.properties
    return { headers, body, isRedelivered: deliveryCount > 1, priority }
  }

  /** Its id is that of a task whose result somebody may wait for. */
  async #fail(job: Job, { headers, body, isRedelivered }: RestMessage, thrown: unknown): Promise<Failure> {
    const error = describeError(thrown)
    const { id: taskId, group: groupId, parentId } = headers
    const store = this.#backend.store.bind(this.#backend)
    await store({ taskId, status: 'FAILURE', result: error, dateDone: new Date(), groupId, parentId })
    const request = (): TaskRequest => requestOf(job, body, { hostname: this.#app.nodeName, isEager: false })
    const failed = { headers, embed: body.embed, isRedelivered, state: 'FAILURE', error, request } as const
    const followers = await afterFailure(this.#app, store, failed)
    return { kind: 'failed', runtimeMs: 0, error, isExpected: false, ...following(followers) }
  }
}
