import { decodeTaskMeta, encodeTaskMeta, type TaskMeta } from '../protocol/task-meta.ts'
import { dumpJson, loadJson } from '../protocol/typed-json.ts'

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
