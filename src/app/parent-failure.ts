import { setTimeout as pause } from 'node:timers/promises'
import { isReady } from '../protocol/states.ts'
import type { TaskMeta } from '../protocol/task-meta.ts'
import type { AnyResult } from './async-result.ts'
import type { ResultWatcher } from './result-watcher.ts'

/** How long a result is waited for alone before those that it hangs on are asked, and after one of them failed. */
const patienceMs = 1000

/**
 * The failure of a task before this one in its workflow, some time after the result itself should have told of it: a
 * worker in Python does not store it for all that will not run. Never resolves otherwise; rejects when `signal` aborts.
 */
export async function failureBefore(
  { parent }: AnyResult,
  watcher: ResultWatcher,
  signal: AbortSignal,
): Promise<TaskMeta | undefined> {
  await pause(patienceMs, undefined, { signal, ref: false })
  const failed = await watcher.waitForAny(taskIdsBefore(parent), isFailure, undefined, signal)
  await pause(patienceMs, undefined, { signal, ref: false })
  return failed
}

function taskIdsBefore(result: AnyResult | undefined): string[] {
  const ids: string[] = []
  for (let at = result; at; at = at.parent) ids.push(...(at.results?.map(({ id }) => id) ?? [at.id]))
  return ids
}

function isFailure({ status }: TaskMeta): boolean {
  return isReady(status) && status !== 'SUCCESS'
}
