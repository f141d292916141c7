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

/** A part of a group is kept as the meta of its task, so that errors are encoded like those of results. */
export function dumpPart({ taskId, status, result }: GroupPart): string {
  return dumpJson(encodeTaskMeta({ taskId, status, result }))
}

export function loadPart(index: number, text: string): GroupPart {
  const { taskId, status, result } = loadMeta(text)
  return { index, taskId, status, result }
}
