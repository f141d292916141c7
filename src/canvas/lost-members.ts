import { newTaskId } from '../app/task-id.ts'
import type { IdleGroup } from '../backends/backend.ts'
import type { ChordPart } from '../pools/pool.ts'
import type { RemoteError } from '../protocol/remote-error.ts'
import { encodeTaskMeta } from '../protocol/task-meta.ts'
import { dumpJson } from '../protocol/typed-json.ts'

/** Parts in the place of the members that a chord has lost. Reported again, they are the same. */
export function lostMembers({ groupId, body, missing }: IdleGroup, idleMs: number): ChordPart[] {
  const reason = `${missing} of its members did not end, and none did for ${idleMs / 1000} s (result_chord_timeout)`
  const result: RemoteError = {
    type: 'WorkerLostError',
    details: [reason],
    module: 'billiard.exceptions',
    traceback: undefined,
  }
  return Array.from({ length: missing }, (_, at) => {
    const taskId = `${groupId}-lost-${at + 1}`
    const meta = dumpJson(encodeTaskMeta({ taskId, status: 'FAILURE', result }))
    const index = Number.MAX_SAFE_INTEGER - at
    return { groupId, index, taskId, rootId: groupId, token: newTaskId(), isRedelivered: true, meta, body }
  })
}
