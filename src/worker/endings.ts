import type { Celeriac } from '../app/app.ts'
import type { ResultBackend } from '../backends/backend.ts'
import type { Delivery } from '../brokers/broker.ts'
import type { Following } from '../pools/pool.ts'
import type { RemoteError } from '../protocol/remote-error.ts'
import type { TaskHeaders } from '../protocol/task-message.ts'
import type { Request } from './request.ts'
import { storesErrors } from './result-policy.ts'
import type { Settlements } from './settlements.ts'
import { Unfinished } from './unfinished.ts'
import { Workflows } from './workflows.ts'

/** Ends tasks whose workflow is to hear of it: what waits behind them is told, or sent, with the end of the message. */
export class Endings {
  readonly #app: Celeriac
  readonly #backend: ResultBackend
  readonly #settlements: Settlements
  readonly #unfinished: Unfinished
  readonly #workflows: Workflows

  constructor(app: Celeriac, backend: ResultBackend, settlements: Settlements) {
    this.#app = app
    this.#backend = backend
    this.#settlements = settlements
    this.#unfinished = new Unfinished(app, backend)
    this.#workflows = new Workflows(app, backend)
  }

  /** The body ended, and said what follows. */
  acknowledge(request: Request, following: Following): void {
    this.#do(request.delivery, () => this.#workflows.acknowledge(request, following))
  }

  /** REVOKED for what waits behind it, and for itself if `store` says so. */
  revoke(request: Request, error: RemoteError, store?: () => Promise<void>): void {
    this.#do(request.delivery, async () => {
      await store?.()
      const following = await this.#unfinished.end(request.job, 'REVOKED', error)
      await this.#workflows.acknowledge(request, following)
    })
  }

  /** FAILURE of a task whose body cannot say so itself. */
  fail(request: Request, result: RemoteError): void {
    this.#do(request.delivery, () => this.#fail(request, result))
  }

  /** REVOKED for what waits behind it; the message to the dead letters. */
  reject(request: Request, error: RemoteError, reason: string): void {
    this.#do(request.delivery, async () => {
      const following = await this.#unfinished.end(request.job, 'REVOKED', error)
      await this.#workflows.bury(request.delivery, reason, following)
    })
  }

  /** The message to the dead letters, after what follows is published. */
  bury(delivery: Delivery, reason: string, following: Following): void {
    this.#do(delivery, () => this.#workflows.bury(delivery, reason, following))
  }

  /** FAILURE for whoever waits, as far as the message can be read; then the dead letters. */
  buryFailed(delivery: Delivery, headers: TaskHeaders | undefined, result: RemoteError, reason: string): void {
    const taskId = String(delivery.message.headers['id'])
    this.#do(delivery, async () => {
      await this.#backend
        .store({ taskId, status: 'FAILURE', result, dateDone: new Date() })
        .catch(this.#settlements.report)
      const { message, queue, deliveryCount } = delivery
      const ended = headers && { headers, message, queue, deliveryCount }
      const following = ended ? await this.#unfinished.end(ended, 'FAILURE', result) : {}
      await this.#workflows.bury(delivery, reason, following)
    })
  }

  async #fail(request: Request, result: RemoteError): Promise<void> {
    const { headers, options } = request
    if (storesErrors(headers, options)) {
      await this.#backend.store({
        taskId: request.id,
        status: 'FAILURE',
        result,
        dateDone: new Date(),
        groupId: headers.group,
        parentId: headers.parentId,
      })
    }
    const following = await this.#unfinished.end(request.job, 'FAILURE', result)
    await this.#workflows.acknowledge(request, following)
    if (this.#app.signals.has('taskFailure')) {
      await this.#app.signals.emit('taskFailure', {
        taskName: request.taskName,
        taskId: request.id,
        error: result,
        thrown: undefined,
      })
    }
  }

  #do(delivery: Delivery, work: () => Promise<void>): void {
    void this.#settlements.do(delivery, work)
  }
}
