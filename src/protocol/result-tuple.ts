import { DecodeError } from '../errors.ts'
import { describeValue } from './describe-value.ts'
import { maxDepth } from './fold-value.ts'

/** A task's result as a tuple: `[[id, parent], null]`. */
export function encodeChild(taskId: string): [[string, null], null] {
  return [[taskId, null], null]
}

/** Children that one call of a group made. */
export interface ChildGroup {
  readonly groupId: string
  readonly taskIds: readonly string[]
}

/** The result tuples of tasks, of which those of a group stand together. */
export function encodeChildren(taskIds: readonly string[], groups: readonly ChildGroup[]): unknown[] {
  if (groups.length === 0) return taskIds.map(encodeChild)
  const grouped = new Set(groups.flatMap((group) => group.taskIds))
  const alone = taskIds.filter((taskId) => !grouped.has(taskId))
  return [...alone.map(encodeChild), ...groups.map(encodeGroup)]
}

function encodeGroup({ groupId, taskIds }: ChildGroup): unknown {
  return [[groupId, null], taskIds.map(encodeChild)]
}

/** The task ids in a list of result tuples; a group `[[id, parent], children]` counts as its members. */
export function decodeChildren(value: unknown): string[] {
  const ids: string[] = []
  collect(value, ids, 0)
  return ids
}

function collect(tuples: unknown, ids: string[], depth: number): void {
  if (!Array.isArray(tuples)) throw malformed('a list of result tuples', tuples)
  if (depth >= maxDepth) throw new DecodeError(`children are nested more than ${maxDepth} levels deep`)
  for (const tuple of tuples as unknown[]) {
    if (typeof tuple === 'string') ids.push(tuple)
    else if (!Array.isArray(tuple) || !Array.isArray(tuple[0])) throw malformed('[[id, parent], children]', tuple)
    else if (tuple[1] !== null && tuple[1] !== undefined) collect(tuple[1], ids, depth + 1)
    else if (typeof tuple[0][0] === 'string') ids.push(tuple[0][0])
    else throw malformed('the id of a task', tuple[0][0])
  }
}

function malformed(expected: string, got: unknown): DecodeError {
  return new DecodeError(`children must hold ${expected}, got ${describeValue(got)}`)
}
