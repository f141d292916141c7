import { isRecord } from '../protocol/describe-value.ts'
import { decodeTaskMeta, encodeTaskMeta, type TaskMeta } from '../protocol/task-meta.ts'
import { dumpJson, loadJson } from '../protocol/typed-json.ts'
import type { GroupPart } from './backend.ts'

/**
 * The text under which a meta is kept: values are encoded, so nobody shares mutable state with the store. What is
 * extended (name, arguments, worker) is kept only where the settings ask for it.
 */
export function dumpMeta(meta: TaskMeta, isExtended: boolean): string {
  return dumpJson(encodeTaskMeta(isExtended || !meta.extended ? meta : { ...meta, extended: undefined }))
}

export function loadMeta(text: string): TaskMeta {
  return decodeTaskMeta(loadJson(text))
}

/** The same where the key names the task and the text need not. */
export function loadMetaOf(taskId: string, text: string): TaskMeta {
  const value = loadJson(text)
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
