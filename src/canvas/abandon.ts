import type { Celeriac } from '../app/app.ts'
import type { Outgoing } from '../brokers/broker.ts'
import type { ChordPart } from '../pools/pool.ts'
import { encodeSignature, type SignatureData, type TaskSignature } from '../protocol/signature-json.ts'
import type { TaskMeta } from '../protocol/task-meta.ts'
import { partsOf } from './chord-part.ts'
import { callErrbacks, type Errback } from './errbacks.ts'
import { frozen, taskIds } from './freeze.ts'
import { noPlace, Planner } from './plan.ts'
import { endedRest, isRest, type RestEnd } from './rest.ts'

export type Store = (meta: TaskMeta) => Promise<void>

/** Why a part of a workflow will not run, and the task that it hangs on. */
export interface Abandoning extends RestEnd {
  readonly rootId: string
  readonly parentId: string
  readonly isRedelivered: boolean
}

interface Abandoned {
  readonly outgoing: readonly Outgoing[]
  readonly parts: readonly ChordPart[]
}

/** Ends what will not run: all of it gets the state, chords hear of it, and messages end what is kept elsewhere. */
export async function abandon(app: Celeriac, store: Store, data: SignatureData, how: Abandoning): Promise<Abandoned> {
  const { state: status, error, rootId, isRedelivered, tells } = how
  // Celery knows the group of a step of a chain, but not that of a body.
  const groupId = data.kind === 'task' && !tells ? (data.options.groupId ?? undefined) : undefined
  for (const taskId of taskIds(data)) {
    await store({ taskId, status, result: error, traceback: error.traceback, dateDone: new Date(), groupId })
  }
  const ended = await endRests(app, data, how)
  const told = tells ? await tellOfFailure(app, data, how) : []
  return { outgoing: [...ended, ...told], parts: partsOf(data, status, error, { rootId, isRedelivered }) }
}

async function endRests(app: Celeriac, data: SignatureData, how: Abandoning): Promise<readonly Outgoing[]> {
  const rests = restsOf(data)
  if (rests.length === 0) return []
  const { state, error, rootId, parentId } = how
  const told = how.tells ? toldTasks(data) : []
  const planner = new Planner(app, { dispatch: 'now' })
  for (const rest of rests) {
    const ended = endedRest(rest, { state, error, tells: told.includes(rest) })
    planner.add(frozen(ended), { ...noPlace, rootId, parentId })
  }
  return app.publisher.outgoing(planner.plan.calls)
}

function restsOf(data: SignatureData): TaskSignature[] {
  switch (data.kind) {
    case 'task':
      return isRest(data) ? [data] : []
    case 'chain':
    case 'group':
      return data.tasks.flatMap(restsOf)
    case 'chord':
      return [...data.header.tasks.flatMap(restsOf), ...restsOf(data.body)]
  }
}

/** The callbacks for errors of its first tasks, each once. */
async function tellOfFailure(
  app: Celeriac,
  data: SignatureData,
  { error, rootId }: Abandoning,
): Promise<readonly Outgoing[]> {
  const errbacks = new Map<string, Errback>()
  for (const { options, task } of toldTasks(data).filter((one) => !isRest(one))) {
    const taskId = options.taskId ?? ''
    for (const errback of options.linkError ?? []) {
      const encoded = encodeSignature(errback)
      const key = JSON.stringify(encoded)
      if (!errbacks.has(key)) errbacks.set(key, { encoded, failed: { taskId, taskName: task, rootId } })
    }
  }
  return callErrbacks(app, [...errbacks.values()], error)
}

/** Whose callbacks for errors are called when a chord with this body fails. */
function toldTasks(data: SignatureData): TaskSignature[] {
  switch (data.kind) {
    case 'task':
      return [data]
    case 'chain':
      return data.tasks.slice(0, 1).flatMap(toldTasks)
    case 'group':
      return data.tasks.flatMap(toldTasks)
    case 'chord':
      return toldTasks(data.body)
  }
}
