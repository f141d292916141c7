import type { Celeriac } from './app.ts'
import { withSelfFirst } from './arguments.ts'
import type { Arguments } from './model-declaration.ts'
import type { Task } from './task.ts'

/**
 * The arguments of a call with references in the place of rows, where `later` ones will be put before them. `committed`:
 * the message leaves after the open transaction is committed. Throws as a call does that the task does not take.
 */
export function callReferences(
  { models }: Celeriac,
  task: Task | undefined,
  given: Arguments,
  committed: boolean,
  later = 0,
): Arguments {
  if (models.isEmpty && task?.declaration.isDeclared !== true) return given
  if (!task) return models.toReferences(given, '$', { committed })
  const ordered = withSelfFirst(task, given)
  if (ordered === given) return models.argumentReferences(task.declaration, given, committed, later)
  // By keyword it stays where it is, and what is put before the others stands behind it.
  const { args, kwargs } = models.argumentReferences(task.declaration, ordered, committed)
  const [self, ...rest] = args
  return { args: rest, kwargs: { ...kwargs, [task.self as string]: self } }
}
