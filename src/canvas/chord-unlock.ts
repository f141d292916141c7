import { currentTask } from '../app/context.ts'
import type { Outgoing } from '../brokers/broker.ts'
import { encodeSignature, decodeSignature } from '../protocol/signature-json.ts'
import { decodeChildren } from '../protocol/result-tuple.ts'
import { isReady } from '../protocol/states.ts'
import { encodeTaskMeta } from '../protocol/task-meta.ts'
import { dumpJson } from '../protocol/typed-json.ts'
import { Chords } from './chords.ts'
import { Continued } from './continued.ts'

/** Celery's `result_chord_retry_interval`. */
const defaultSeconds = 1

/**
 * Ends a chord of Python whose result backend cannot count: asks for the results of its members until all are there, then
 * sends the body.
 */
export async function unlockChord(
  groupId: string,
  callback: unknown,
  interval: unknown,
  maxRetries: unknown,
  result: unknown,
): Promise<never> {
  const task = currentTask()
  const taskIds = decodeChildren(result)
  const backend = await task.app.openBackend()
  const metas = await backend.fetch(taskIds)
  if (!metas.every((meta) => meta && isReady(meta.status))) {
    const countdown = typeof interval === 'number' ? interval : defaultSeconds
    return task.retry({ countdown, ...(typeof maxRetries === 'number' ? { maxRetries } : undefined) })
  }
  // Counted here, where all of them are known to be over.
  const counted = new Map(metas.map((meta, index) => [taskIds[index] ?? '', meta]))
  const body = { ...decodeSignature(callback), chordSize: taskIds.length }
  const chords = new Chords(task.app, {
    addGroupPart: (_groupId, { index }) => Promise.resolve({ place: index + 1, isFirst: true, size: undefined }),
    groupParts: () =>
      Promise.resolve(
        [...counted].map(([taskId, meta], index) => ({
          index,
          taskId,
          status: meta?.status ?? '',
          result: meta?.result,
        })),
      ),
    store: (meta) => backend.store(meta),
  })
  const last = taskIds.length - 1
  const [taskId = '', meta] = [taskIds[last], metas[last]]
  const part = {
    groupId,
    index: last,
    taskId,
    rootId: task.request.rootId,
    token: task.request.id,
    isRedelivered: false,
    meta: dumpJson(encodeTaskMeta({ taskId, status: meta?.status ?? 'SUCCESS', result: meta?.result })),
    body: dumpJson(encodeSignature(body)),
  }
  const { outgoing } = await chords.report([part])
  throw new Continued(outgoing satisfies readonly Outgoing[])
}
