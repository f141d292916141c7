import { newTaskId } from '../app/task-id.ts'
import { encodeSignature, type SignatureData } from '../protocol/signature-json.ts'
import type { TaskState } from '../protocol/states.ts'
import { encodeTaskMeta } from '../protocol/task-meta.ts'
import { dumpJson } from '../protocol/typed-json.ts'
import type { Embed } from '../protocol/task-body.ts'
import type { TaskHeaders } from '../protocol/task-message.ts'
import type { ChordPart } from '../pools/pool.ts'
import { isRest } from './rest.ts'

/** A task that is over, with what its message says of its place in a workflow. */
export interface Finished {
  readonly headers: TaskHeaders
  readonly embed: Embed
  readonly isRedelivered: boolean
  /** Of its message. */
  readonly priority?: number | undefined
}

/** Behind all that have an index. */
const lastIndex = Number.MAX_SAFE_INTEGER

/** What a finished task is for the chord that it belongs to, if it does. Throws EncodeError for a result that is no data. */
export function partOf(
  { headers, embed, isRedelivered }: Finished,
  status: TaskState,
  result: unknown,
): ChordPart | undefined {
  const { id: taskId, group: groupId, groupIndex, rootId = taskId } = headers
  if (!embed.chord || groupId === undefined) return undefined
  const meta = dumpJson(encodeTaskMeta({ taskId, status, result }))
  const body = dumpJson(embed.chord)
  return { groupId, index: groupIndex ?? lastIndex, taskId, rootId, token: newTaskId(), isRedelivered, meta, body }
}

type PartOrigin = Pick<ChordPart, 'rootId' | 'isRedelivered'>

/** The parts of chords that tasks are which will not run. */
export function partsOf(data: SignatureData, status: TaskState, result: unknown, of: PartOrigin): ChordPart[] {
  switch (data.kind) {
    case 'task': {
      const { taskId, groupId, groupIndex, chord } = data.options
      // What is kept elsewhere reports its own.
      if (!taskId || !groupId || !chord || isRest(data)) return []
      const meta = dumpJson(encodeTaskMeta({ taskId, status, result }))
      const body = dumpJson(encodeSignature(chord))
      return [{ ...of, groupId, index: groupIndex ?? lastIndex, taskId, token: newTaskId(), meta, body }]
    }
    case 'chain':
    case 'group':
      return data.tasks.flatMap((task) => partsOf(task, status, result, of))
    case 'chord':
      return partsOf(data.body, status, result, of)
  }
}
