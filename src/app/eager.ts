import type { Celeriac } from './app.ts'
import type { AsyncResult } from './async-result.ts'
import type { CallOptions } from './call-options.ts'
import type { Task } from './task.ts'

/** Runs calls where they are made, by the worker's own pipeline (`task_always_eager`). */
export interface EagerRunner {
  call<R>(task: Task, args: readonly unknown[], options: CallOptions): Promise<AsyncResult<R>>
}

/** The one import that goes up, at run time and only in eager mode: the pipeline lives in worker/. */
export async function openEagerRunner(app: Celeriac): Promise<EagerRunner> {
  const { EagerExecutor } = await import('../worker/eager-executor.ts')
  return new EagerExecutor(app)
}
