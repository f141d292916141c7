import { setTimeout as pause } from 'node:timers/promises'
import type { Celeriac } from '../app/app.ts'
import type { ResultBackend } from '../backends/backend.ts'
import type { Outgoing } from '../brokers/broker.ts'
import type { ChordPart } from '../pools/pool.ts'
import { reprValue } from '../protocol/python-repr.ts'
import type { RemoteError } from '../protocol/remote-error.ts'
import { decodeSignature, encodeSignature, type SignatureData } from '../protocol/signature-json.ts'
import { decodeTaskMeta, type TaskMeta } from '../protocol/task-meta.ts'
import { loadJson } from '../protocol/typed-json.ts'
import { partsOf } from './chord-part.ts'
import { callErrbacks, type Errback } from './errbacks.ts'
import { frozen, taskIds } from './freeze.ts'
import { noPlace, Planner, withFirstArgument } from './plan.ts'

const closingMs = 1000

type GroupStore = Pick<ResultBackend, 'addGroupPart' | 'groupParts' | 'store'>

/** What follows from parts that were reported. */
export interface Reported {
  readonly outgoing: readonly Outgoing[]
  /** The chords that are complete: to be closed once what follows is published. */
  readonly groups: readonly string[]
}

/**
 * Counts the finished members of chords. The one that comes last takes the body along: it is published in one step with
 * the acknowledgement of that member. A member that is reported again has its old place, so there is one such step.
 */
export class Chords {
  readonly #app: Celeriac
  readonly #store: GroupStore

  constructor(app: Celeriac, store: GroupStore) {
    this.#app = app
    this.#store = store
  }

  async report(parts: readonly ChordPart[]): Promise<Reported> {
    const outgoing: Outgoing[] = []
    const groups: string[] = []
    const waiting = [...parts]
    for (let part = waiting.shift(); part; part = waiting.shift()) {
      const body = decodeSignature(loadJson(part.body))
      if (!(await this.#isLast(part, body))) continue
      groups.push(part.groupId)
      const members = await this.#store.groupParts(part.groupId)
      const failed = members.find(({ status }) => status !== 'SUCCESS')
      if (!failed) {
        outgoing.push(
          ...(await this.#start(
            body,
            part,
            members.map(({ result }) => result),
          )),
        )
        continue
      }
      const error = chordError(failed.taskId, failed.result as RemoteError)
      waiting.push(...(await this.#fail(body, error, part)))
      outgoing.push(...(await this.#errbacks(body, error, part.rootId)))
    }
    return { outgoing, groups }
  }

  /** Of a chord of Python whose size nobody knows, another task finds the end. */
  async #isLast(part: ChordPart, body: SignatureData): Promise<boolean> {
    const { groupId, index, taskId, token, isRedelivered, meta } = part
    const { status, result } = decodeTaskMeta(loadJson(meta))
    const reported = { index, taskId, status, result, token }
    const { place, isFirst, size = body.chordSize } = await this.#store.addGroupPart(groupId, reported)
    if (place !== size) return false
    if (isFirst || isRedelivered) return true
    // Another attempt was here. If it took the body along, it closes the group now; if it was stopped before, never.
    await pause(closingMs)
    return (await this.#store.addGroupPart(groupId, reported)).place !== 0
  }

  async #start(body: SignatureData, { rootId, taskId }: ChordPart, results: readonly unknown[]): Promise<Outgoing[]> {
    const planner = new Planner(this.#app, { dispatch: 'now' })
    planner.add(frozen(withFirstArgument(body, results)), { ...noPlace, rootId, parentId: taskId })
    await planner.openChords()
    return this.#app.publisher.outgoing(planner.plan.calls)
  }

  /** The body, and whatever stands behind it, fails; it may be a part of another chord. */
  async #fail(body: SignatureData, error: RemoteError, { rootId, isRedelivered }: ChordPart): Promise<ChordPart[]> {
    for (const taskId of taskIds(body)) {
      const meta: TaskMeta = { taskId, status: 'FAILURE', result: error, dateDone: new Date() }
      await this.#store.store(meta)
    }
    return partsOf(body, 'FAILURE', error, { rootId, isRedelivered })
  }

  async #errbacks(body: SignatureData, error: RemoteError, rootId: string): Promise<readonly Outgoing[]> {
    const errbacks = new Map<string, Errback>()
    for (const { options, task } of firstTasks(body)) {
      const taskId = options.taskId ?? ''
      for (const errback of options.linkError ?? []) {
        const encoded = encodeSignature(errback)
        const key = JSON.stringify(encoded)
        if (!errbacks.has(key)) errbacks.set(key, { encoded, failed: { taskId, taskName: task, rootId } })
      }
    }
    return callErrbacks(this.#app, [...errbacks.values()], error)
  }
}

type TaskData = Extract<SignatureData, { kind: 'task' }>

function firstTasks(data: SignatureData): TaskData[] {
  switch (data.kind) {
    case 'task':
      return [data]
    case 'chain':
      return data.tasks.slice(0, 1).flatMap(firstTasks)
    case 'group':
      return data.tasks.flatMap(firstTasks)
    case 'chord':
      return firstTasks(data.body)
  }
}

function chordError(taskId: string, error: RemoteError): RemoteError {
  const shown = `${error.type}(${error.details.map((detail) => reprValue(detail)).join(', ')})`
  return {
    type: 'ChordError',
    details: [`Dependency ${taskId} raised ${shown}`],
    module: 'celery.exceptions',
    traceback: error.traceback,
  }
}
