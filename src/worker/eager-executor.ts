import type { Celeriac } from '../app/app.ts'
import { AsyncResult } from '../app/async-result.ts'
import type { EagerRunner } from '../app/eager.ts'
import type { CallOptions } from '../app/call-options.ts'
import type { Task } from '../app/task.ts'
import type { Outgoing } from '../brokers/broker.ts'
import { openAsyncPool } from '../pools/open-pool.ts'
import type { Job, Outcome } from '../pools/pool.ts'
import { readTask } from '../protocol/task-message.ts'
import type { TaskMeta } from '../protocol/task-meta.ts'
import { loadJson, dumpJson } from '../protocol/typed-json.ts'
import { Executor } from './executor.ts'

/** Runs a call where it is made: the same message, the same pipeline, no broker. Retries follow at once. */
export class EagerExecutor implements EagerRunner {
  readonly #app: Celeriac

  constructor(app: Celeriac) {
    this.#app = app
  }

  async call<R>(task: Task, args: readonly unknown[], options: CallOptions): Promise<AsyncResult<R>> {
    const { publisher } = this.#app
    const call = await publisher.prepare(publisher.callOf(task, args, options))
    let meta: TaskMeta = { taskId: call.taskId, status: 'PENDING', result: null }
    const stored = async (state: TaskMeta): Promise<void> => {
      // Through the result's own form, so that tests see what production would give.
      meta = { ...state, result: loadJson(dumpJson(state.result)) }
      if (this.#app.config.task.storeEagerResult) await (await this.#app.openBackend()).store(state)
    }
    const outcome = await this.#attempts(task, call.outgoing, stored)
    const result = new AsyncResult<R>(this.#app, call.taskId, false, finalMeta(meta, outcome))
    if (this.#app.config.task.eagerPropagates) await result.get()
    return result
  }

  async #attempts(task: Task, first: Outgoing, store: (meta: TaskMeta) => Promise<void>): Promise<Outcome> {
    const app = this.#app
    const codec = await app.openCodec()
    const executor = new Executor(app, { hostname: app.nodeName, codec, isEager: true, store })
    const pool = openAsyncPool({
      size: 1,
      execute: (job, attempt) => executor.execute(job, attempt),
      onSlotFree: () => undefined,
    })
    const compiled = task.compiledFor(app)
    for (let outgoing = first; ;) {
      const { headers, protocol } = readTask(outgoing.message, () => codec.load(outgoing.message))
      const job: Job = {
        headers: { ...headers, ignoreResult: false },
        protocol,
        message: outgoing.message,
        queue: outgoing.queue,
        deliveryCount: 1,
        hardTimeLimitMs: headers.hardTimeLimit === undefined ? compiled.timeLimitMs : headers.hardTimeLimit * 1000,
        softTimeLimitMs: headers.softTimeLimit === undefined ? compiled.softTimeLimitMs : headers.softTimeLimit * 1000,
      }
      const outcome = await pool.run(job).outcome
      if (outcome.kind !== 'retried') return outcome
      outgoing = outcome.next
    }
  }
}

/** What no step stores: the parent of a slot would have done it. */
function finalMeta(meta: TaskMeta, outcome: Outcome): TaskMeta {
  switch (outcome.kind) {
    case 'timedOut':
      return failure(meta, 'TimeLimitExceeded', `${outcome.limitMs / 1000} s`)
    case 'rejected':
    case 'lost':
    case 'undecodable':
      return failure(meta, outcome.kind === 'rejected' ? 'Reject' : 'Error', outcome.reason)
    case 'ignored':
      return { ...meta, status: 'SUCCESS', result: undefined }
    case 'succeeded':
    case 'failed':
    case 'retried':
    case 'cancelled':
      return meta
  }
}

function failure(meta: TaskMeta, type: string, reason: string): TaskMeta {
  return { ...meta, status: 'FAILURE', result: { type, details: [reason], module: 'celeriac', traceback: undefined } }
}
