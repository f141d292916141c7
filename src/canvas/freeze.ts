import { newTaskId } from '../app/task-id.ts'
import type { GroupSignature, SignatureData } from '../protocol/signature-json.ts'
import type { ChildGroup } from '../protocol/result-tuple.ts'
import { decodeRest, isRest } from './rest.ts'

/** With an id for each task and group, so that results are known before anything runs. */
export function frozen(data: SignatureData): SignatureData {
  switch (data.kind) {
    case 'task':
      return { ...data, options: withId(data.options) }
    case 'chain':
      return { ...data, tasks: data.tasks.map(frozen) }
    case 'group':
      return frozenGroup(data)
    case 'chord':
      return { ...data, header: frozenGroup(data.header), body: frozen(data.body) }
  }
}

function frozenGroup(data: GroupSignature): GroupSignature {
  return { ...data, options: withId(data.options), tasks: data.tasks.map(frozen) }
}

/** Celery writes the id after the options that were given. */
function withId(options: SignatureData['options']): SignatureData['options'] {
  return typeof options.taskId === 'string' ? options : { ...options, taskId: newTaskId() }
}

/** The ids of the tasks whose results are those of the whole: one, or those of a group that is not kept elsewhere. */
export function leafIds(data: SignatureData): string[] {
  switch (data.kind) {
    case 'task':
      if (typeof data.options.taskId !== 'string' || (isRest(data) && decodeRest(data.kwargs).size !== 1)) return []
      return [data.options.taskId]
    case 'group':
      return data.tasks.flatMap(leafIds)
    case 'chord':
      return leafIds(data.body)
    case 'chain':
      return data.tasks.slice(-1).flatMap(leafIds)
  }
}

/** What the task before it has as children: a task, or a group, be it the header of a chord as for Celery. */
export function childrenOf(data: SignatureData): ChildGroup | string[] {
  if (data.kind === 'chord') return childrenOf(data.header)
  if (data.kind === 'group') return { groupId: data.options.taskId ?? '', taskIds: leafIds(data) }
  if (data.kind === 'chain') return data.tasks[0] ? childrenOf(data.tasks[0]) : []
  const children = isRest(data) ? decodeRest(data.kwargs).children : undefined
  return children ?? leafIds(data)
}

/** Every task of it that has an id. */
export function taskIds(data: SignatureData): string[] {
  switch (data.kind) {
    case 'task':
      return leafIds(data)
    case 'chain':
    case 'group':
      return data.tasks.flatMap(taskIds)
    case 'chord':
      return [...data.header.tasks.flatMap(taskIds), ...taskIds(data.body)]
  }
}
