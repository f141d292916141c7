import { EncodeError } from '../errors.ts'
import { isRecord } from '../protocol/describe-value.ts'
import { reprValue } from '../protocol/python-repr.ts'
import { decodeTaskMeta, encodeTaskMeta, type TaskMeta } from '../protocol/task-meta.ts'
import { dumpJson, loadJson } from '../protocol/typed-json.ts'
import type { GroupPart } from './backend.ts'
import { jsonForm, type ResultForm } from './result-form.ts'

/**
 * The text under which a meta is kept: values are encoded, so nobody shares mutable state with the store. What is
 * extended (name, arguments, worker) is kept only where the settings ask for it.
 */
export function dumpMeta(meta: TaskMeta, isExtended: boolean, form: ResultForm = jsonForm): string {
  const kept = isExtended || !meta.extended ? meta : { ...meta, extended: undefined }
  try {
    return form.dump(encodeTaskMeta(kept, form.dump))
  } catch (error) {
    // Arguments came in a form of their own, which may hold more.
    if (!kept.extended || form === jsonForm || !(error instanceof EncodeError)) throw error
    const { args, kwargs } = kept.extended
    const extended = { ...kept.extended, args: reprValue(args), kwargs: reprValue(kwargs) }
    return form.dump(encodeTaskMeta({ ...kept, extended }, form.dump))
  }
}

export function loadMeta(text: string): TaskMeta {
  return decodeTaskMeta(loadJson(text))
}

/** The same where the key names the task and the text need not. */
export function loadMetaOf(taskId: string, text: string, form: ResultForm = jsonForm): TaskMeta {
  const value = form.load(text)
  const isNamed = !isRecord(value) || typeof value['task_id'] === 'string'
  return decodeTaskMeta(isNamed ? value : { ...value, task_id: taskId })
}

/** A part of a group is kept as the meta of its task, so that errors are encoded like those of results. */
export function dumpPart({ taskId, status, result }: GroupPart): string {
  return dumpJson(encodeTaskMeta({ taskId, status, result }))
}

export function loadPart(index: number, text: string): GroupPart {
  const { taskId, status, result } = loadMeta(text)
  return { index, taskId, status, result }
}
