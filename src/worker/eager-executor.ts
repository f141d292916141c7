import type { Celeriac } from '../app/app.ts'
import { AsyncResult } from '../app/async-result.ts'
import type { EagerRunner } from '../app/eager.ts'
import type { CallOptions } from '../app/call-options.ts'
import type { Call } from '../app/prepare-call.ts'
import type { Task } from '../app/task.ts'
import { openBackend } from '../backends/open-backend.ts'
import type { Outgoing } from '../brokers/broker.ts'
import { Chords } from '../canvas/chords.ts'
import { openAsyncPool } from '../pools/open-pool.ts'
import type { Job, Outcome } from '../pools/pool.ts'
import { readTask } from '../protocol/task-message.ts'
import type { TaskMeta } from '../protocol/task-meta.ts'
import { loadJson, dumpJson } from '../protocol/typed-json.ts'
import { Executor } from './executor.ts'
import { effectiveLimitMs } from './request.ts'

/** Runs a call where it is made: the same message, the same pipeline, no broker. Retries follow at once. */
export class EagerExecutor implements EagerRunner {
  readonly #app: Celeriac

  constructor(app: Celeriac) {
    this.#app = app
  }

  async call<R>(task: Task, args: readonly unknown[], options: CallOptions): Promise<AsyncResult<R>> {
    return this.run<R>(this.#app.publisher.callOf(task, args, options))
  }

  async run<R>(call: Call): Promise<AsyncResult<R>> {
    const [prepared] = await this.#app.publisher.prepareAll([call])
    if (!prepared) throw new Error('a call gives a message')
    const metas = await this.#runAll([prepared.outgoing])
    const result = new AsyncResult<R>(this.#app, prepared.taskId, { local: metas.get(prepared.taskId) })
    if (this.#app.config.task.eagerPropagates) await result.get()
    return result
  }

  async runAll(calls: readonly Call[]): Promise<ReadonlyMap<string, TaskMeta>> {
    const prepared = await this.#app.publisher.prepareAll(calls)
    return this.#runAll(prepared.map(({ outgoing }) => outgoing))
  }

  /** The messages, and what follows from them, one after the other. Gives what would be stored of each task. */
  async #runAll(messages: readonly Outgoing[]): Promise<ReadonlyMap<string, TaskMeta>> {
    const metas = new Map<string, TaskMeta>()
    const store = async (state: TaskMeta): Promise<void> => {
      // Through the result's own form, so that tests see what production would give.
      metas.set(state.taskId, { ...state, result: loadJson(dumpJson(state.result)) })
      if (this.#app.config.task.storeEagerResult) await (await this.#app.openBackend()).store(state)
    }
    await using groups = await openBackend('memory:', { expiresMs: undefined })
    const chords = new Chords(this.#app, {
      addGroupPart: (groupId, part) => groups.addGroupPart(groupId, part),
      groupParts: (groupId) => groups.groupParts(groupId),
      store,
    })
    const waiting = [...messages]
    for (let outgoing = waiting.shift(); outgoing; outgoing = waiting.shift()) {
      const taskId = String(outgoing.message.headers['id'])
      const outcome = await this.#attempts(outgoing, store)
      metas.set(taskId, finalMeta(metas.get(taskId) ?? { taskId, status: 'PENDING', result: null }, outcome))
      if (outcome.kind !== 'succeeded' && outcome.kind !== 'failed' && outcome.kind !== 'ignored') continue
      waiting.push(...(outcome.successors ?? []))
      if (outcome.parts) waiting.push(...(await chords.report(outcome.parts)).outgoing)
    }
    return metas
  }

  async #attempts(first: Outgoing, store: (meta: TaskMeta) => Promise<void>): Promise<Outcome> {
    const app = this.#app
    const codec = await app.connections.codec()
    const executor = new Executor(app, { hostname: app.nodeName, codec, isEager: true, store })
    const pool = openAsyncPool({
      size: 1,
      execute: (job, attempt) => executor.execute(job, attempt),
      onSlotFree: () => undefined,
    })
    for (let outgoing = first; ;) {
      const { headers, protocol } = readTask(outgoing.message, () => codec.load(outgoing.message))
      const compiled = app.tasks.get(headers.task)?.compiledFor(app)
      const job: Job = {
        headers: { ...headers, ignoreResult: false },
        protocol,
        message: outgoing.message,
        queue: outgoing.queue,
        deliveryCount: 1,
        hardTimeLimitMs: effectiveLimitMs(headers.hardTimeLimit, compiled?.timeLimitMs),
        softTimeLimitMs: effectiveLimitMs(headers.softTimeLimit, compiled?.softTimeLimitMs),
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
