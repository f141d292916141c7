import type { Celeriac } from './app.ts'
import type { AsyncResult } from './async-result.ts'
import type { CallOptions } from './call-options.ts'
import type { TaskMeta } from '../protocol/task-meta.ts'
import type { Call } from './prepare-call.ts'
import type { Task } from './task.ts'

/** Runs calls where they are made, by the worker's own pipeline (`task_always_eager`). */
export interface EagerRunner {
  call<R>(task: Task, args: readonly unknown[], options: CallOptions): Promise<AsyncResult<R>>
  /** A call with what follows from it. */
  run<R>(call: Call): Promise<AsyncResult<R>>
  /** The first calls of a workflow, and all that follows. Gives what would be stored of each task. */
  runAll(calls: readonly Call[]): Promise<ReadonlyMap<string, TaskMeta>>
}

/** The one import that goes up, at run time and only in eager mode: the pipeline lives in worker/. */
export async function openEagerRunner(app: Celeriac): Promise<EagerRunner> {
  const { EagerExecutor } = await import('../worker/eager-executor.ts')
  return new EagerExecutor(app)
}
