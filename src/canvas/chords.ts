import { setTimeout as pause } from 'node:timers/promises'
import type { Celeriac } from '../app/app.ts'
import type { ResultBackend } from '../backends/backend.ts'
import type { Outgoing } from '../brokers/broker.ts'
import type { ChordPart } from '../pools/pool.ts'
import { reprValue } from '../protocol/python-repr.ts'
import type { RemoteError } from '../protocol/remote-error.ts'
import { decodeSignature, type SignatureData } from '../protocol/signature-json.ts'
import { decodeTaskMeta } from '../protocol/task-meta.ts'
import { loadJson } from '../protocol/typed-json.ts'
import { abandon } from './abandon.ts'
import { frozen } from './freeze.ts'
import { ownForm } from './parts.ts'
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
      const { taskId: parentId, rootId, isRedelivered } = part
      const error = chordError(failed.taskId, failed.result as RemoteError)
      // It may be a part of another chord.
      const how = { state: 'FAILURE', error, tells: true, rootId, parentId, isRedelivered } as const
      const ended = await abandon(this.#app, (meta) => this.#store.store(meta), body, how)
      waiting.push(...ended.parts)
      outgoing.push(...ended.outgoing)
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
    planner.add(frozen(withFirstArgument(ownForm(body), results)), { ...noPlace, rootId, parentId: taskId })
    await planner.prepare()
    return this.#app.publisher.outgoing(planner.plan.calls)
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
